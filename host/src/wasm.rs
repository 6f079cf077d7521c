//! WebAssembly as artifacts: what a file of it needs and offers, and a place that holds one packed.

use crate::error::{Error, ErrorCode, Result};
use crate::manifest::{Annotation, Descriptor};
use crate::source::{Blob, Source};
use crate::toolkit::Toolkit;
use portolan_image::digest::SoftwareHashes;
use portolan_image::{Annotations, Code, Limits};
use std::collections::HashMap;
use std::io::Cursor;

pub use portolan_wasm::{EPOCH, Execution, Inspection, Kind, Producer, Section};

/// Reads and validates a module or component.
///
/// # Errors
/// `invalid-workload` when it is none or not valid, `limit-exceeded` for `wasm-bytes`.
pub fn inspect(toolkit: &Toolkit, bytes: &[u8]) -> Result<Inspection> {
    let mut limits = Limits::default();
    for limit in toolkit.limits() {
        limits.set(&limit.key, limit.value).map_err(refused)?;
    }
    let found = portolan_wasm::inspect(bytes, &limits).map_err(refused)?;
    portolan_wasm::validate(bytes).map_err(refused)?;
    Ok(found)
}

/// In which forms a file of WebAssembly is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forms {
    /// As an artifact of the CNCF's TAG Runtime.
    Artifact,
    /// As a container image whose entry point it is.
    Container,
    /// As both, in one index.
    Both,
}

/// What is said of a file of WebAssembly that is packed.
#[derive(Clone, Debug)]
pub struct Packing {
    /// Its name, such as `hello.wasm`.
    pub title: String,
    /// The date in its config.
    pub created: String,
    /// Annotations of its manifest, or of the index of both.
    pub annotations: Vec<Annotation>,
    /// What a container image says beside the program; an artifact has no place for it.
    pub execution: Execution,
}

/// A file of WebAssembly that is packed: a place that holds nothing else, to be copied from.
#[derive(Debug)]
pub struct Packed {
    index: Vec<u8>,
    descriptor: Descriptor,
    blobs: HashMap<String, Vec<u8>>,
}

impl Packed {
    /// Packs a file. The same file, forms and words make the same bytes.
    ///
    /// # Errors
    /// What [`inspect`] says of the bytes, `invalid-path` when the title is none, `invalid-workload` for a WIT package as a
    /// container image.
    pub fn new(toolkit: &Toolkit, bytes: Vec<u8>, forms: Forms, packing: Packing) -> Result<Self> {
        let inspection = inspect(toolkit, &bytes)?;
        let Packing { title, created, annotations, execution } = packing;
        let annotations: Annotations =
            annotations.into_iter().map(|annotation| (annotation.key, annotation.value)).collect();
        // What both have is said once, of both.
        let own = if forms == Forms::Both { Annotations::default() } else { annotations.clone() };
        let hashes = &SoftwareHashes;
        let mut blobs = Vec::new();
        let (mut artifact, mut container) = (None, None);
        if forms != Forms::Artifact {
            let packed = portolan_wasm::container(&bytes, &inspection, &title, &created, &execution, &own, hashes);
            let packed = packed.map_err(refused)?;
            blobs.extend(packed.blobs);
            container = Some(packed.manifest);
        }
        if forms != Forms::Container {
            let packed = portolan_wasm::artifact(&bytes, &inspection, &title, &created, own, hashes);
            let packed = packed.map_err(refused)?;
            blobs.push((packed.layer, bytes));
            blobs.push((packed.config, packed.config_bytes));
            blobs.push((packed.manifest.clone(), packed.manifest_bytes));
            artifact = Some(packed.manifest);
        }
        let root = match (artifact, container) {
            (Some(artifact), Some(container)) => {
                let packed = portolan_wasm::index(&artifact, &inspection, &container, &annotations, hashes);
                let (descriptor, bytes) = packed.map_err(refused)?;
                blobs.push((descriptor.clone(), bytes));
                Some(descriptor)
            }
            (artifact, container) => artifact.or(container),
        };
        let root = root.ok_or_else(|| Error::Usage("there is no form to pack in".to_owned()))?;
        let descriptor = Descriptor {
            media_type: root.media_type.to_string(),
            digest: root.digest.to_string(),
            size: root.size,
            urls: Vec::new(),
            annotations: Vec::new(),
            data: None,
            platform: None,
            artifact_type: None,
        };
        let index = toolkit
            .instantiate()?
            .attempt(|exports, store| exports.portolan_image_registry().call_index_of(store, &descriptor))?;
        let blobs = blobs.into_iter().map(|(descriptor, bytes)| (descriptor.digest.to_string(), bytes)).collect();
        Ok(Self { index, descriptor, blobs })
    }

    /// The descriptor of the manifest or index.
    #[must_use]
    pub fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }
}

impl Source for Packed {
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
