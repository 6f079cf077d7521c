//! Digests: computing them, and verifying blobs as they stream by.

use crate::error::{Error, Result};
use crate::hasher::Reading;
use crate::toolkit::{Instance, Toolkit};
use portolan_image::digest::{Algorithm, SoftwareHashes};
use std::io::Read;
use wasmtime::component::ResourceAny;

pub use crate::bindings::exports::portolan::image::digest::ParsedDigest;

/// How many bytes are read and fed at once.
const CHUNK: usize = 256 * 1024;

/// Parses `algorithm:encoded`.
///
/// # Errors
/// `invalid-digest`.
pub fn parse(toolkit: &Toolkit, text: &str) -> Result<ParsedDigest> {
    toolkit.instantiate()?.attempt(|exports, store| exports.portolan_image_digest().call_parse(store, text))
}

/// The ChainIDs of DiffIDs, bottom first.
///
/// # Errors
/// `invalid-digest`.
pub fn chain_ids(toolkit: &Toolkit, diff_ids: &[String]) -> Result<Vec<String>> {
    toolkit.instantiate()?.attempt(|exports, store| exports.portolan_image_digest().call_chain_ids(store, diff_ids))
}

/// The digest of everything that a reader gives, and its length in bytes.
///
/// # Errors
/// `unsupported-algorithm`, or what reading says.
pub fn compute(toolkit: &Toolkit, algorithm: &str, reader: impl Read) -> Result<(String, u64)> {
    let mut digester = Digester::start(toolkit, algorithm)?;
    let size = each_chunk(reader, |bytes| digester.feed(bytes))?;
    Ok((digester.finish()?, size))
}

/// The SHA-256 digest of bytes that are at hand.
pub(crate) fn of(bytes: &[u8]) -> Result<String> {
    let digest = portolan_image::digest::digest_bytes(&SoftwareHashes, &Algorithm::Sha256, bytes);
    digest.map(|digest| digest.to_string()).map_err(|error| Error::Usage(error.to_string()))
}

/// Verifies everything that a reader gives against a digest and a size in bytes.
///
/// # Errors
/// `size-mismatch`, `digest-mismatch`, `unsupported-algorithm`, or what reading says.
pub fn verify(toolkit: &Toolkit, digest: &str, size: u64, reader: impl Read) -> Result<()> {
    let mut verifier = Verifier::start(toolkit, digest, size)?;
    each_chunk(reader, |bytes| verifier.feed(bytes))?;
    verifier.finish()
}

/// Computes the digest of bytes that stream by.
pub(crate) struct Digester {
    instance: Instance,
    handle: ResourceAny,
}

impl Digester {
    pub(crate) fn start(toolkit: &Toolkit, algorithm: &str) -> Result<Self> {
        let mut instance = toolkit.instantiate()?;
        let handle = instance
            .attempt(|exports, store| exports.portolan_image_digest().digester().call_start(store, algorithm))?;
        Ok(Self { instance, handle })
    }

    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<()> {
        let handle = self.handle;
        self.instance.call(|exports, store| exports.portolan_image_digest().digester().call_feed(store, handle, bytes))
    }

    pub(crate) fn finish(mut self) -> Result<String> {
        let handle = self.handle;
        self.instance.call(|exports, store| exports.portolan_image_digest().digester().call_finish(store, handle))
    }
}

/// Verifies bytes as they stream by.
pub struct Verifier {
    instance: Instance,
    handle: ResourceAny,
}

impl Verifier {
    /// Starts with what is promised: a digest and a size in bytes.
    ///
    /// # Errors
    /// `invalid-digest` and `unsupported-algorithm`.
    pub fn start(toolkit: &Toolkit, digest: &str, size: u64) -> Result<Self> {
        let mut instance = toolkit.instantiate()?;
        let handle = instance
            .attempt(|exports, store| exports.portolan_image_digest().verifier().call_start(store, digest, size))?;
        Ok(Self { instance, handle })
    }

    /// Takes more bytes.
    ///
    /// # Errors
    /// `size-mismatch` when these are too many.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<()> {
        let handle = self.handle;
        self.instance
            .attempt(|exports, store| exports.portolan_image_digest().verifier().call_feed(store, handle, bytes))
    }

    /// Says that these were all.
    ///
    /// # Errors
    /// `size-mismatch` and `digest-mismatch`.
    pub fn finish(mut self) -> Result<()> {
        let handle = self.handle;
        self.instance.attempt(|exports, store| exports.portolan_image_digest().verifier().call_finish(store, handle))
    }
}

/// Hands everything that a reader gives to `take`, a chunk at a time, and answers how many bytes there were.
pub(crate) fn each_chunk(mut reader: impl Read, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<u64> {
    let _reading = Reading::begin();
    let mut chunk = vec![0; CHUNK];
    let mut size = 0;
    loop {
        match reader.read(&mut chunk) {
            Ok(0) => return Ok(size),
            Ok(length) => {
                size += length as u64;
                take(&chunk[..length])?;
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::io("read", "the blob")(error)),
        }
    }
}
