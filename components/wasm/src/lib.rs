//! WebAssembly as the content of an image or artifact: what a module or component needs and offers, and how it is packed.
#![forbid(unsafe_code)]

mod container;
mod inspect;
mod nesting;
mod pack;
mod scope;
mod text;
mod world;

pub use container::{Container, Execution, container, index};
#[cfg(feature = "validate")]
pub use inspect::validate;
pub use inspect::{Inspection, Kind, Producer, Section, inspect};
pub use nesting::check_nesting;
pub use pack::{Artifact, EPOCH, artifact};
