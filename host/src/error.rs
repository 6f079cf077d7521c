//! What can go wrong on the host, beside what the toolkit finds wrong with an image.

pub use crate::bindings::exports::portolan::image::types::ErrorCode;
use std::path::PathBuf;
use std::{fmt, io};

/// The result of everything in this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The toolkit refused an image, a document, a reference or a platform.
    Image {
        /// The word for it, the same in every language.
        code: ErrorCode,
        /// One line with both sides and the digest or path concerned.
        message: String,
    },
    /// The operating system refused.
    Io {
        /// What was tried, such as `open`.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Something is in the way at a destination, or it cannot hold what is to be written.
    Destination {
        /// Where it is.
        path: PathBuf,
        /// Why it cannot be used.
        reason: String,
    },
    /// No image is where the reference points.
    Source {
        /// Where.
        path: PathBuf,
        /// What is there instead.
        reason: String,
    },
    /// A privilege that the image asks for and this process lacks.
    Privilege {
        /// The path in the image.
        path: String,
        /// What was tried.
        action: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// The file system of the destination takes two paths of the image for one.
    Collision {
        /// The path that could not be made.
        path: String,
        /// The path that is in the way, where it is known.
        other: Option<String>,
    },
    /// A signal, or the time limit, stopped the run.
    Interrupted {
        /// What stopped it.
        reason: String,
    },
    /// Something was asked for that cannot be, whatever the image is.
    Usage(String),
    /// A program that was run failed other than by its own word: it trapped, or took too long.
    Guest {
        /// What was refused to it before, if anything.
        refused: Option<String>,
        /// What stopped it, with where it was.
        source: wasmtime::Error,
    },
    /// A component trapped or could not be run: a defect of Portolan, not of the image.
    Component(wasmtime::Error),
}

impl Error {
    /// An error of the operating system, for `map_err`; or one of ours that came through a reader.
    pub fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| source.downcast::<Self>().unwrap_or_else(|source| Self::Io { action, path, source })
    }

    /// The word for this error, the same in every language for what the toolkit says.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Image { code, .. } => word(*code),
            Self::Io { .. } => "io",
            Self::Destination { .. } => "destination",
            Self::Source { .. } => "source",
            Self::Privilege { .. } => "privilege",
            Self::Collision { .. } => "collision",
            Self::Interrupted { .. } => "interrupted",
            Self::Usage(_) => "usage",
            Self::Guest { .. } => "guest",
            Self::Component(_) => "component",
        }
    }

    /// The same error as one of usage: what the toolkit refused came from the caller, not from an image.
    #[must_use]
    pub fn into_usage(self) -> Self {
        match self {
            Self::Image { message, .. } => Self::Usage(message),
            other => other,
        }
    }

    /// A blob that the image refers to and that is not there.
    pub(crate) fn missing(digest: &str) -> Self {
        Self::Image { code: ErrorCode::BlobNotFound, message: format!("blob {digest} is not there") }
    }

    /// Something that is larger than a limit allows; its key says what to raise.
    #[must_use]
    pub fn exceeded(subject: impl fmt::Display, most: u64, key: &str) -> Self {
        let message = format!("{subject} exceeds the limit of {most} bytes; raise {key} to allow it");
        Self::Image { code: ErrorCode::LimitExceeded, message }
    }

    /// The same error, naming the layer in which it came up, where its message does not.
    pub(crate) fn at_layer(self, index: usize, digest: &str) -> Self {
        match self {
            Self::Image { code, message } if !message.contains(digest) => {
                Self::Image { code, message: format!("layer {index} ({digest}): {message}") }
            }
            other => other,
        }
    }

    /// The same error, naming the file in which it came up.
    pub(crate) fn at_path(self, path: &std::path::Path) -> Self {
        match self {
            Self::Image { code, message } => Self::Image { code, message: format!("{}: {message}", path.display()) },
            other => other,
        }
    }

    /// The same for the errors of `rustix`.
    pub(crate) fn os(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(rustix::io::Errno) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source: source.into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image { message, .. } => f.write_str(message),
            Self::Io { action, path, .. } => write!(f, "cannot {action} {}", path.display()),
            Self::Destination { path, reason } => write!(f, "cannot write to {}: {reason}", path.display()),
            Self::Source { path, reason } => write!(f, "no image at {}: {reason}", path.display()),
            Self::Privilege { path, action, .. } => write!(f, "cannot {action} of {path} in the image"),
            Self::Collision { path, other } => {
                let other = other.as_deref().unwrap_or("another path of the image");
                write!(f, "cannot create {path}: the file system of the destination takes it for {other}")
            }
            Self::Interrupted { reason } => write!(f, "stopped by {reason}"),
            Self::Usage(reason) => f.write_str(reason),
            Self::Guest { refused: None, .. } => f.write_str("the program failed"),
            Self::Guest { refused: Some(refused), .. } => write!(f, "the program failed: {refused}"),
            Self::Component(_) => f.write_str("a component failed: this is a defect of portolan, not of the image"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } | Self::Privilege { source, .. } => Some(source),
            Self::Component(error) | Self::Guest { source: error, .. } => Some(error.as_ref()),
            _ => None,
        }
    }
}

impl From<crate::bindings::exports::portolan::image::types::Error> for Error {
    fn from(error: crate::bindings::exports::portolan::image::types::Error) -> Self {
        Self::Image { code: error.code, message: error.message }
    }
}

/// The word for an error code, as `wit/types.wit` has it.
#[must_use]
pub fn word(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::InvalidDigest => "invalid-digest",
        ErrorCode::UnsupportedAlgorithm => "unsupported-algorithm",
        ErrorCode::DigestMismatch => "digest-mismatch",
        ErrorCode::SizeMismatch => "size-mismatch",
        ErrorCode::DiffIdMismatch => "diff-id-mismatch",
        ErrorCode::InvalidDocument => "invalid-document",
        ErrorCode::AmbiguousDocument => "ambiguous-document",
        ErrorCode::UnsupportedMediaType => "unsupported-media-type",
        ErrorCode::InvalidReference => "invalid-reference",
        ErrorCode::ReferenceNotFound => "reference-not-found",
        ErrorCode::InvalidPlatform => "invalid-platform",
        ErrorCode::PlatformNotFound => "platform-not-found",
        ErrorCode::InvalidArchive => "invalid-archive",
        ErrorCode::InvalidPath => "invalid-path",
        ErrorCode::InvalidLink => "invalid-link",
        ErrorCode::InvalidWhiteout => "invalid-whiteout",
        ErrorCode::InvalidCompression => "invalid-compression",
        ErrorCode::UnsupportedCompression => "unsupported-compression",
        ErrorCode::CompressionMismatch => "compression-mismatch",
        ErrorCode::PathNotFound => "path-not-found",
        ErrorCode::UserNotFound => "user-not-found",
        ErrorCode::LimitExceeded => "limit-exceeded",
        ErrorCode::InvalidState => "invalid-state",
        ErrorCode::BlobNotFound => "blob-not-found",
        ErrorCode::Unauthorized => "unauthorized",
        ErrorCode::RegistryUnreachable => "registry-unreachable",
        ErrorCode::RegistryRefused => "registry-refused",
        ErrorCode::InvalidResponse => "invalid-response",
        ErrorCode::InsecureLocation => "insecure-location",
        ErrorCode::InvalidWorkload => "invalid-workload",
    }
}
