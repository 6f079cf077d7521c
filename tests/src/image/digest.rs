//! Digests and descriptors.

use serde_json::{Value, json};
use sha2::Digest as _;

/// The algorithm of a digest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// SHA-256.
    #[default]
    Sha256,
    /// SHA-384, not registered.
    Sha384,
    /// SHA-512.
    Sha512,
    /// BLAKE3.
    Blake3,
}

impl Algorithm {
    /// The digest of bytes, `algorithm:encoded`.
    #[must_use]
    pub fn digest(self, bytes: &[u8]) -> String {
        let (name, hash) = match self {
            Self::Sha256 => ("sha256", sha2::Sha256::digest(bytes).to_vec()),
            Self::Sha384 => ("sha384", sha2::Sha384::digest(bytes).to_vec()),
            Self::Sha512 => ("sha512", sha2::Sha512::digest(bytes).to_vec()),
            Self::Blake3 => ("blake3", blake3::hash(bytes).as_bytes().to_vec()),
        };
        let encoded: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{name}:{encoded}")
    }
}

/// A descriptor as JSON, with its members in the order they were set.
#[derive(Clone, Debug, PartialEq)]
pub struct Descriptor(pub Value);

impl Descriptor {
    /// The descriptor of bytes.
    #[must_use]
    pub fn of(media_type: &str, algorithm: Algorithm, bytes: &[u8]) -> Self {
        Self(json!({ "mediaType": media_type, "digest": algorithm.digest(bytes), "size": bytes.len() }))
    }

    /// The digest; empty when a test took it away.
    #[must_use]
    pub fn digest(&self) -> &str {
        self.0["digest"].as_str().unwrap_or_default()
    }

    /// The media type; empty when a test took it away.
    #[must_use]
    pub fn media_type(&self) -> &str {
        self.0["mediaType"].as_str().unwrap_or_default()
    }

    /// Sets a member, whatever it means.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0[key] = value.into();
        self
    }

    /// Sets the platform from `os/architecture[/variant]`.
    #[must_use]
    pub fn platform(self, platform: &str) -> Self {
        self.with("platform", super::platform(platform))
    }

    /// Adds an annotation.
    #[must_use]
    pub fn annotation(mut self, key: &str, value: &str) -> Self {
        if self.0["annotations"].is_null() {
            self.0["annotations"] = json!({});
        }
        self.0["annotations"][key] = value.into();
        self
    }
}
