//! The files of an image layout: `oci-layout`, which makes a directory one, and `index.json` (image-layout.md).

use crate::error::Result;
use crate::json::{Cursor, Value, quote};
use crate::limits::Limits;

mod listing;
pub use listing::{Entry, Listing, Untagged};

const LAYOUT: &str = "image layout";

/// The only version of the layout there is (Y-01).
pub const LAYOUT_VERSION: &str = "1.0.0";

/// The `oci-layout` file beside its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The bytes as they were received.
    pub raw: Vec<u8>,
    /// The version, [`LAYOUT_VERSION`].
    pub image_layout_version: String,
}

impl Layout {
    /// Parses the file. More members are no error (Y-01).
    ///
    /// # Errors
    /// [`Error::InvalidDocument`](crate::Error::InvalidDocument), also for another version than 1.0.0, and
    /// [`Error::LimitExceeded`](crate::Error::LimitExceeded).
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self> {
        let value = Value::parse(LAYOUT, bytes, ("manifest-bytes", limits.manifest_bytes), limits)?;
        let version = Cursor::new(LAYOUT, &value).required("imageLayoutVersion")?;
        let text = version.string()?;
        if text != LAYOUT_VERSION {
            return Err(version.invalid(format!("expected {LAYOUT_VERSION:?}, found {}", quote(text))));
        }
        Ok(Self { raw: bytes.to_vec(), image_layout_version: text.to_owned() })
    }

    /// The bytes of the file for a new layout.
    #[must_use]
    pub fn bytes() -> Vec<u8> {
        let version = Value::String(LAYOUT_VERSION.to_owned());
        Value::Object(vec![("imageLayoutVersion".to_owned(), version)]).to_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn y_01_what_is_written_reads_back() {
        assert_eq!(Layout::parse(&Layout::bytes(), &Limits::default()).unwrap().image_layout_version, "1.0.0");
    }
}
