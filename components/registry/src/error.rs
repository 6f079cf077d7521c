//! What can go wrong between the two ends.

use portolan_image::error::Code;
use std::fmt;

/// The result of everything in this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong.
///
/// Every message states both sides, names the thing, and is lower case without a full stop. No message holds a credential
/// or the query of an address, which may be one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A document, a digest or a reference is wrong.
    Image(portolan_image::Error),
    /// The registry cannot be reached, or keeps failing.
    Unreachable {
        /// What was asked: method and address.
        request: String,
        /// What happened instead, last.
        reason: String,
    },
    /// The registry wants credentials, or other ones.
    Unauthorized {
        /// The registry, as references name it.
        registry: String,
        /// What it said, or what was missing.
        reason: String,
    },
    /// The registry does not have the manifest.
    ManifestNotFound {
        /// What was asked for, as `registry/repository:tag` or `@digest`.
        name: String,
    },
    /// The registry does not have the blob.
    BlobNotFound {
        /// The repository.
        repository: String,
        /// The digest.
        digest: String,
    },
    /// The registry refused, and asking again would not help.
    Refused {
        /// What was asked: method and address.
        request: String,
        /// The status and what the registry said.
        reason: String,
    },
    /// The registry answered what the protocol does not allow.
    InvalidResponse {
        /// What was asked: method and address.
        request: String,
        /// What is wrong with the answer.
        reason: String,
    },
    /// The registry pointed to a place where no request should go.
    InsecureLocation {
        /// The address, without its query.
        location: String,
        /// Why not.
        reason: &'static str,
    },
    /// A file of credentials is not what Docker writes.
    InvalidCredentials {
        /// What is wrong.
        reason: String,
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
            Self::Image(error) => error.code(),
            Self::Unreachable { .. } => Code::RegistryUnreachable,
            Self::Unauthorized { .. } => Code::Unauthorized,
            Self::ManifestNotFound { .. } => Code::ReferenceNotFound,
            Self::BlobNotFound { .. } => Code::BlobNotFound,
            Self::Refused { .. } => Code::RegistryRefused,
            Self::InvalidResponse { .. } => Code::InvalidResponse,
            Self::InsecureLocation { .. } => Code::InsecureLocation,
            Self::InvalidCredentials { .. } => Code::InvalidDocument,
            Self::InvalidState { .. } => Code::InvalidState,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image(error) => error.fmt(f),
            Self::Unreachable { request, reason } => write!(f, "{request} failed: {reason}"),
            Self::Unauthorized { registry, reason } => write!(f, "{registry} does not let us in: {reason}"),
            Self::ManifestNotFound { name } => write!(f, "there is no {name} at the registry"),
            Self::BlobNotFound { repository, digest } => write!(f, "blob {digest} is not in {repository}"),
            Self::Refused { request, reason } => write!(f, "{request} was refused: {reason}"),
            Self::InvalidResponse { request, reason } => {
                write!(f, "{request} was answered against the protocol: {reason}")
            }
            Self::InsecureLocation { location, reason } => write!(f, "the registry points to {location}: {reason}"),
            Self::InvalidCredentials { reason } => write!(f, "invalid file of credentials: {reason}"),
            Self::InvalidState { reason } => f.write_str(reason),
        }
    }
}

impl std::error::Error for Error {}

impl From<portolan_image::Error> for Error {
    fn from(error: portolan_image::Error) -> Self {
        Self::Image(error)
    }
}
