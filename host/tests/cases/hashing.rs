//! `hasher.wasm` alone.
#![allow(unreachable_pub, missing_docs)]

pub(crate) use exports::portolan::image::hasher::Algorithm;
use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Store};

wasmtime::component::bindgen!({ path: "../wit", world: "hashing" });

/// An instance of `hasher.wasm`.
pub(crate) struct Hasher {
    store: Store<()>,
    hashing: Hashing,
}

impl Hasher {
    pub(crate) fn new() -> Self {
        let engine = Engine::default();
        let component = Component::new(&engine, ::portolan::HASHER_WASM).expect("hasher.wasm is a component");
        let mut store = Store::new(&engine, ());
        let hashing = Hashing::instantiate(&mut store, &component, &Linker::new(&engine));
        Self { store, hashing: hashing.expect("hasher.wasm needs nothing to be instantiated") }
    }

    /// The hash of bytes fed in chunks, in hexadecimal digits.
    pub(crate) fn hash(&mut self, algorithm: Algorithm, bytes: &[u8], chunk: usize) -> String {
        let interface = self.hashing.portolan_image_hasher().hash();
        let handle = interface.call_constructor(&mut self.store, algorithm).unwrap();
        for chunk in bytes.chunks(chunk) {
            interface.call_update(&mut self.store, handle, chunk).unwrap();
        }
        let hash = interface.call_finish(&mut self.store, handle).unwrap();
        handle.resource_drop(&mut self.store).unwrap();
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    pub(crate) fn crc32(&mut self, bytes: &[u8], chunk: usize) -> u32 {
        let interface = self.hashing.portolan_image_hasher();
        bytes.chunks(chunk).fold(0, |crc, chunk| interface.call_crc32(&mut self.store, crc, chunk).unwrap())
    }
}
