//! An image layout in a tar archive.

use super::archive::Archive;
use super::{Blob, Source};
use crate::error::{Error, Result};
use crate::manifest::{self, Descriptor, Referrers};
use crate::toolkit::Toolkit;
use std::fs::File;
use std::path::Path;

/// An image layout in a tar archive, plain or compressed with gzip.
pub struct LayoutArchive {
    archive: Archive,
    referrers: Referrers,
}

impl LayoutArchive {
    /// Opens an archive that must have an `oci-layout` member.
    ///
    /// # Errors
    /// [`Error::Source`] when it is no layout, or what is wrong with the archive.
    pub fn open(toolkit: &Toolkit, path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(Error::io("open", path))?;
        Self::new(toolkit, Archive::open(toolkit, file, path)?)
    }

    pub(super) fn new(toolkit: &Toolkit, archive: Archive) -> Result<Self> {
        let marker = archive.required("oci-layout", false)?.read_whole(manifest::DOCUMENT_BYTES)?;
        manifest::parse_layout(toolkit, &marker)?;
        Ok(Self { archive, referrers: Referrers::new(toolkit) })
    }
}

impl Source for LayoutArchive {
    fn index(&self) -> Result<Vec<u8>> {
        self.archive.required("index.json", false)?.read_whole(manifest::DOCUMENT_BYTES)
    }

    fn fetch(&self, descriptor: &Descriptor) -> Result<Option<Blob>> {
        let (algorithm, encoded) = descriptor.digest.split_once(':').unwrap_or(("", &descriptor.digest));
        self.archive.member(&format!("blobs/{algorithm}/{encoded}"), false)
    }

    fn referrers(&self, digest: &str) -> Result<Vec<Descriptor>> {
        self.referrers.find(self, digest)
    }

    fn kind(&self) -> &'static str {
        "image layout archive"
    }
}
