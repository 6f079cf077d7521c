//! The interface `types`.

pub(crate) use crate::bindings::exports::portolan::image::types::{Error, ErrorCode, Limit};
#[cfg(feature = "exploring")]
pub(crate) use crate::lent::Imported;
use portolan_image::{Code, Limits};

/// The answer of every function that can fail.
pub(crate) type Result<T> = std::result::Result<T, Error>;

impl From<portolan_image::Error> for Error {
    fn from(error: portolan_image::Error) -> Self {
        Self { code: error.code().into(), message: error.to_string() }
    }
}

#[cfg(feature = "exploring")]
impl From<portolan_layer::Error> for Error {
    fn from(error: portolan_layer::Error) -> Self {
        Self { code: error.code().into(), message: error.to_string() }
    }
}

#[cfg(feature = "exploring")]
impl From<portolan_registry::Error> for Error {
    fn from(error: portolan_registry::Error) -> Self {
        Self { code: error.code().into(), message: error.to_string() }
    }
}

/// One table for both directions, so that no code can be forgotten in one of them.
macro_rules! codes {
    ($($code:ident),+ $(,)?) => {
        impl From<Code> for ErrorCode {
            fn from(code: Code) -> Self {
                match code {
                    $(Code::$code => Self::$code,)+
                    // `Code` may grow; the word that fits whatever is unknown is that the document is wrong.
                    _ => Self::InvalidDocument,
                }
            }
        }

        impl From<ErrorCode> for Code {
            fn from(code: ErrorCode) -> Self {
                match code {
                    $(ErrorCode::$code => Self::$code,)+
                }
            }
        }
    };
}

codes! {
    InvalidDigest, UnsupportedAlgorithm, DigestMismatch, SizeMismatch, DiffIdMismatch, InvalidDocument,
    AmbiguousDocument, UnsupportedMediaType, InvalidReference, ReferenceNotFound, InvalidPlatform, PlatformNotFound,
    InvalidArchive, InvalidPath, InvalidLink, InvalidWhiteout, InvalidCompression, UnsupportedCompression,
    CompressionMismatch, PathNotFound, UserNotFound, LimitExceeded, InvalidState, BlobNotFound,
    Unauthorized, RegistryUnreachable, RegistryRefused, InvalidResponse, InsecureLocation,
    InvalidWorkload,
}

/// The limits in force: the defaults with those replaced that the caller names.
pub(crate) fn limits(replaced: &[Limit]) -> Result<Limits> {
    let mut limits = Limits::default();
    for Limit { key, value } in replaced {
        limits.set(key, *value)?;
    }
    Ok(limits)
}
