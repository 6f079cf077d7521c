//! WebAssembly as the content of an image or artifact: what a module or component needs and offers, and how it is packed.
#![forbid(unsafe_code)]

mod container;
mod inspect;
mod pack;

pub use container::{Container, Execution, container, index};
pub use inspect::{Inspection, Kind, Producer, Section, inspect};
pub use pack::{Artifact, EPOCH, artifact};
