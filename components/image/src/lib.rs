//! The documents of an OCI image as values: bytes in, values out.
//!
//! Everything here is pure: no I/O, no clock, no randomness, no threads. The caller brings bytes and, where bytes are
//! hashed, a [`digest::Hashes`] that lends the arithmetic.
#![forbid(unsafe_code)]

pub mod digest;
pub mod error;
pub mod limits;
pub mod platform;

pub use digest::{Algorithm, ChainId, DiffId, Digest};
pub use error::{Code, Error, Result};
pub use limits::Limits;
pub use platform::Platform;
