//! The imported arithmetic as `portolan_image::digest::Hashes`.

use crate::bindings::portolan::image::hasher;
use portolan_image::digest::{Algorithm, Crc32, Hash, Hashes};

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
