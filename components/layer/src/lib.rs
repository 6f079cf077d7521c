//! Layers of an OCI image: compressed tar bytes in, an ordered list of validated changes out, and the tree they make.
//!
//! Everything here is pure: no I/O, no clock, no randomness, no threads.
#![forbid(unsafe_code)]

pub mod archive;
pub mod change;
pub mod compression;
pub mod error;
pub mod index;
pub mod path;
mod tar;
pub mod tree;
pub mod unpacker;
pub mod warning;
pub mod whiteout;

pub use change::{Change, Content, Device, Entry, Kind, Owner, Timestamp, Xattr};
pub use compression::Compression;
pub use error::{Error, Result};
pub use index::{Excerpt, Index, Span};
pub use unpacker::{Batch, Options, Selection, Summary, Unpacker};
pub use warning::Warning;
