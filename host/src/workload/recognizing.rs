//! Which WebAssembly an image holds, and its bytes.

use super::{Form, Overrides, WasmPlace, Workload};
use crate::bindings::exports::portolan::image::workload::Need;
use crate::digest;
use crate::error::{Error, ErrorCode, Result};
use crate::layer::{Batch, Change, Kind, Selection};
use crate::layers::{Layers, Sink};
use crate::manifest::{self, Platform};
use crate::text;
use crate::toolkit::Toolkit;
use crate::tree::{Source, Tree};
use std::io::Read as _;

/// How many bytes tell what a file is.
const HEAD_BYTES: u64 = 8;
/// The key of the limit of what is compiled.
const LIMIT: &str = "wasm-bytes";

/// The word for a form, as `wit/workload.wit` has it.
#[must_use]
pub fn form_word(form: Form) -> &'static str {
    match form {
        Form::Artifact => "artifact",
        Form::WasmLayer => "wasm-layer",
        Form::Spin => "spin",
        Form::WasmToOci => "wasm-to-oci",
        Form::ModuleArtifact => "module-artifact",
        Form::Compat => "compat",
        Form::Container => "container",
    }
}

/// Finds out which WebAssembly an image holds, in whatever form it was packaged, and how it is called.
///
/// Layers are read only where the program is a file in them.
///
/// # Errors
/// `invalid-workload` with all that was tried; or what is wrong with the image.
pub fn recognize(layers: &Layers<'_>, overrides: &Overrides) -> Result<Workload> {
    let (toolkit, image) = (layers.toolkit, layers.image);
    let media_type = Some(image.descriptor.media_type.as_str());
    let mut instance = toolkit.instantiate()?;
    let recognizer = instance.attempt(|exports, store| {
        let config = image.raw_config.as_deref();
        exports.portolan_image_workload().recognizer().call_start(
            store,
            &image.raw_manifest,
            media_type,
            config,
            overrides,
            toolkit.limits(),
        )
    })?;
    let mut tree = None;
    while let Some(need) =
        instance.call(|exports, store| exports.portolan_image_workload().recognizer().call_next(store, recognizer))?
    {
        let bytes = match need {
            Need::Document(descriptor) => Some(manifest::fetch(toolkit, layers.source, &descriptor, "config-bytes")?),
            Need::BlobHead(descriptor) => match layers.source.fetch(&descriptor)? {
                Some(blob) => {
                    let mut head = Vec::new();
                    let read = blob.take(HEAD_BYTES).read_to_end(&mut head);
                    read.map_err(Error::io("read", descriptor.digest.as_str()))?;
                    Some(head)
                }
                None => descriptor.data,
            },
            Need::FileHead(path) => {
                let tree = match &mut tree {
                    Some(tree) => tree,
                    none => none.insert(layers.tree()?.0),
                };
                match place(tree, &path) {
                    Some((source, _)) => Some(read_file(layers, &source, HEAD_BYTES)?),
                    None => None,
                }
            }
        };
        instance.attempt(|exports, store| {
            exports.portolan_image_workload().recognizer().call_supply(store, recognizer, bytes.as_deref())
        })?;
    }
    instance.attempt(|exports, store| exports.portolan_image_workload().recognizer().call_finish(store, recognizer))
}

/// The WebAssembly of an image: its digest and its bytes, verified, and of the kind that was recognised.
///
/// # Errors
/// `limit-exceeded` for `wasm-bytes`, `invalid-workload` when the bytes are something else than their beginning said, or
/// what is wrong with the blob or the layer.
pub fn fetch_wasm(layers: &Layers<'_>, workload: &Workload) -> Result<(String, Vec<u8>)> {
    let toolkit = layers.toolkit;
    let (digest, bytes) = match &workload.place {
        WasmPlace::Blob(descriptor) => {
            (descriptor.digest.clone(), manifest::fetch(toolkit, layers.source, descriptor, LIMIT)?)
        }
        WasmPlace::File(path) => {
            let shown = text::path(path);
            let (tree, _) = layers.tree()?;
            let Some((source, size)) = place(&tree, path) else {
                return Err(Error::Image {
                    code: ErrorCode::PathNotFound,
                    message: format!("{shown} is not there, or no file"),
                });
            };
            let most = toolkit.limit(LIMIT)?;
            if size > most {
                return Err(Error::exceeded(format_args!("{shown} of {size} bytes"), most, LIMIT));
            }
            let bytes = read_file(layers, &source, size)?;
            (digest::compute(toolkit, "sha256", bytes.as_slice())?.0, bytes)
        }
    };
    let head = &bytes[..bytes.len().min(usize::try_from(HEAD_BYTES).unwrap_or(usize::MAX))];
    toolkit
        .instantiate()?
        .attempt(|exports, store| exports.portolan_image_workload().call_confirm(store, head, workload.kind))?;
    Ok((digest, bytes))
}

/// The platforms to want of an index whose image is to be run as WebAssembly, best first.
///
/// # Errors
/// When the component fails.
pub fn platforms(toolkit: &Toolkit, host: &Platform) -> Result<Vec<Platform>> {
    toolkit.instantiate()?.call(|exports, store| exports.portolan_image_workload().call_platforms(store, host))
}

/// Where the content of a file stands, and how long it is; nothing when the path leads to no regular file.
fn place(tree: &Tree, path: &[u8]) -> Option<(Source, u64)> {
    let node = tree.resolve(path).ok()?;
    match node.kind {
        Kind::File(size) => node.source.map(|source| (source, size)),
        _ => None,
    }
}

/// The first bytes of a file, so many at most; its layer is verified.
fn read_file(layers: &Layers<'_>, source: &Source, most: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let reading = Reading { ordinal: source.ordinal, most, bytes: &mut bytes, is_open: false };
    layers.read_layer(source.layer as usize, Selection::Only(vec![source.ordinal]), reading)?;
    Ok(bytes)
}

/// Keeps the beginning of one file.
struct Reading<'a> {
    ordinal: u32,
    most: u64,
    bytes: &'a mut Vec<u8>,
    is_open: bool,
}

impl Reading<'_> {
    /// Makes the file so long, with zeros, if it is not yet; it may be that the limit is shorter.
    fn extend_to(&mut self, length: u64) {
        let length = usize::try_from(length.min(self.most)).unwrap_or(usize::MAX);
        if self.bytes.len() < length {
            self.bytes.resize(length, 0);
        }
    }
}

impl Sink for Reading<'_> {
    fn take(&mut self, batch: &Batch) -> Result<()> {
        for change in &batch.changes {
            match change {
                Change::Entry(entry) => {
                    self.is_open = entry.ordinal == self.ordinal;
                    // What no content gives is a hole.
                    if let (true, &Kind::File(size)) = (self.is_open, &entry.kind) {
                        self.extend_to(size);
                    }
                }
                Change::Content(content) if self.is_open => {
                    let (offset, from) = (content.offset, content.start as usize);
                    let found = &batch.bytes[from..from + content.length as usize];
                    let room = self.bytes.get_mut(usize::try_from(offset).unwrap_or(usize::MAX)..).unwrap_or_default();
                    let length = room.len().min(found.len());
                    room[..length].copy_from_slice(&found[..length]);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        Ok(())
    }
}
