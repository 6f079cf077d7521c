//! What is odd about a layer and no error unless the caller is strict.

use crate::compression::Compression;
use crate::error::Shown;
use std::fmt;

/// Something odd about a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// The bytes are compressed otherwise than their media type says.
    CompressionMismatch {
        /// What the media type says.
        label: Compression,
        /// What the bytes are.
        actual: Compression,
    },
    /// Zero bytes follow the last gzip member.
    PaddedStream {
        /// How many.
        bytes: u64,
    },
    /// The archive has no end-of-archive blocks; it may have been cut between two entries.
    MissingEnd,
    /// Something that is not zero follows the end-of-archive blocks. It is covered by the digests and unpacked by nobody.
    DataAfterEnd {
        /// Its offset in the uncompressed bytes.
        offset: u64,
    },
    /// A whiteout is no empty regular file.
    UnusualWhiteout {
        /// The whiteout.
        path: Vec<u8>,
    },
    /// An extended attribute that belongs to the host that made the layer is left out.
    DroppedXattr {
        /// The entry.
        path: Vec<u8>,
        /// The attribute.
        name: Vec<u8>,
    },
}

impl Warning {
    /// One word for the kind of warning.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::CompressionMismatch { .. } => "compression-mismatch",
            Self::PaddedStream { .. } => "padded-stream",
            Self::MissingEnd => "missing-end",
            Self::DataAfterEnd { .. } => "data-after-end",
            Self::UnusualWhiteout { .. } => "unusual-whiteout",
            Self::DroppedXattr { .. } => "dropped-xattr",
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CompressionMismatch { label, actual } => {
                write!(f, "the layer is labelled {} and is {}", label.as_str(), actual.as_str())
            }
            Self::PaddedStream { bytes } => write!(f, "{bytes} zero bytes follow the last gzip member"),
            Self::MissingEnd => f.write_str("the archive has no end-of-archive blocks"),
            Self::DataAfterEnd { offset } => {
                write!(f, "something follows the end of the archive, at byte {offset}; it is not unpacked")
            }
            Self::UnusualWhiteout { path } => write!(f, "the whiteout {} is no empty regular file", Shown(path)),
            Self::DroppedXattr { path, name } => {
                write!(f, "the attribute {} of {} belongs to another host and is left out", Shown(name), Shown(path))
            }
        }
    }
}

/// Warnings as they come up, with only the first of each kind kept.
#[derive(Debug, Default)]
pub(crate) struct Warnings {
    pub(crate) kept: Vec<Warning>,
    pub(crate) omitted: u64,
}

impl Warnings {
    /// Keeps a warning. Every file of a layer can give one, so no more than 16 of a kind are kept.
    pub(crate) fn push(&mut self, warning: Warning) {
        if self.kept.iter().filter(|kept| kept.code() == warning.code()).count() < 16 {
            self.kept.push(warning);
        } else {
            self.omitted += 1;
        }
    }
}
