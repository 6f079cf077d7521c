//! Limits: how much of anything an image may ask for.

use crate::error::Result;
use crate::toolkit::Toolkit;

pub use crate::bindings::exports::portolan::image::types::Limit;

/// Every limit with its default value.
///
/// # Errors
/// When the component fails.
pub fn defaults(toolkit: &Toolkit) -> Result<Vec<Limit>> {
    toolkit.instantiate()?.call(|exports, store| exports.portolan_image_limits().call_defaults(store))
}

/// Parses `KEY=VALUE,...`.
///
/// # Errors
/// `invalid-document`, naming the part that is wrong.
pub fn parse(toolkit: &Toolkit, text: &str) -> Result<Vec<Limit>> {
    toolkit.instantiate()?.attempt(|exports, store| exports.portolan_image_limits().call_parse(store, text))
}
