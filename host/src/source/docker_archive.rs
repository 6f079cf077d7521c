//! What `docker save` writes: a tar archive with a `manifest.json`, configs and uncompressed layers.

use super::archive::Archive;
use super::{Blob, Source};
use crate::error::{Error, Result};
use crate::manifest::{self, Descriptor, DockerMembers};
use crate::toolkit::Toolkit;
use std::collections::HashMap;
use std::fs::File;
use std::io::Cursor;
use std::path::Path;

/// An archive of `docker save`, with the documents that it would have as a layout.
pub struct DockerArchive {
    archive: Archive,
    index: Vec<u8>,
    /// Manifests and configs by their digests.
    documents: HashMap<String, Vec<u8>>,
    /// The names of the members that hold layers, by the digests of the layers.
    layers: HashMap<String, String>,
}

impl DockerArchive {
    /// Opens an archive that must have a `manifest.json` member.
    ///
    /// # Errors
    /// [`Error::Source`] when it is no such archive, or what is wrong with it.
    pub fn open(toolkit: &Toolkit, path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(Error::io("open", path))?;
        Self::new(toolkit, Archive::open(toolkit, file, path)?)
    }

    pub(super) fn new(toolkit: &Toolkit, archive: Archive) -> Result<Self> {
        let listing = archive.required("manifest.json", true)?.read_whole(manifest::DOCUMENT_BYTES)?;
        let images =
            manifest::parse_docker_archive(toolkit, &listing).map_err(|error| error.at_path(archive.path()))?;
        let mut members = Vec::with_capacity(images.len());
        for image in &images {
            let layers = image.layers.iter().map(|name| archive.required(name, true).map(|blob| blob.size()));
            members.push(DockerMembers {
                config: archive.required(&image.config, true)?.read_whole(manifest::DOCUMENT_BYTES)?,
                layer_sizes: layers.collect::<Result<_>>()?,
            });
        }
        let layout =
            manifest::synthesize(toolkit, &listing, &members).map_err(|error| error.at_path(archive.path()))?;
        let mut documents = HashMap::new();
        let mut layers = HashMap::new();
        for ((image, members), written) in images.into_iter().zip(members).zip(layout.images) {
            documents.insert(written.manifest_digest, written.manifest);
            documents.insert(written.config_digest, members.config);
            layers.extend(written.layer_digests.into_iter().zip(image.layers));
        }
        Ok(Self { archive, index: layout.index, documents, layers })
    }
}

impl Source for DockerArchive {
    fn index(&self) -> Result<Vec<u8>> {
        Ok(self.index.clone())
    }

    fn fetch(&self, descriptor: &Descriptor) -> Result<Option<Blob>> {
        if let Some(document) = self.documents.get(&descriptor.digest) {
            return Ok(Some(Blob::new(Cursor::new(document.clone()), document.len() as u64)));
        }
        match self.layers.get(&descriptor.digest) {
            Some(name) => self.archive.member(name, true),
            None => Ok(None),
        }
    }

    /// No manifest of such an archive says what it refers to.
    fn referrers(&self, _: &str) -> Result<Vec<Descriptor>> {
        Ok(Vec::new())
    }

    /// An archive says nothing of its layers' digests; they stand for the DiffIDs, which are verified as such. Some
    /// tools put compressed layers into these archives all the same.
    fn promises_layer_digests(&self) -> bool {
        false
    }

    fn kind(&self) -> &'static str {
        "docker archive"
    }
}
