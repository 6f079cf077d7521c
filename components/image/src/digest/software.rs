//! Every supported algorithm in software, from the field's own crates.

use super::{Algorithm, Crc32, Hash, Hashes};
use sha2::Digest as _;

/// Hashes in software: SHA-2 from `sha2` (SHA-NI where the processor has it) and BLAKE3 from `blake3`.
#[derive(Clone, Copy, Debug, Default)]
pub struct SoftwareHashes;

impl Hashes for SoftwareHashes {
    fn start(&self, algorithm: &Algorithm) -> Option<Box<dyn Hash>> {
        match algorithm {
            Algorithm::Sha256 => Some(Box::new(Sha2(sha2::Sha256::new()))),
            Algorithm::Sha384 => Some(Box::new(Sha2(sha2::Sha384::new()))),
            Algorithm::Sha512 => Some(Box::new(Sha2(sha2::Sha512::new()))),
            Algorithm::Blake3 => Some(Box::new(Blake3(blake3::Hasher::new()))),
            Algorithm::Other(_) => None,
        }
    }

    fn crc32(&self) -> Crc32 {
        |crc, bytes| {
            let mut hasher = crc32fast::Hasher::new_with_initial(crc);
            hasher.update(bytes);
            hasher.finalize()
        }
    }
}

struct Sha2<D>(D);

impl<D: sha2::Digest + Clone + Send + 'static> Hash for Sha2<D> {
    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn duplicate(&self) -> Box<dyn Hash> {
        Box::new(Self(self.0.clone()))
    }

    fn finish(self: Box<Self>) -> Vec<u8> {
        self.0.finalize().to_vec()
    }
}

struct Blake3(blake3::Hasher);

impl Hash for Blake3 {
    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn duplicate(&self) -> Box<dyn Hash> {
        Box::new(Self(self.0.clone()))
    }

    fn finish(self: Box<Self>) -> Vec<u8> {
        self.0.finalize().as_bytes().to_vec()
    }
}
