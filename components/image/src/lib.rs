//! The documents of an OCI image as values: bytes in, values out.
//!
//! Everything here is pure: no I/O, no clock, no randomness, no threads. The caller brings bytes and, where bytes are
//! hashed, a [`digest::Hashes`] that lends the arithmetic.
#![forbid(unsafe_code)]

pub mod annotation;
pub mod artifact;
#[cfg(test)]
mod blobs;
pub mod config;
pub mod copy;
pub mod descriptor;
pub mod digest;
pub mod docker;
pub mod document;
pub mod error;
pub mod glob;
pub mod index;
pub mod json;
pub mod layout;
pub mod limits;
pub mod manifest;
pub mod media_type;
pub mod platform;
pub mod reference;
pub mod referrers;
pub mod resolve;
pub mod runtime;
pub mod sort;
pub mod verify;
pub mod workload;

pub use annotation::Annotations;
pub use config::Config;
pub use descriptor::Descriptor;
pub use digest::{Algorithm, ChainId, DiffId, Digest};
pub use document::Document;
pub use error::{Code, Error, Result};
pub use index::Index;
pub use layout::Layout;
pub use limits::Limits;
pub use manifest::Manifest;
pub use media_type::MediaType;
pub use platform::Platform;
