//! WebAssembly as artifacts: what a file of it needs and offers, and a place that holds one packed.

use crate::error::{Error, ErrorCode, Result};
use crate::manifest::{Annotation, Descriptor};
use crate::source::{Blob, Source};
use crate::toolkit::Toolkit;
use portolan_image::digest::SoftwareHashes;
use portolan_image::{Annotations, Code, Limits};
use std::collections::HashMap;
use std::io::Cursor;

pub use portolan_wasm::{EPOCH, Inspection, Kind, Producer, Section};

/// Reads and validates a module or component.
///
/// # Errors
/// `invalid-workload` when it is none or not valid, `limit-exceeded` for `wasm-bytes`.
pub fn inspect(toolkit: &Toolkit, bytes: &[u8]) -> Result<Inspection> {
    let mut limits = Limits::default();
    for limit in toolkit.limits() {
        limits.set(&limit.key, limit.value).map_err(refused)?;
    }
    portolan_wasm::inspect(bytes, &limits).map_err(refused)
}

/// A file of WebAssembly as an artifact: a place that holds nothing else, to be copied from.
#[derive(Debug)]
pub struct Artifact {
    index: Vec<u8>,
    descriptor: Descriptor,
    blobs: HashMap<String, Vec<u8>>,
}

impl Artifact {
    /// Packs a file as the CNCF's TAG Runtime lays it out, under a title such as `hello.wasm`.
    ///
    /// The same file, title, date and annotations make the same artifact.
    ///
    /// # Errors
    /// What [`inspect`] says of the bytes, and `invalid-path` when the title is none.
    pub fn pack(
        toolkit: &Toolkit,
        bytes: Vec<u8>,
        title: &str,
        created: &str,
        annotations: Vec<Annotation>,
    ) -> Result<Self> {
        let inspection = inspect(toolkit, &bytes)?;
        let annotations: Annotations =
            annotations.into_iter().map(|annotation| (annotation.key, annotation.value)).collect();
        let packed = portolan_wasm::artifact(&bytes, &inspection, title, created, annotations, &SoftwareHashes)
            .map_err(refused)?;
        let descriptor = Descriptor {
            media_type: packed.manifest.media_type.to_string(),
            digest: packed.manifest.digest.to_string(),
            size: packed.manifest.size,
            urls: Vec::new(),
            annotations: Vec::new(),
            data: None,
            platform: None,
            artifact_type: None,
        };
        let index = toolkit
            .instantiate()?
            .attempt(|exports, store| exports.portolan_image_registry().call_index_of(store, &descriptor))?;
        let blobs = [
            (packed.manifest.digest, packed.manifest_bytes),
            (packed.config.digest, packed.config_bytes),
            (packed.layer.digest, bytes),
        ];
        let blobs = blobs.into_iter().map(|(digest, bytes)| (digest.to_string(), bytes)).collect();
        Ok(Self { index, descriptor, blobs })
    }

    /// The descriptor of the manifest.
    #[must_use]
    pub fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }
}

impl Source for Artifact {
    fn index(&self) -> Result<Vec<u8>> {
        Ok(self.index.clone())
    }

    fn fetch(&self, descriptor: &Descriptor) -> Result<Option<Blob>> {
        Ok(self.blobs.get(&descriptor.digest).map(|bytes| Blob::new(Cursor::new(bytes.clone()), bytes.len() as u64)))
    }

    fn referrers(&self, _: &str) -> Result<Vec<Descriptor>> {
        Ok(Vec::new())
    }

    fn kind(&self) -> &'static str {
        "file of WebAssembly"
    }
}

/// What the library refuses, in the words of the toolkit.
fn refused(error: portolan_image::Error) -> Error {
    let code = match error.code() {
        Code::InvalidWorkload => ErrorCode::InvalidWorkload,
        Code::LimitExceeded => ErrorCode::LimitExceeded,
        Code::InvalidPath => ErrorCode::InvalidPath,
        _ => ErrorCode::InvalidDocument,
    };
    Error::Image { code, message: error.to_string() }
}
