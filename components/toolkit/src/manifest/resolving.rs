//! The resource `resolver`.

use super::selector;
use crate::bindings::exports::portolan::image::manifest::{
    GuestResolver, Origin, PlacedAnnotation, Resolved, Resolver as ResolverHandle, Wanted, WantedPlatforms,
};
use crate::bindings::exports::portolan::image::types::Descriptor;
use crate::types::{Imported, Limit, Result, limits};
use portolan_image::resolve::{self, Step};
use portolan_image::{Error, Platform};
use std::cell::RefCell;

/// The way to one image.
pub(crate) struct Resolver(RefCell<Option<resolve::Resolver>>);

const FINISHED: Error = Error::InvalidState { reason: "the image is already taken" };

impl GuestResolver for Resolver {
    fn start(index: Vec<u8>, wanted: Wanted, replaced: Vec<Limit>) -> Result<ResolverHandle> {
        let selector = selector(wanted.tag, wanted.digest)?;
        let resolver = resolve::Resolver::layout(&index, &selector, wanted.platforms.into(), &limits(&replaced)?)?;
        Ok(ResolverHandle::new(Self(RefCell::new(Some(resolver)))))
    }

    fn next(&self) -> Option<Descriptor> {
        match self.0.borrow().as_ref()?.next() {
            Step::Fetch(descriptor) => Some(descriptor.clone().into()),
            Step::Done(_) => None,
        }
    }

    fn supply(&self, bytes: Vec<u8>) -> Result<()> {
        Ok(self.0.borrow_mut().as_mut().ok_or(FINISHED)?.supply(&bytes, &Imported)?)
    }

    fn finish(&self) -> Result<Resolved> {
        let resolved = self.0.borrow_mut().take().ok_or(FINISHED)?.finish()?;
        Ok(Resolved {
            indexes: resolved.chain.into_iter().map(|link| link.descriptor.into()).collect(),
            descriptor: resolved.descriptor.into(),
            raw_manifest: resolved.manifest.raw.clone(),
            manifest: resolved.manifest.into(),
            raw_config: resolved.config_bytes,
            config: resolved.config.map(Into::into),
            platform: resolved.platform.map(Into::into),
            annotations: resolved
                .annotations
                .into_iter()
                .map(|annotation| PlacedAnnotation {
                    origin: match annotation.origin {
                        resolve::Origin::IndexDescriptor(_) | resolve::Origin::ManifestDescriptor => Origin::Descriptor,
                        resolve::Origin::Index(_) => Origin::Index,
                        resolve::Origin::Label => Origin::Label,
                        _ => Origin::Manifest,
                    },
                    key: annotation.key,
                    value: annotation.value,
                })
                .collect(),
        })
    }
}

impl From<WantedPlatforms> for resolve::Wanted {
    fn from(wanted: WantedPlatforms) -> Self {
        match wanted {
            WantedPlatforms::Any => Self::First,
            WantedPlatforms::Host(host) => Self::Host(host.into()),
            WantedPlatforms::These(platforms) => Self::Platforms(platforms.into_iter().map(Platform::from).collect()),
        }
    }
}
