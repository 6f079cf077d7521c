//! The interface `copy`.

use crate::Component;
use crate::bindings::exports::portolan::image::copy::{
    Copied, Copying as CopyingHandle, Guest, GuestCopying, Need, Options, Plan, Planned, Reason, Root, Skipped,
};
use crate::bindings::exports::portolan::image::types::Descriptor;
use crate::types::{Imported, Limit, Result, limits};
use portolan_image::{self as image, Error, copy};
use std::cell::RefCell;

impl Guest for Component {
    type Copying = Copying;
}

/// What is to be copied, as it is found out.
pub(crate) struct Copying(RefCell<Option<copy::Copying>>);

const FINISHED: Error = Error::InvalidState { reason: "the plan is already taken" };

impl GuestCopying for Copying {
    fn start(roots: Vec<Root>, options: Options, replaced: Vec<Limit>) -> Result<CopyingHandle> {
        let root = |root: Root| Ok(copy::Root { descriptor: root.descriptor.try_into()?, tag: root.tag });
        let roots = roots.into_iter().map(root).collect::<Result<_>>()?;
        let options = copy::Options {
            platforms: options.platforms.into_iter().map(image::Platform::from).collect(),
            sparse: options.sparse,
            referrers: options.referrers,
        };
        let copying = copy::Copying::start(roots, options, &limits(&replaced)?, &Imported)?;
        Ok(CopyingHandle::new(Self(RefCell::new(Some(copying)))))
    }

    fn next(&self) -> Option<Need> {
        Some(match self.0.borrow().as_ref()?.next()? {
            copy::Need::Document(descriptor) => Need::Document(descriptor.clone().into()),
            copy::Need::Referrers(descriptor) => Need::Referrers(descriptor.clone().into()),
        })
    }

    fn supply(&self, bytes: Option<Vec<u8>>) -> Result<()> {
        Ok(self.0.borrow_mut().as_mut().ok_or(FINISHED)?.supply(bytes.as_deref(), &Imported)?)
    }

    fn supply_referrers(&self, referrers: Vec<Descriptor>) -> Result<()> {
        let referrers: Vec<image::Descriptor> =
            referrers.into_iter().map(image::Descriptor::try_from).collect::<std::result::Result<_, _>>()?;
        Ok(self.0.borrow_mut().as_mut().ok_or(FINISHED)?.supply_referrers(&referrers, &Imported)?)
    }

    fn finish(&self) -> Result<Plan> {
        let plan = self.0.borrow_mut().take().ok_or(FINISHED)?.finish(&Imported)?;
        Ok(Plan {
            blobs: plan.blobs.into_iter().map(Descriptor::from).collect(),
            skipped: plan.skipped.into_iter().map(Skipped::from).collect(),
            manifests: plan.manifests.into_iter().map(Planned::from).collect(),
            roots: plan.roots.into_iter().map(Copied::from).collect(),
            warnings: plan.warnings,
        })
    }
}

impl From<copy::Planned> for Planned {
    fn from(planned: copy::Planned) -> Self {
        Self {
            descriptor: planned.descriptor.into(),
            bytes: planned.bytes,
            tags: planned.tags,
            listed: planned.is_listed,
            subject: planned.subject.map(Descriptor::from),
        }
    }
}

impl From<copy::Skipped> for Skipped {
    fn from(skipped: copy::Skipped) -> Self {
        Self {
            descriptor: skipped.descriptor.into(),
            reason: match skipped.reason {
                copy::Reason::NonDistributable => Reason::NonDistributable,
                copy::Reason::NotThere => Reason::NotThere,
            },
        }
    }
}

impl From<copy::Copied> for Copied {
    fn from(copied: copy::Copied) -> Self {
        let trimmed = copied.is_trimmed();
        Self { tag: copied.tag, old: copied.old.to_string(), new: copied.new.to_string(), trimmed }
    }
}
