//! What can be wrong with an image, as one enum.

use crate::digest::Digest;
use std::fmt;

/// The result of everything in this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// The word for an error that is the same in WIT, Rust, JavaScript and on the command line.
///
/// The names are those of `error-code` in `wit/types.wit`, where each one is described.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Code {
    /// A digest does not obey the grammar or the rules of its algorithm.
    InvalidDigest,
    /// A digest names an algorithm that cannot be computed here.
    UnsupportedAlgorithm,
    /// Bytes do not have the digest that was promised.
    DigestMismatch,
    /// Bytes do not have the length that was promised.
    SizeMismatch,
    /// A layer's uncompressed bytes do not have the DiffID that the config promises.
    DiffIdMismatch,
    /// A document is not the JSON its specification asks for.
    InvalidDocument,
    /// A document could be read as two different things.
    AmbiguousDocument,
    /// A media type that this toolkit knows and does not read, or a type where another is required.
    UnsupportedMediaType,
    /// An image reference does not obey its grammar.
    InvalidReference,
    /// No image has the tag or digest asked for, or there are several and none was asked for.
    ReferenceNotFound,
    /// A platform specifier does not obey its grammar.
    InvalidPlatform,
    /// No image of an index runs on the platforms asked for.
    PlatformNotFound,
    /// An archive does not obey the tar grammar.
    InvalidArchive,
    /// A path in an archive cannot stand in an image.
    InvalidPath,
    /// A link has no legal target.
    InvalidLink,
    /// A whiteout names nothing that could be removed.
    InvalidWhiteout,
    /// Compressed bytes are damaged, cut short or followed by something else.
    InvalidCompression,
    /// A compression that this toolkit does not read.
    UnsupportedCompression,
    /// The bytes are compressed otherwise than their media type says.
    CompressionMismatch,
    /// A path is not in the image, or is not what was asked for.
    PathNotFound,
    /// The image's user or group is not in the image's passwd or group file.
    UserNotFound,
    /// A limit was exceeded; the message names the key that raises it.
    LimitExceeded,
    /// A call came at a time when it has no meaning, such as feeding after finishing.
    InvalidState,
    /// A blob that the image refers to is not there.
    BlobNotFound,
    /// A registry wants credentials, or other ones.
    Unauthorized,
    /// A registry cannot be reached, or keeps failing.
    RegistryUnreachable,
    /// A registry refuses, and asking again would not help.
    RegistryRefused,
    /// A registry answers what the protocol does not allow.
    InvalidResponse,
    /// A registry points to a place where no request should go.
    InsecureLocation,
    /// An image holds no WebAssembly that can be run; the message lists what was tried.
    InvalidWorkload,
}

