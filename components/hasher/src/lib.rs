//! The component `hasher.wasm`: the interface `hasher` over the same crates as the software hashes of `portolan-image`.
//!
//! It is loaded with every page: without the standard library, whose messages of panics would be a third of it.
#![no_std]

extern crate alloc;

mod crc32;

mod bindings {
    wit_bindgen::generate!({ path: "../../wit", world: "hashing", generate_all });
}

use alloc::boxed::Box;
use alloc::vec::Vec;
use bindings::exports::portolan::image::hasher::{Algorithm, Guest, GuestHash, Hash as HashHandle};
use core::cell::{LazyCell, RefCell};
use dlmalloc::GlobalDlmalloc;
use sha2::{Digest, Sha256, Sha384, Sha512};

// The one that the standard library brings.
#[global_allocator]
static ALLOCATOR: GlobalDlmalloc = GlobalDlmalloc;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}

struct Component;

#[derive(Clone)]
enum State {
    Sha256(Sha256),
    Sha384(Sha384),
    Sha512(Sha512),
    Blake3(Box<blake3::Hasher>),
}

struct Hash(RefCell<State>);

struct SingleThreaded<T>(T);

// SAFETY: a component has one thread.
unsafe impl<T> Sync for SingleThreaded<T> {}

static TABLES: SingleThreaded<LazyCell<crc32::Tables>> = SingleThreaded(LazyCell::new(crc32::Tables::new));

impl Guest for Component {
    type Hash = Hash;

    fn crc32(crc: u32, bytes: Vec<u8>) -> u32 {
        TABLES.0.update(crc, &bytes)
    }
}

impl GuestHash for Hash {
    fn new(algorithm: Algorithm) -> Self {
        Self(RefCell::new(match algorithm {
            Algorithm::Sha256 => State::Sha256(Sha256::new()),
            Algorithm::Sha384 => State::Sha384(Sha384::new()),
            Algorithm::Sha512 => State::Sha512(Sha512::new()),
            Algorithm::Blake3 => State::Blake3(Box::default()),
        }))
    }

    fn update(&self, bytes: Vec<u8>) {
        match &mut *self.0.borrow_mut() {
            State::Sha256(hash) => hash.update(&bytes),
            State::Sha384(hash) => hash.update(&bytes),
            State::Sha512(hash) => hash.update(&bytes),
            State::Blake3(hash) => drop(hash.update(&bytes)),
        }
    }

    fn duplicate(&self) -> HashHandle {
        HashHandle::new(Self(self.0.clone()))
    }

    fn finish(&self) -> Vec<u8> {
        match &*self.0.borrow() {
            State::Sha256(hash) => hash.clone().finalize().to_vec(),
            State::Sha384(hash) => hash.clone().finalize().to_vec(),
            State::Sha512(hash) => hash.clone().finalize().to_vec(),
            State::Blake3(hash) => hash.finalize().as_bytes().to_vec(),
        }
    }
}

bindings::export!(Component with_types_in bindings);
