//! The component `toolkit.wasm`: the interfaces of `wit/` over the library crates; and those of smaller worlds, by features.
//!
//! One file an interface, holding its `impl Guest` and the conversions of its types; whatever decides lives in the
//! library crates.

#[cfg(feature = "reading")]
mod archive;
#[cfg(feature = "toolkit")]
mod artifact;
#[cfg(feature = "toolkit")]
mod copy;
#[cfg(feature = "reading")]
mod digest;
#[cfg(feature = "reading")]
mod layer;
#[cfg(feature = "reading")]
mod lent;
#[cfg(feature = "reading")]
mod limits;
#[cfg(feature = "reading")]
mod manifest;
#[cfg(feature = "reading")]
mod platform;
#[cfg(feature = "reading")]
mod reference;
#[cfg(feature = "reading")]
mod registry;
#[cfg(feature = "reading")]
mod runtime;
#[cfg(feature = "reading")]
mod tree;
mod types;
#[cfg(all(feature = "inspecting", not(feature = "reading")))]
mod wasm;

#[cfg(feature = "toolkit")]
mod bindings {
    wit_bindgen::generate!({ path: "../../wit", world: "toolkit", generate_all });
}

#[cfg(all(feature = "reading", not(feature = "toolkit")))]
mod bindings {
    wit_bindgen::generate!({ path: "../../wit", world: "reading", generate_all });
}

#[cfg(not(feature = "reading"))]
mod bindings {
    wit_bindgen::generate!({ path: "../../wit", world: "inspecting", generate_all });
}

/// The component; it has no state of its own.
struct Component;

bindings::export!(Component with_types_in bindings);
