//! Layers: reading one from its blob.

use crate::error::{Error, Result};
use crate::hasher::Reading;
use crate::manifest::Descriptor;
use crate::source::Source;
use crate::toolkit::{Instance, Toolkit};
use std::io::Read;
use wasmtime::component::ResourceAny;

pub use crate::bindings::exports::portolan::image::layer::{
    Batch, Change, Compression, Content, Device, Entry, Kind, Selection, Summary, Timestamp, UnpackOptions, Xattr,
};

/// How many bytes of a blob are read and fed at once.
const CHUNK: usize = 256 * 1024;

/// What is known about a layer before it is read; see `unpack-options` in `wit/layer.wit`.
impl Default for UnpackOptions {
    fn default() -> Self {
        Self {
            media_type: None,
            digest: None,
            size: None,
            diff_id: None,
            content: Selection::All,
            checkpoints: 0,
            strict: false,
            limits: Vec::new(),
        }
    }
}

impl UnpackOptions {
    /// What a source, a descriptor and a config say of a layer.
    pub(crate) fn of(source: &dyn Source, descriptor: &Descriptor, diff_id: Option<String>) -> Self {
        Self {
            media_type: Some(descriptor.media_type.clone()),
            digest: source.promises_layer_digests().then(|| descriptor.digest.clone()),
            size: Some(descriptor.size),
            diff_id,
            ..Self::default()
        }
    }
}

/// Reads one layer in a component instance of its own.
///
/// ```no_run
/// use portolan::layer::{Unpacker, UnpackOptions};
/// let mut unpacker = Unpacker::start(portolan::Toolkit::shared()?, UnpackOptions::default())?;
/// unpacker.feed(&std::fs::read("layer.tar.gz").unwrap())?;
/// while let Some(batch) = unpacker.take_changes()? {
///     println!("{} changes", batch.changes.len());
/// }
/// let summary = unpacker.finish()?;
/// # Ok::<(), portolan::Error>(())
/// ```
pub struct Unpacker {
    instance: Instance,
    handle: ResourceAny,
}

impl Unpacker {
    /// Starts. The toolkit's limits go before the options' own.
    ///
    /// # Errors
    /// When an option is malformed.
    pub fn start(toolkit: &Toolkit, mut options: UnpackOptions) -> Result<Self> {
        options.limits = [toolkit.limits(), &options.limits].concat();
        let mut instance = toolkit.instantiate()?;
        let handle =
            instance.attempt(|exports, store| exports.portolan_image_layer().unpacker().call_start(store, &options))?;
        Ok(Self { instance, handle })
    }

    /// Takes the next bytes of the blob.
    ///
    /// # Errors
    /// `size-mismatch` at the first byte too many.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<()> {
        let handle = self.handle;
        self.instance
            .attempt(|exports, store| exports.portolan_image_layer().unpacker().call_feed(store, handle, bytes))
    }

    /// The next changes; nothing when more bytes are needed.
    ///
    /// # Errors
    /// Whatever is wrong with the layer so far.
    pub fn take_changes(&mut self) -> Result<Option<Batch>> {
        let handle = self.handle;
        self.instance
            .attempt(|exports, store| exports.portolan_image_layer().unpacker().call_take_changes(store, handle))
    }

    /// Ends the blob and compares size, digest and DiffID.
    ///
    /// # Errors
    /// Whatever is wrong with the layer.
    pub fn finish(mut self) -> Result<Summary> {
        let handle = self.handle;
        self.instance.attempt(|exports, store| exports.portolan_image_layer().unpacker().call_finish(store, handle))
    }

    /// Reads a whole blob, hands every batch to `take`, and finishes.
    ///
    /// A blob that cannot be decoded is read to its end all the same, so that a blob which is simply not the promised
    /// one is reported as that.
    ///
    /// # Errors
    /// Whatever is wrong with the layer, with reading it, or with `take`.
    pub fn unpack(mut self, mut blob: impl Read, mut take: impl FnMut(Batch) -> Result<()>) -> Result<Summary> {
        let _reading = Reading::begin();
        let mut chunk = vec![0; CHUNK];
        let mut decoding = true;
        loop {
            let length = match blob.read(&mut chunk) {
                Ok(0) => return self.finish(),
                Ok(length) => length,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Error::Io { action: "read", path: "the layer".into(), source: error }),
            };
            self.feed(&chunk[..length])?;
            while decoding {
                match self.take_changes() {
                    Ok(Some(batch)) => take(batch)?,
                    Ok(None) => break,
                    Err(Error::Image { .. }) => decoding = false,
                    Err(error) => return Err(error),
                }
            }
        }
    }
}
