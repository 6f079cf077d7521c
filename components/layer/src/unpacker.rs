//! The bytes of a layer in, its changes out.

pub(crate) mod stream;

use crate::change::Change;
use crate::compression::Compression;
use crate::error::{Error, Result};
use crate::index::{Index, Spaced};
use crate::tar;
use crate::warning::Warning;
use portolan_image::digest::{Crc32, Hash, Hashes};
use portolan_image::{Algorithm, DiffId, Digest, Limits};
use stream::Stream;

/// Bytes of a blob between two copies of its hash, as long as there are few.
const MARKS: u64 = 1 << 20;

/// What is known about a layer before its bytes, and what is wanted of it.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// How much the layer may ask for.
    pub limits: Limits,
    /// Whether what would be a warning is an error.
    pub strict: bool,
    /// The compression that the media type names.
    pub label: Option<Compression>,
    /// Digest and size in bytes of the blob, from its descriptor.
    pub expected: Option<(Digest, u64)>,
    /// The DiffID from the config.
    pub diff_id: Option<DiffId>,
    /// Which contents are wanted.
    pub content: Selection,
    /// How many checkpoints are kept at most for an [`Index`], each of about 33 KiB; none unless given.
    pub checkpoints: usize,
}

/// Of which regular files the content is wanted. The changes are the same for all selections, but for the contents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Selection {
    /// Of all.
    #[default]
    All,
    /// Of none, which is the fastest way to verify a layer or to list it.
    None,
    /// Of the entries with these ordinals, in ascending order.
    Only(Vec<u32>),
}

impl Selection {
    pub(crate) fn has(&self, ordinal: u32) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::Only(ordinals) => ordinals.binary_search(&ordinal).is_ok(),
        }
    }
}

/// Some changes, in the order of the archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// The changes; there may be none.
    pub changes: Vec<Change>,
    /// The bytes that the contents among the changes point into.
    pub bytes: Vec<u8>,
}

/// What a whole layer turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The digest of the blob, in the algorithm of the expected one or SHA-256.
    pub digest: Digest,
    /// Bytes of the blob.
    pub size: u64,
    /// The digest of the uncompressed bytes, in the algorithm of the expected one or SHA-256.
    pub diff_id: DiffId,
    /// Uncompressed bytes.
    pub uncompressed_size: u64,
    /// How the blob is compressed, whatever its label says.
    pub compression: Compression,
    /// Entries, whiteouts not counted.
    pub entries: u64,
    /// What is odd, the first 16 of each kind.
    pub warnings: Vec<Warning>,
    /// How many more warnings there were.
    pub warnings_omitted: u64,
}

/// Unpacks a layer: feed bytes, take changes until there are none, feed the next, and finish.
///
/// - Every byte is hashed before it is decoded, to the end of the blob (R-02), and every decoded byte for the DiffID.
///   Nothing taken is trustworthy before [`finish`](Self::finish) has returned without an error: apply changes where
///   they can be thrown away.
/// - Any split of the blob into chunks gives the same changes, but for how contents are cut. 64 KiB to 1 MiB are good.
/// - A batch has at most a MiB of bytes. Memory is bounded by the limits and by what is fed before it is taken.
/// - After an error every further take fails with it. One may go on feeding the rest of the blob, which is only hashed
///   then; if the blob is not what its descriptor promises, `finish` says so, and otherwise it repeats the error. So a
///   damaged download is told from an image that was always broken.
///
/// ```
/// use portolan_image::digest::SoftwareHashes;
/// use portolan_layer::{Options, Unpacker};
///
/// let blob = vec![0; 1024]; // The archive without entries.
/// let mut unpacker = Unpacker::new(&SoftwareHashes, Options::default())?;
/// for chunk in blob.chunks(600) {
///     unpacker.feed(chunk.to_vec())?;
///     while let Some(batch) = unpacker.take_changes()? {
///         assert!(batch.changes.is_empty());
///     }
/// }
/// let summary = unpacker.finish()?;
/// assert_eq!(summary.digest, summary.diff_id.0);
/// # Ok::<(), portolan_layer::Error>(())
/// ```
pub struct Unpacker {
    limits: Limits,
    strict: bool,
    label: Option<Compression>,
    expected: Option<(Digest, u64)>,
    diff_id: Option<DiffId>,