impl Code {
    /// The word as it stands in WIT, JavaScript and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidDigest => "invalid-digest",
            Self::UnsupportedAlgorithm => "unsupported-algorithm",
            Self::DigestMismatch => "digest-mismatch",
            Self::SizeMismatch => "size-mismatch",
            Self::DiffIdMismatch => "diff-id-mismatch",
            Self::InvalidDocument => "invalid-document",
            Self::AmbiguousDocument => "ambiguous-document",
            Self::UnsupportedMediaType => "unsupported-media-type",
            Self::InvalidReference => "invalid-reference",
            Self::ReferenceNotFound => "reference-not-found",
            Self::InvalidPlatform => "invalid-platform",
            Self::PlatformNotFound => "platform-not-found",
            Self::InvalidArchive => "invalid-archive",
            Self::InvalidPath => "invalid-path",
            Self::InvalidLink => "invalid-link",
            Self::InvalidWhiteout => "invalid-whiteout",
            Self::InvalidCompression => "invalid-compression",
            Self::UnsupportedCompression => "unsupported-compression",
            Self::CompressionMismatch => "compression-mismatch",
            Self::PathNotFound => "path-not-found",
            Self::UserNotFound => "user-not-found",
            Self::LimitExceeded => "limit-exceeded",
            Self::InvalidState => "invalid-state",
            Self::BlobNotFound => "blob-not-found",
            Self::Unauthorized => "unauthorized",
            Self::RegistryUnreachable => "registry-unreachable",
            Self::RegistryRefused => "registry-refused",
            Self::InvalidResponse => "invalid-response",
            Self::InsecureLocation => "insecure-location",
            Self::InvalidWorkload => "invalid-workload",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is wrong with an image document.
///
/// Every message states both sides, names the thing, and is lower case without a full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A digest does not obey the grammar or its algorithm's rules.
    InvalidDigest {
        /// The text as it was given.
        text: String,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// A digest names an algorithm that cannot be computed here, so nothing can be verified against it.
    UnsupportedAlgorithm {
        /// The digest.
        digest: Digest,
    },
    /// The bytes of a blob do not have the digest that its descriptor promises.
    DigestMismatch {
        /// The digest that was promised.
        expected: Digest,
        /// The digest of the bytes.
        actual: Digest,
    },
    /// The bytes of a blob do not have the length that its descriptor promises.
    SizeMismatch {
        /// The blob.
        digest: Digest,
        /// The promised length in bytes.
        expected: u64,
        /// The length in bytes, as far as it was read: reading stops one byte after the promised length.
        actual: u64,
    },
    /// A document breaks a rule of its specification.
    InvalidDocument {
        /// What the document was read as, such as `image manifest`.
        document: &'static str,
        /// Where in the document, as a JSON pointer; empty for the document itself.
        pointer: String,
        /// The rule and what stands there instead.
        reason: String,
    },
    /// A document could be read as two different things.
    AmbiguousDocument {
        /// What contradicts what.
        reason: String,
    },
    /// A media type that is known and not read, or one that stands where another is required.
    UnsupportedMediaType {
        /// The media type as it was given.
        media_type: String,
        /// What would have been right, or why this is not read.
        reason: String,
    },
    /// An image reference does not obey its grammar.
    InvalidReference {
        /// The text as it was given.
        text: String,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// No image has the tag or digest asked for, or there are several and none was asked for.
    ReferenceNotFound {
        /// What was asked for and what there is.
        reason: String,
    },
    /// A platform specifier does not obey its grammar.
    InvalidPlatform {
        /// The text as it was given.
        text: String,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// No image of an index runs on the platforms asked for.
    PlatformNotFound {
        /// The platforms asked for, in the order of preference.
        wanted: Vec<String>,
        /// The platforms there are.
        available: Vec<String>,
    },
    /// The image's user or group is not in the image's passwd or group file.
    UserNotFound {
        /// `user` or `group`.
        kind: &'static str,
        /// The name as the config gives it.
        name: String,
        /// The file that was searched.
        file: &'static str,
    },
    /// A document that is needed is not there.
    BlobNotFound {
        /// The document.
        digest: Digest,
        /// What lists it.
        parent: Option<Digest>,
    },
    /// A limit was exceeded.
    LimitExceeded {
        /// The key of the limit, as `--limits` takes it.
        key: &'static str,
        /// The value in force.
        limit: u64,
        /// What exceeded it.
        subject: String,
    },
    /// A path that cannot stand in an artifact.
    InvalidPath {
        /// The path as it was given.
        path: String,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// An image holds no WebAssembly that can be run.
    InvalidWorkload {
        /// The forms that were tried, each with the reason why it is not this image's.
        tried: Vec<String>,
    },
    /// A call came at a time when it has no meaning.
    InvalidState {
        /// What was called, and why it has no meaning now.
        reason: &'static str,
    },
}

impl Error {
    /// The word for this error in every language.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::InvalidDigest { .. } => Code::InvalidDigest,
            Self::UnsupportedAlgorithm { .. } => Code::UnsupportedAlgorithm,
            Self::DigestMismatch { .. } => Code::DigestMismatch,
            Self::SizeMismatch { .. } => Code::SizeMismatch,
            Self::InvalidDocument { .. } => Code::InvalidDocument,
            Self::AmbiguousDocument { .. } => Code::AmbiguousDocument,
            Self::UnsupportedMediaType { .. } => Code::UnsupportedMediaType,
            Self::InvalidReference { .. } => Code::InvalidReference,
            Self::ReferenceNotFound { .. } => Code::ReferenceNotFound,
            Self::InvalidPlatform { .. } => Code::InvalidPlatform,
            Self::PlatformNotFound { .. } => Code::PlatformNotFound,
            Self::UserNotFound { .. } => Code::UserNotFound,
            Self::BlobNotFound { .. } => Code::BlobNotFound,
            Self::LimitExceeded { .. } => Code::LimitExceeded,
            Self::InvalidPath { .. } => Code::InvalidPath,
            Self::InvalidWorkload { .. } => Code::InvalidWorkload,
            Self::InvalidState { .. } => Code::InvalidState,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidDigest { text, rule } => write!(f, "invalid digest {text:?}: {rule}"),
            Self::UnsupportedAlgorithm { digest } => {
                write!(f, "cannot verify {digest}: only sha256, sha384, sha512 and blake3 can be computed")
            }
            Self::DigestMismatch { expected, actual } => {
                write!(f, "digest mismatch: expected {expected}, the bytes are {actual}")
            }
            Self::SizeMismatch { digest, expected, actual } => {
                write!(f, "size mismatch of {digest}: expected {expected} bytes, found ")?;
                if actual > expected { write!(f, "more") } else { write!(f, "{actual}") }
            }
            Self::InvalidDocument { document, pointer, reason } => {
                if pointer.is_empty() {
                    write!(f, "invalid {document}: {reason}")
                } else {
                    write!(f, "invalid {document}: {pointer}: {reason}")
                }
            }
            Self::AmbiguousDocument { reason } => write!(f, "ambiguous document: {reason}"),
            Self::UnsupportedMediaType { media_type, reason } => {
                write!(f, "unsupported media type {media_type:?}: {reason}")
            }
            Self::InvalidReference { text, rule } => write!(f, "invalid reference {text:?}: {rule}"),
            Self::ReferenceNotFound { reason } => f.write_str(reason),
            Self::InvalidPlatform { text, rule } => write!(f, "invalid platform {text:?}: {rule}"),
            Self::PlatformNotFound { wanted, available } => {
                write!(f, "no image for {}", wanted.join(", "))?;
                if available.is_empty() {
                    f.write_str("; the index lists no platforms")
                } else {
                    write!(f, "; there is {}", available.join(", "))
                }
            }
            Self::UserNotFound { kind, name, file } => {
                write!(f, "{kind} {name:?} of the image config is not in the image's {file}")
            }
            Self::BlobNotFound { digest, parent: None } => write!(f, "blob {digest} is not there"),
            Self::BlobNotFound { digest, parent: Some(parent) } => {
                write!(f, "blob {digest}, which {parent} lists, is not there")
            }
            Self::LimitExceeded { key, limit, subject } => {
                write!(f, "{subject} exceeds the limit of {limit}; raise {key} to allow it")
            }
            Self::InvalidPath { path, rule } => write!(f, "invalid path {path:?}: {rule}"),
            Self::InvalidWorkload { tried } => {
                write!(f, "no WebAssembly to run in this image: {}", tried.join("; "))
            }
            Self::InvalidState { reason } => f.write_str(reason),
        }
    }
}

impl std::error::Error for Error {}
