//! What refers to what in a layout.

use crate::bindings::exports::portolan::image::manifest::{GuestReferrers, Referrers as ReferrersHandle};
use crate::bindings::exports::portolan::image::types::Descriptor;
use crate::types::{Imported, Limit, Result, limits};
use portolan_image::referrers;
use std::cell::RefCell;

/// What refers to what in a layout.
pub(crate) struct Referrers(RefCell<referrers::Referrers>);

impl GuestReferrers for Referrers {
    fn start(index: Vec<u8>, replaced: Vec<Limit>) -> Result<ReferrersHandle> {
        let referrers = referrers::Referrers::layout(&index, &limits(&replaced)?)?;
        Ok(ReferrersHandle::new(Self(RefCell::new(referrers))))
    }

    fn next(&self) -> Option<Descriptor> {
        self.0.borrow().next().cloned().map(Descriptor::from)
    }

    fn supply(&self, bytes: Option<Vec<u8>>) -> Result<()> {
        Ok(self.0.borrow_mut().supply(bytes.as_deref(), &Imported)?)
    }

    fn find(&self, digest: String) -> Result<Vec<Descriptor>> {
        Ok(self.0.borrow().find(&digest.parse()?).iter().cloned().map(Descriptor::from).collect())
    }
}
