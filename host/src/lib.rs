//! Portolan as a native library: the toolkit's components on wasmtime, and a driver for them.
//!
//! Every decision about images is taken inside the components, which `wit/` describes; this crate fetches, feeds and
//! carries out. A module of the name of an interface is that interface as ordinary Rust.
//!
//! ```no_run
//! use portolan::registry::{self, Registries};
//! use portolan::{Toolkit, manifest, platform, reference, source};
//! let toolkit = Toolkit::new(Vec::new())?;
//! let registries = Registries::new(&toolkit, registry::Options::default());
//! let place = source::open(&toolkit, &registries, &reference::parse(&toolkit, "ghcr.io/org/app:1.0")?)?;
//! let image = manifest::resolve(&toolkit, place.source.as_ref(), &place.selector, platform::wanted(&[]))?;
//! println!("{} has {} layers", image.descriptor.digest, image.manifest.layers.len());
//! # Ok::<(), portolan::Error>(())
//! ```
#![warn(unsafe_code)]

pub mod artifact;
mod bindings;
pub mod copy;
pub mod credentials;
pub mod digest;
mod engine;
mod error;
mod hasher;
pub mod interrupt;
pub mod layer;
pub mod layers;
pub mod layout;
pub mod limits;
pub mod manifest;
pub mod platform;
pub mod progress;
mod push;
pub mod reference;
pub mod registry;
pub mod rootfs;
pub mod runtime;
pub mod serve;
pub mod sink;
pub mod source;
pub mod staging;
pub mod store;
pub mod text;
mod toolkit;
pub mod tree;
pub mod unpack;
pub mod verify;
pub mod wasm;
pub mod workload;

pub use error::{Error, ErrorCode, Result, word};
pub use toolkit::{HASHER_WASM, PORTOLAN_WASM, TOOLKIT_WASM, Toolkit};
