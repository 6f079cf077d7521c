//! References: how people name an image.

use crate::error::Result;
use crate::toolkit::Toolkit;

pub use crate::bindings::exports::portolan::image::reference::{Candidate, ImageReference, Location, Name, Selector};

/// Parses a place to write to.
///
/// # Errors
/// `invalid-reference`.
pub fn parse_destination(toolkit: &Toolkit, text: &str) -> Result<ImageReference> {
    toolkit
        .instantiate()?
        .attempt(|exports, store| exports.portolan_image_reference().call_parse_destination(store, text))
}

/// Parses a name in a registry, with Docker's defaults.
///
/// # Errors
/// `invalid-reference`.
pub fn parse_name(toolkit: &Toolkit, text: &str) -> Result<Name> {
    toolkit.instantiate()?.attempt(|exports, store| exports.portolan_image_reference().call_parse_name(store, text))
}

/// Parses a reference of the command line.
///
/// # Errors
/// `invalid-reference`.
pub fn parse(toolkit: &Toolkit, text: &str) -> Result<ImageReference> {
    toolkit.instantiate()?.attempt(|exports, store| exports.portolan_image_reference().call_parse(store, text))
}