    crc32: Crc32,
    blob_hash: Hashing,
    /// The hash of the blob at some offsets.
    pub(crate) marks: Spaced<Box<dyn Hash>>,
    pub(crate) stream: Stream,
    warnings: Vec<Warning>,
    /// Whether everything that was fed is decoded and taken.
    idle: bool,
    /// The first error.
    fault: Option<Error>,
}

/// A hash with its name and how many bytes it took.
struct Hashing {
    algorithm: Algorithm,
    hash: Box<dyn Hash>,
    len: u64,
}

impl Hashing {
    fn new(hashes: &dyn Hashes, expected: Option<&Digest>) -> Result<Self> {
        let algorithm = expected.map_or(Algorithm::Sha256, |digest| digest.algorithm().clone());
        let unsupported = || portolan_image::Error::UnsupportedAlgorithm {
            digest: expected.cloned().unwrap_or_else(|| Digest::from_hash(Algorithm::Sha256, &[])),
        };
        let hash = hashes.start(&algorithm).ok_or_else(unsupported)?;
        Ok(Self { algorithm, hash, len: 0 })
    }

    fn update(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.len += bytes.len() as u64;
    }

    fn finish(self) -> Digest {
        Digest::from_hash(self.algorithm, &self.hash.finish())
    }
}

impl Unpacker {
    /// Starts a layer.
    ///
    /// # Errors
    /// `UnsupportedAlgorithm` when a digest is expected that `hashes` cannot compute.
    pub fn new(hashes: &dyn Hashes, options: Options) -> Result<Self> {
        let Options { limits, strict, label, expected, diff_id, content, checkpoints } = options;
        if let Some((digest, size)) = &expected {
            Limits::check("layer-bytes", limits.layer_bytes, *size, || format!("the layer {digest}"))?;
        }
        let archive = tar::Reader::new(limits.clone(), strict, content);
        let mut stream = Stream::new(limits.clone(), hashes.crc32(), archive, checkpoints);
        let blob_hash = Hashing::new(hashes, expected.as_ref().map(|(digest, _)| digest))?;
        stream.diff_hash = Some(Hashing::new(hashes, diff_id.as_ref().map(|diff_id| &diff_id.0))?);
        Ok(Self {
            crc32: hashes.crc32(),
            blob_hash,
            marks: Spaced::new(MARKS, checkpoints * 2),
            stream,
            limits,
            strict,
            label,
            expected,
            diff_id,
            warnings: Vec::new(),
            idle: true,
            fault: None,
        })
    }

    /// Takes the next bytes of the blob.
    ///
    /// # Errors
    /// `SizeMismatch` as soon as there are more than expected, `LimitExceeded` for `layer-bytes`. After an error of
    /// [`take_changes`](Self::take_changes) the bytes are hashed and dropped, which is no further error.
    pub fn feed(&mut self, chunk: Vec<u8>) -> Result<()> {
        let size = self.blob_hash.len.saturating_add(chunk.len() as u64);
        if let Some((digest, expected)) = &self.expected
            && size > *expected
        {
            let error =
                portolan_image::Error::SizeMismatch { digest: digest.clone(), expected: *expected, actual: size };
            self.blob_hash.len = size;
            return Err(self.fail(error.into()));
        }
        let subject = || "the size of the layer".to_owned();
        Limits::check("layer-bytes", self.limits.layer_bytes, size, subject)
            .map_err(|error| self.fail(error.into()))?;
        if self.marks.is_due(self.blob_hash.len) {
            self.marks.push(self.blob_hash.len, self.blob_hash.hash.duplicate());
        }
        self.blob_hash.update(&chunk);
        if self.fault.is_some() || chunk.is_empty() {
            return Ok(());
        }
        self.idle = false;
        self.stream.feed(chunk);
        Ok(())
    }

