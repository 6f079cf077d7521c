//! What is written into a layout, or into a docker-archive, beside the blobs.

use crate::error::Result;
use crate::manifest::Descriptor;
use crate::toolkit::Toolkit;

pub use crate::bindings::exports::portolan::image::layout::{DockerArchive, Edit};

/// Edits the `index.json` of a layout; nothing is that of a new one.
///
/// # Errors
/// What is wrong with it, and `reference-not-found` when there is nothing to untag or to remove.
pub fn edit_index(toolkit: &Toolkit, index: Option<&[u8]>, edits: &[Edit]) -> Result<Vec<u8>> {
    toolkit.instantiate()?.attempt(|exports, store| {
        exports.portolan_image_layout().call_edit_index(store, index, edits, toolkit.limits())
    })
}

/// The bytes of the `oci-layout` file of a new layout.
///
/// # Errors
/// When the component fails.
pub fn marker(toolkit: &Toolkit) -> Result<Vec<u8>> {
    toolkit.instantiate()?.call(|exports, store| exports.portolan_image_layout().call_marker(store))
}

/// Writes the documents of a docker-archive of one image, from its manifest.
///
/// # Errors
/// `unsupported-media-type` when it is no container image, and `invalid-reference`.
pub fn write_docker_archive(
    toolkit: &Toolkit,
    manifest: &Descriptor,
    bytes: &[u8],
    name: Option<&str>,
) -> Result<DockerArchive> {
    toolkit.instantiate()?.attempt(|exports, store| {
        exports.portolan_image_layout().call_write_docker_archive(store, manifest, bytes, name, toolkit.limits())
    })
}
