//! An image at a registry: what a name resolves to, read from there as it is needed.

use super::{Blob, Source};
use crate::error::{Error, Result};
use crate::manifest::Descriptor;
use crate::reference::Name;
use crate::registry::{self, Pulled, Registries, Repository};

/// What a tag or digest at a registry named when it was opened. It stays that, whatever becomes of the tag.
#[derive(Debug)]
pub struct Registry {
    registries: Registries,
    repository: Repository,
    root: Pulled,
    index: Vec<u8>,
    tag: Option<String>,
}

impl Registry {
    /// Resolves a name; without tag and digest it is `latest`.
    ///
    /// # Errors
    /// `reference-not-found`, `unauthorized`, `registry-unreachable` and whatever else registries can do.
    pub fn open(registries: &Registries, name: &Name) -> Result<Self> {
        let repository = registry::repository(name);
        let root = registries.resolve(&repository, &name.selector)?;
        let index = registries.index_of(&root.descriptor)?;
        let latest = || name.selector.digest.is_none().then(|| "latest".to_owned());
        let tag = name.selector.tag.clone().or_else(latest);
        Ok(Self { registries: registries.clone(), repository, root, index, tag })
    }

    /// What the name meant.
    #[must_use]
    pub fn root(&self) -> &Descriptor {
        &self.root.descriptor
    }
}

impl Source for Registry {
    fn index(&self) -> Result<Vec<u8>> {
        Ok(self.index.clone())
    }

    fn fetch(&self, descriptor: &Descriptor) -> Result<Option<Blob>> {
        self.fetch_from(descriptor, 0)
    }

    fn fetch_from(&self, descriptor: &Descriptor, offset: u64) -> Result<Option<Blob>> {
        if descriptor.digest == self.root.descriptor.digest {
            let start = usize::try_from(offset).unwrap_or(usize::MAX).min(self.root.bytes.len());
            let bytes = self.root.bytes[start..].to_vec();
            let size = bytes.len() as u64;
            return Ok(Some(Blob::new(std::io::Cursor::new(bytes), size)));
        }
        self.registries.fetch(&self.repository, descriptor, offset)
    }

    fn referrers(&self, digest: &str) -> Result<Vec<Descriptor>> {
        self.registries.referrers(&self.repository, digest, None)
    }

    fn repository(&self) -> Option<&Repository> {
        Some(&self.repository)
    }

    fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    fn kind(&self) -> &'static str {
        "registry"
    }
}

/// That a name was asked for where there is no place of that name, on disk either.
pub(super) fn at(error: Error, text: &str, path: Option<&str>) -> Error {
    match (error, path) {
        (Error::Image { code, message }, Some(path)) if path == text => {
            Error::Image { code, message: format!("{message}; there is no file {path} either") }
        }
        (error, _) => error,
    }
}
