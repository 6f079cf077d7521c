//! The interface `layout`.

use crate::Component;
use crate::bindings::exports::portolan::image::layout::{DockerArchive, Edit, Guest};
use crate::bindings::exports::portolan::image::types::Descriptor;
use crate::types::{Limit, Result, limits};
use portolan_image::layout::{Listing, Untagged};
use portolan_image::{self as image, Error, docker};

impl Guest for Component {
    fn edit_index(index: Option<Vec<u8>>, edits: Vec<Edit>, replaced: Vec<Limit>) -> Result<Vec<u8>> {
        let mut listing = match index {
            Some(index) => Listing::parse(&index, &limits(&replaced)?)?,
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

    fn marker() -> Vec<u8> {
        image::Layout::bytes()
    }

    fn write_docker_archive(
        manifest: Descriptor,
        bytes: Vec<u8>,
        name: Option<String>,
        replaced: Vec<Limit>,
    ) -> Result<DockerArchive> {
        let written = docker::write(&manifest.try_into()?, &bytes, name.as_deref(), &limits(&replaced)?)?;
        Ok(DockerArchive { listing: written.listing, index: written.index })
    }
}
