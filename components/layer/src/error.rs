//! What can be wrong with a layer, as one enum.

use portolan_image::{Code, DiffId, Digest};
use std::fmt;

/// The result of everything in this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What is wrong with a layer.
///
/// Every message states both sides, names the path or the digest, and is lower case without a full stop. Paths are
/// shown with everything escaped that is not printable.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A digest, a size or a limit: the errors that documents and layers share.
    Image(portolan_image::Error),
    /// The uncompressed bytes do not have the DiffID that the config promises.
    DiffIdMismatch {
        /// The DiffID of the config.
        expected: DiffId,
        /// The DiffID of the bytes.
        actual: DiffId,
    },
    /// The archive breaks a rule of the tar grammar.
    InvalidArchive {
        /// The offset of the header in the uncompressed bytes.
        offset: u64,
        /// The entry, as far as its name is known.
        path: Vec<u8>,
        /// The rule and what stands there instead.
        reason: String,
    },
    /// A path cannot stand in an image.
    InvalidPath {
        /// The path as the archive gives it.
        path: Vec<u8>,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// A link has no legal target: a hard link, or a symlink where one is followed.
    InvalidLink {
        /// The link.
        path: Vec<u8>,
        /// The target as the archive gives it.
        target: Vec<u8>,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// A whiteout names nothing that could be removed.
    InvalidWhiteout {
        /// The whiteout as the archive gives it.
        path: Vec<u8>,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// The compressed bytes are damaged, cut short or followed by something else.
    InvalidCompression {
        /// The format.
        format: &'static str,
        /// The offset in the compressed bytes, near which it was seen.
        offset: u64,
        /// What is wrong.
        reason: String,
    },
    /// A compression that is not read here.
    UnsupportedCompression {
        /// The format, recognised by its first bytes or by the media type.
        format: String,
    },
    /// The bytes are compressed otherwise than their media type says, and that is an error here.
    CompressionMismatch {
        /// What the media type says.
        label: String,
        /// What the first bytes say.
        actual: &'static str,
    },
    /// A part of a layer that was read again is not what it was when the layer was verified.
    Changed {
        /// The digest of the layer.
        digest: Digest,
        /// Where the part begins in the blob.
        start: u64,
        /// Where it ends.
        end: u64,
    },
    /// A path is not in the image, or is not what was asked for.
    PathNotFound {
        /// The path.
        path: Vec<u8>,
        /// What is there, or that nothing is.
        reason: &'static str,
    },
}

impl Error {
    /// The word for this error in every language.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Image(error) => error.code(),
            Self::DiffIdMismatch { .. } => Code::DiffIdMismatch,
            Self::InvalidArchive { .. } => Code::InvalidArchive,
            Self::InvalidPath { .. } => Code::InvalidPath,
            Self::InvalidLink { .. } => Code::InvalidLink,
            Self::InvalidWhiteout { .. } => Code::InvalidWhiteout,
            Self::InvalidCompression { .. } => Code::InvalidCompression,
            Self::UnsupportedCompression { .. } => Code::UnsupportedCompression,
            Self::CompressionMismatch { .. } => Code::CompressionMismatch,
            Self::Changed { .. } => Code::DigestMismatch,
            Self::PathNotFound { .. } => Code::PathNotFound,
        }
    }
}

impl From<portolan_image::Error> for Error {
    fn from(error: portolan_image::Error) -> Self {
        Self::Image(error)
    }
}

/// A path of bytes for a message: quoted, and escaped wherever it is not printable ASCII.
pub(crate) struct Shown<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bytes, cut) = if self.0.len() > 200 { (&self.0[..200], "...") } else { (self.0, "") };
        match std::str::from_utf8(bytes) {
            Ok(text) => write!(f, "{text:?}{cut}"),
            Err(_) => write!(f, "\"{}\"{cut}", bytes.escape_ascii()),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image(error) => error.fmt(f),
            Self::DiffIdMismatch { expected, actual } => {
                write!(f, "DiffID mismatch: the config promises {expected}, the uncompressed layer is {actual}")
            }
            Self::InvalidArchive { offset, path, reason } if path.is_empty() => {
                write!(f, "invalid tar header at byte {offset}: {reason}")
            }
            Self::InvalidArchive { offset, path, reason } => {
                write!(f, "invalid tar entry {} at byte {offset}: {reason}", Shown(path))
            }
            Self::InvalidPath { path, rule } => write!(f, "invalid path {}: {rule}", Shown(path)),
            Self::InvalidLink { path, target, rule } => {
                write!(f, "invalid link {} to {}: {rule}", Shown(path), Shown(target))
            }
            Self::InvalidWhiteout { path, rule } => write!(f, "invalid whiteout {}: {rule}", Shown(path)),
            Self::InvalidCompression { format, offset, reason } => {
                write!(f, "invalid {format} data near byte {offset}: {reason}")
            }
            Self::UnsupportedCompression { format } => {
                write!(f, "unsupported compression {format}: layers are plain tar, gzip or zstd")
            }
            Self::CompressionMismatch { label, actual } => {
                write!(f, "the layer is labelled {label} and is {actual}")
            }
            Self::Changed { digest, start, end } => {
                write!(
                    f,
                    "the layer {digest} has changed since it was verified: its bytes {start} to {end} are others now"
                )
            }
            Self::PathNotFound { path, reason } => write!(f, "{}: {reason}", Shown(path)),
        }
    }
}

impl std::error::Error for Error {}
