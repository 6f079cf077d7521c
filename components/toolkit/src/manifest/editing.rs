//! What a layout lists, and what refers to what in it.

use crate::bindings::exports::portolan::image::manifest::{Edit, GuestReferrers, Referrers as ReferrersHandle};
use crate::bindings::exports::portolan::image::types::Descriptor;
use crate::types::{Imported, Limit, Result, limits};
use portolan_image::layout::{Listing, Untagged};
use portolan_image::{Error, referrers};
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

pub(super) fn edit(index: Option<Vec<u8>>, edits: Vec<Edit>, replaced: &[Limit]) -> Result<Vec<u8>> {
    let mut listing = match index {
        Some(index) => Listing::parse(&index, &limits(replaced)?)?,
        None => Listing::default(),
    };
    for edit in edits {
        let (is_done, what) = match edit {
            Edit::Tag((tag, descriptor)) => {
                listing.set_tag(&tag, &descriptor.try_into()?, Untagged::Drop);
                (true, tag)
            }
            Edit::Add(descriptor) => {
                listing.add(&descriptor.try_into()?);
                (true, String::new())
            }
            Edit::Untag(tag) => (listing.remove_tag(&tag, Untagged::Drop), tag),
            Edit::Remove(digest) => (listing.remove_digest(&digest.parse()?), digest),
        };
        if !is_done {
            return Err(Error::ReferenceNotFound { reason: format!("the layout lists no {what:?}") }.into());
        }
    }
    Ok(listing.to_bytes())
}
