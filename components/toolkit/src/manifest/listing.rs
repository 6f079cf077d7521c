//! The resource `lister`.

use super::selector;
use crate::bindings::exports::portolan::image::manifest::{GuestLister, Listed, Lister as ListerHandle};
use crate::bindings::exports::portolan::image::types::Descriptor;
use crate::types::{Imported, Limit, Result, limits};
use portolan_image::resolve::{Listing, ListingStep};
use std::cell::RefCell;

/// All images of a layout.
pub(crate) struct Lister(RefCell<Listing>);

impl GuestLister for Lister {
    fn start(
        index: Vec<u8>,
        tag: Option<String>,
        digest: Option<String>,
        replaced: Vec<Limit>,
    ) -> Result<ListerHandle> {
        let listing = Listing::layout(&index, &selector(tag, digest)?, &limits(&replaced)?)?;
        Ok(ListerHandle::new(Self(RefCell::new(listing))))
    }

    fn everything(index: Vec<u8>, replaced: Vec<Limit>) -> Result<ListerHandle> {
        Ok(ListerHandle::new(Self(RefCell::new(Listing::everything(&index, &limits(&replaced)?)?))))
    }

    fn next(&self) -> Option<Descriptor> {
        match self.0.borrow().next() {
            ListingStep::Fetch(descriptor) => Some(descriptor.clone().into()),
            ListingStep::Done(_) => None,
        }
    }

    fn supply(&self, bytes: Option<Vec<u8>>) -> Result<()> {
        let mut listing = self.0.borrow_mut();
        match bytes {
            Some(bytes) => listing.supply(&bytes, &Imported)?,
            None => listing.missing()?,
        }
        Ok(())
    }

    fn finish(&self) -> Vec<Listed> {
        match self.0.borrow().next() {
            ListingStep::Fetch(_) => Vec::new(),
            ListingStep::Done(listed) => listed
                .iter()
                .map(|listed| Listed {
                    descriptor: listed.descriptor.clone().into(),
                    name: listed.name.clone(),
                    indexes: listed.chain.iter().map(ToString::to_string).collect(),
                    platform: listed.platform.clone().map(Into::into),
                    attestation: listed.is_attestation,
                    attestation_of: listed.attestation_of.as_ref().map(ToString::to_string),
                })
                .collect(),
        }
    }
}
