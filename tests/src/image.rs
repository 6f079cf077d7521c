//! Images as OCI layouts and Docker archives, right or wrong in any place.
//!
//! A [`Layout`] holds the blobs and the index; a [`Builder`] describes one image, a [`Layer`] one layer of it.
//! Hooks *before* the digests are made (`Builder::edit_config`, `Builder::edit_manifest`, `Layout::edit_index`) give
//! documents that say something wrong under a right digest; changes *after* (`Layout::corrupt`, `Layout::remove`,
//! `Layout::replace`) give content that its digest contradicts.

mod archive;
mod attach;
mod builder;
mod digest;
mod docker;
mod layer;
mod layout;

pub use builder::{Builder, platform};
pub use digest::{Algorithm, Descriptor};
pub use layer::{Compression, Layer, gzip, skippable_frame, unzstd, zstd_frame};
pub use layout::Layout;

/// Media types, spelt out here so that the tests do not read them from the code they test.
pub mod media_type {
    /// An image index.
    pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
    /// An image manifest.
    pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    /// An image config.
    pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
    /// A layer without compression.
    pub const TAR: &str = "application/vnd.oci.image.layer.v1.tar";
    /// A gzip layer.
    pub const TAR_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
    /// A zstd layer.
    pub const TAR_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
    /// The empty descriptor.
    pub const EMPTY: &str = "application/vnd.oci.empty.v1+json";
    /// The config of a wasm artifact.
    pub const WASM_CONFIG: &str = "application/vnd.wasm.config.v0+json";
    /// A wasm module or component.
    pub const WASM: &str = "application/wasm";
    /// An in-toto statement.
    pub const IN_TOTO: &str = "application/vnd.in-toto+json";
}
