//! What the explorer computes about files, texts, paths and sizes, and no specification of images says.
//!
//! It runs in a worker of the page, where a panic would end everything: nothing here panics, whatever a file says.

pub mod diff;
pub mod elf;
#[cfg(target_family = "wasm")]
mod page;
pub mod search;
pub mod treemap;
