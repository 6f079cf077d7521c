//! The component `toolkit.wasm`: the interfaces of `wit/` over the library crates.
//!
//! One file an interface, holding its `impl Guest` and the conversions of its types; whatever decides lives in the
//! library crates.

mod archive;
#[cfg(feature = "whole")]
mod artifact;
#[cfg(feature = "whole")]
mod copy;
mod digest;
mod layer;
mod limits;
mod manifest;
mod platform;
mod reference;
mod registry;
mod runtime;
mod tree;
mod types;

#[cfg(feature = "whole")]
mod bindings {
    wit_bindgen::generate!({ path: "../../wit", world: "toolkit", generate_all });
}

#[cfg(not(feature = "whole"))]
mod bindings {
    wit_bindgen::generate!({ path: "../../wit", world: "reading", generate_all });
}

/// The component; it has no state of its own.
struct Component;

bindings::export!(Component with_types_in bindings);
