//! A repository at a registry, to write to.

use super::{Fetch, Sink, Stored};
use crate::copy::{Plan, Planned};
use crate::error::Result;
use crate::interrupt::Interrupt;
use crate::manifest::Descriptor;
use crate::registry::{How, Registries, Repository};

/// A repository at a registry. What is put there is there at once; tags come last, when all that they mean is there.
#[derive(Debug)]
pub struct Registry {
    registries: Registries,
    repository: Repository,
    mount_from: Vec<String>,
}

impl Registry {
    /// A repository; `from` is where the images come from, which may have their blobs mounted.
    #[must_use]
    pub fn new(registries: &Registries, repository: Repository, from: Option<&Repository>) -> Self {
        let is_other = |from: &&Repository| from.registry == repository.registry && from.name != repository.name;
        let mount_from = from.filter(is_other).map(|from| from.name.clone()).into_iter().collect();
        Self { registries: registries.clone(), repository, mount_from }
    }
}

impl Sink for Registry {
    fn prepare(&self, _: &Plan) -> Result<()> {
        Ok(())
    }

    /// Pushing asks this itself, before it asks for anything else.
    fn has(&self, _: &Descriptor) -> Result<bool> {
        Ok(false)
    }

    fn put(&self, descriptor: &Descriptor, fetch: &Fetch<'_>, interrupt: &Interrupt) -> Result<Stored> {
        interrupt.check()?;
        let pushed = self.registries.push_blob(&self.repository, descriptor, &self.mount_from, fetch)?;
        Ok(match pushed.how {
            How::Present | How::Mounted => Stored::Present,
            How::Uploaded => Stored::Copied { bytes: descriptor.size },
        })
    }

    fn put_manifest(&self, planned: &Planned) -> Result<()> {
        self.registries.push_manifest(&self.repository, &planned.descriptor, &planned.bytes, &planned.tags)
    }

    fn finish(&self) -> Result<()> {
        Ok(())
    }

    fn kind(&self) -> &'static str {
        "registry"
    }
}
