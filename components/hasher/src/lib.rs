//! The component `hasher.wasm`: the interface `hasher` over the software hashes of `portolan-image`. It is loaded with
//! every page, and so brings a CRC-32 of its own, whose tables are not shipped.

mod crc32;

mod bindings {
    wit_bindgen::generate!({ path: "../../wit", world: "hashing", generate_all });
}

use bindings::exports::portolan::image::hasher::{Algorithm, Guest, GuestHash, Hash as HashHandle};
use portolan_image::digest::{self, Hashes, SoftwareHashes};
use std::cell::RefCell;
use std::sync::LazyLock;

static TABLES: LazyLock<crc32::Tables> = LazyLock::new(crc32::Tables::new);

struct Component;

struct Hash(RefCell<Option<Box<dyn digest::Hash>>>);

impl Guest for Component {
    type Hash = Hash;

    fn crc32(crc: u32, bytes: Vec<u8>) -> u32 {
        TABLES.update(crc, &bytes)
    }
}

impl GuestHash for Hash {
    fn new(algorithm: Algorithm) -> Self {
        let algorithm = match algorithm {
            Algorithm::Sha256 => digest::Algorithm::Sha256,
            Algorithm::Sha384 => digest::Algorithm::Sha384,
            Algorithm::Sha512 => digest::Algorithm::Sha512,
            Algorithm::Blake3 => digest::Algorithm::Blake3,
        };
        Self(RefCell::new(SoftwareHashes.start(&algorithm)))
    }

    fn update(&self, bytes: Vec<u8>) {
        if let Some(hash) = self.0.borrow_mut().as_mut() {
            hash.update(&bytes);
        }
    }

    fn duplicate(&self) -> HashHandle {
        HashHandle::new(Self(RefCell::new(self.0.borrow().as_ref().map(|hash| hash.duplicate()))))
    }

    fn finish(&self) -> Vec<u8> {
        self.0.borrow_mut().take().map(digest::Hash::finish).unwrap_or_default()
    }
}

bindings::export!(Component with_types_in bindings);
