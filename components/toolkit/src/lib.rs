//! The component `toolkit.wasm`: the interfaces of `wit/` over the library crates; and those of smaller worlds, by features.
//!
//! One file an interface, holding its `impl Guest` and the conversions of its types; whatever decides lives in the
//! library crates.

#[cfg(feature = "exploring")]
mod archive;
#[cfg(feature = "toolkit")]
mod artifact;
#[cfg(feature = "toolkit")]
mod copy;
#[cfg(feature = "reading")]
mod credentials;
#[cfg(feature = "exploring")]
mod digest;
#[cfg(feature = "exploring")]
mod layer;
#[cfg(feature = "toolkit")]
mod layout;
#[cfg(feature = "exploring")]
mod lent;
#[cfg(feature = "exploring")]
mod limits;
#[cfg(feature = "exploring")]
mod manifest;
#[cfg(feature = "exploring")]
mod platform;
#[cfg(feature = "reading")]
mod push;
#[cfg(feature = "exploring")]
mod reference;
#[cfg(feature = "exploring")]
mod registry;
#[cfg(feature = "reading")]
mod runtime;
#[cfg(feature = "exploring")]
mod tree;
mod types;
#[cfg(all(feature = "inspecting", not(feature = "exploring")))]
mod wasm;
#[cfg(feature = "exploring")]
mod workload;

#[cfg(feature = "toolkit")]
mod bindings {
    wit_bindgen::generate!({ path: "../../wit", world: "toolkit", generate_all });
}

#[cfg(all(feature = "reading", not(feature = "toolkit")))]
mod bindings {
    wit_bindgen::generate!({ path: "../../wit", world: "reading", generate_all });
}

#[cfg(all(feature = "exploring", not(feature = "reading")))]
mod bindings {
    wit_bindgen::generate!({ path: "../../wit", world: "exploring", generate_all });
}

#[cfg(not(feature = "exploring"))]
mod bindings {
    wit_bindgen::generate!({ path: "../../wit", world: "inspecting", generate_all });
}

/// The component; it has no state of its own.
struct Component;

bindings::export!(Component with_types_in bindings);
