//! The interfaces of `wit/` as Rust types: the only place where they are generated.
#![allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]

wasmtime::component::bindgen!({
    path: "../wit",
    world: "toolkit",
});