    /// Decodes at most about a MiB; nothing when more input is needed.
    ///
    /// # Errors
    /// Whatever is wrong with the layer, again at every later call.
    pub fn take_changes(&mut self) -> Result<Option<Batch>> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let batch = self.advance().map_err(|error| self.fail(error))?;
        self.idle = batch.is_none();
        Ok(batch)
    }

    /// Ends the layer, once all its bytes were fed and all changes taken.
    ///
    /// # Errors
    /// In this order: `SizeMismatch`, `DigestMismatch`, the error of an earlier call, whatever is wrong with the end of
    /// the layer, [`Error::DiffIdMismatch`]. `InvalidState` when there are changes to be taken.
    pub fn finish(self) -> Result<Summary> {
        Ok(self.finish_with_index()?.0)
    }

    /// Ends the layer as [`finish`](Self::finish) does, and gives the index where checkpoints were kept.
    ///
    /// # Errors
    /// Those of `finish`.
    pub fn finish_with_index(mut self) -> Result<(Summary, Option<Index>)> {
        let size = self.blob_hash.len;
        if let Some((digest, expected)) = &self.expected
            && size != *expected
        {
            let error =
                portolan_image::Error::SizeMismatch { digest: digest.clone(), expected: *expected, actual: size };
            return Err(error.into());
        }
        let ended = match self.fault.take() {
            Some(fault) => Err(fault),
            None => self.end(),
        };
        let algorithm = self.blob_hash.algorithm.clone();
        let digest = self.blob_hash.finish();
        if let Some((expected, _)) = self.expected
            && digest != expected
        {
            return Err(portolan_image::Error::DigestMismatch { expected, actual: digest }.into());
        }
        let compression = ended?;
        let mut stream = self.stream;
        let Some(diff_hash) = stream.diff_hash.take() else {
            return Err(portolan_image::Error::InvalidState { reason: "the layer was not hashed" }.into());
        };
        let uncompressed_size = diff_hash.len;
        let diff_id = DiffId(diff_hash.finish());
        if let Some(expected) = self.diff_id
            && diff_id != expected
        {
            return Err(Error::DiffIdMismatch { expected, actual: diff_id });
        }
        let warnings = stream.archive.take_warnings();
        self.warnings.extend(warnings.kept);
        let entries = stream.archive.entries();
        let checkpoints = stream.checkpoints.kept;
        let index = (!checkpoints.is_empty()).then(|| Index {
            limits: self.limits,
            crc32: self.crc32,
            compression,
            algorithm,
            digest: digest.clone(),
            size,
            entries,
            checkpoints,
            marks: self.marks.kept,
        });
        let summary = Summary {
            digest,
            size,
            diff_id,
            uncompressed_size,
            compression,
            entries,
            warnings: self.warnings,
            warnings_omitted: warnings.omitted,
        };
        Ok((summary, index))
    }

    fn fail(&mut self, error: Error) -> Error {
        self.stream.give_up();
        self.fault = Some(error.clone());
        error
    }

    fn advance(&mut self) -> Result<Option<Batch>> {
        if self.stream.compression().is_none() && !self.detect(false)? {
            return Ok(None);
        }
        self.stream.advance()
    }

    /// Tells the compression by the first bytes; false when there are too few.
    fn detect(&mut self, complete: bool) -> Result<bool> {
        let Some(actual) = self.stream.detect(complete)? else { return Ok(false) };
        if let Some(label) = self.label
            && label != actual
        {
            if self.strict {
                let label = label.as_str().to_owned();
                return Err(Error::CompressionMismatch { label, actual: actual.as_str() });
            }
            self.warnings.push(Warning::CompressionMismatch { label, actual });
        }
        Ok(true)
    }

    /// Ends the decoder and the archive.
    fn end(&mut self) -> Result<Compression> {
        if !self.idle {
            let reason = "finish was called before all changes were taken";
            return Err(portolan_image::Error::InvalidState { reason }.into());
        }
        if self.stream.compression().is_none() {
            self.detect(true)?;
        }
        let bytes = self.stream.end()?;
        if bytes > 0 {
            let warning = Warning::PaddedStream { bytes };
            if self.strict {
                let (offset, reason) = (self.stream.consumed - bytes, warning.to_string());
                return Err(Error::InvalidCompression { format: "gzip", offset, reason });
            }
            self.warnings.push(warning);
        }
        self.stream.archive.finish()?;
        Ok(self.stream.compression().unwrap_or(Compression::None))
    }
}

#[cfg(test)]
mod tests;
