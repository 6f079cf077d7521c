//! The interface `types`, and the imported arithmetic as `portolan_image::digest::Hashes`.

pub(crate) use crate::bindings::exports::portolan::image::types::{Error, ErrorCode, Limit};
use crate::bindings::portolan::image::hasher;
use portolan_image::digest::{Algorithm, Crc32, Hash, Hashes};
use portolan_image::{Code, Limits};

/// The answer of every function that can fail.
pub(crate) type Result<T> = std::result::Result<T, Error>;

impl From<portolan_image::Error> for Error {
    fn from(error: portolan_image::Error) -> Self {
        Self { code: error.code().into(), message: error.to_string() }
    }
}

impl From<portolan_layer::Error> for Error {
    fn from(error: portolan_layer::Error) -> Self {
        Self { code: error.code().into(), message: error.to_string() }
    }
}

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

/// The arithmetic that the driver lends.
#[derive(Clone, Copy)]
pub(crate) struct Imported;

impl Hashes for Imported {
    fn start(&self, algorithm: &Algorithm) -> Option<Box<dyn Hash>> {
        let algorithm = match algorithm {
            Algorithm::Sha256 => hasher::Algorithm::Sha256,
            Algorithm::Sha384 => hasher::Algorithm::Sha384,
            Algorithm::Sha512 => hasher::Algorithm::Sha512,
            Algorithm::Blake3 => hasher::Algorithm::Blake3,
            _ => return None,
        };
        Some(Box::new(ImportedHash(hasher::Hash::new(algorithm))))
    }

    fn crc32(&self) -> Crc32 {
        hasher::crc32
    }
}

struct ImportedHash(hasher::Hash);

impl Hash for ImportedHash {
    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn duplicate(&self) -> Box<dyn Hash> {
        Box::new(Self(self.0.duplicate()))
    }

    fn finish(self: Box<Self>) -> Vec<u8> {
        self.0.finish()
    }
}
