//! Test support shared by every integration test: images made byte by byte, directories compared, peer tools run.
//!
//! Nothing here shares code with the crates under test, so that a mistake cannot cancel itself out: the tar headers,
//! the digests and the documents are written from the formats' own descriptions.
//!
//! ```
//! use portolan_tests::{image, tar};
//! let layer = tar::Builder::new().dir("etc").file("etc/motd", b"hello\n").whiteout("etc/issue").build();
//! let mut layout = image::Layout::new();
//! let manifest = layout.image(image::Builder::new("linux/amd64").layer(image::Layer::gzip(layer)));
//! layout.tag(&manifest, "latest");
//! let archive = layout.oci_archive();
//! assert_eq!(archive.len() % 512, 0);
//! ```
#![forbid(unsafe_code)]
// A test's support may stop the test where it stands: there is no input here but the test's own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod awkward;
pub mod demo;
pub mod guests;
pub mod image;
pub mod listing;
pub mod peers;
pub mod tar;
pub mod tree;

pub use awkward::awkward;
