//! The interface `digest`.

use crate::Component;
use crate::bindings::exports::portolan::image::digest::{
    Digester as DigesterHandle, Guest, GuestDigester, GuestVerifier, ParsedDigest, Verifier as VerifierHandle,
};
use crate::bindings::exports::portolan::image::types::Descriptor;
use crate::types::{Imported, Result};
use portolan_image::digest::{self, Algorithm, Hash, Hashes as _, chain_ids};
use portolan_image::{DiffId, Digest, Error};
use std::cell::RefCell;

const FINISHED: Error = Error::InvalidState { reason: "the stream is already finished" };

impl Guest for Component {
    type Verifier = Verifier;
    type Digester = Digester;

    fn parse(text: String) -> Result<ParsedDigest> {
        let digest: Digest = text.parse()?;
        Ok(ParsedDigest {
            algorithm: digest.algorithm().to_string(),
            encoded: digest.encoded().to_owned(),
            registered: digest.algorithm().is_registered(),
            computable: !matches!(digest.algorithm(), Algorithm::Other(_)),
        })
    }

    fn verify(descriptor: Descriptor, bytes: Vec<u8>) -> Result<()> {
        let mut verifier = digest::Verifier::new(&Imported, &descriptor.digest.parse()?, descriptor.size)?;
        verifier.feed(&bytes)?;
        Ok(verifier.finish()?)
    }

    fn chain_ids(diff_ids: Vec<String>) -> Result<Vec<String>> {
        let diff_ids: Vec<DiffId> =
            diff_ids.iter().map(|text| text.parse().map(DiffId)).collect::<portolan_image::Result<_>>()?;
        Ok(chain_ids(&Imported, &diff_ids)?.iter().map(ToString::to_string).collect())
    }
}

/// Verifies a stream.
pub(crate) struct Verifier(RefCell<Option<digest::Verifier>>);

impl GuestVerifier for Verifier {
    fn start(digest: String, size: u64) -> Result<VerifierHandle> {
        let verifier = digest::Verifier::new(&Imported, &digest.parse()?, size)?;
        Ok(VerifierHandle::new(Self(RefCell::new(Some(verifier)))))
    }

    fn feed(&self, bytes: Vec<u8>) -> Result<()> {
        Ok(self.0.borrow_mut().as_mut().ok_or(FINISHED)?.feed(&bytes)?)
    }

    fn finish(&self) -> Result<()> {
        Ok(self.0.borrow_mut().take().ok_or(FINISHED)?.finish()?)
    }
}

/// Computes the digest of a stream.
pub(crate) struct Digester {
    algorithm: Algorithm,
    hash: RefCell<Option<Box<dyn Hash>>>,
}

impl GuestDigester for Digester {
    fn start(algorithm: String) -> Result<DigesterHandle> {
        let algorithm = Algorithm::from_name(&algorithm);
        let hash = Imported
            .start(&algorithm)
            .ok_or_else(|| Error::UnsupportedAlgorithm { digest: Digest::from_hash(algorithm.clone(), &[]) })?;
        Ok(DigesterHandle::new(Self { algorithm, hash: RefCell::new(Some(hash)) }))
    }

    fn feed(&self, bytes: Vec<u8>) {
        if let Some(hash) = self.hash.borrow_mut().as_mut() {
            hash.update(&bytes);
        }
    }

    fn finish(&self) -> String {
        let hash = self.hash.borrow_mut().take().map(Hash::finish).unwrap_or_default();
        Digest::from_hash(self.algorithm.clone(), &hash).to_string()
    }
}
