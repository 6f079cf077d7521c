//! What the fuzz targets share: layers unpacked in chunks, trees checked, tar headers that stay headers when mutated.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod chunks;
pub mod headers;
pub mod listing;
pub mod recording;
#[cfg(feature = "seeds")]
pub mod seeds;
pub mod trees;
pub mod unpacked;
