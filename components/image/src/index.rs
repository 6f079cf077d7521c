//! Image indexes and Docker manifest lists: a list of manifests, often one a platform (image-index.md).

use crate::annotation::Annotations;
use crate::descriptor::{self, Descriptor};
use crate::document::read_header;
use crate::error::Result;
use crate::json::{Cursor, Value};
use crate::limits::Limits;
use crate::media_type::{Kind, MediaType};

const INDEX: &str = "image index";

/// An image index, or a Docker manifest list, beside its bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Index {
    /// The bytes as they were received; only they have a digest (J-01).
    pub raw: Vec<u8>,
    /// The media type that the index says it has (I-02).
    pub media_type: Option<MediaType>,
    /// The entries. Those of unknown media types stay, and are no error (I-05).
    pub manifests: Vec<Descriptor>,
    /// The type of the artifact, if the index is one (I-08).
    pub artifact_type: Option<MediaType>,
    /// The manifest that this one is about; a weak link, for referrers only (I-08).
    pub subject: Option<Descriptor>,
    /// Annotations of the index itself.
    pub annotations: Annotations,
}

impl Index {
    /// Parses an index that is known to be one, such as the `index.json` of a layout (Y-02).
    ///
    /// # Errors
    /// [`Error::InvalidDocument`](crate::Error::InvalidDocument) for a broken rule,
    /// [`Error::AmbiguousDocument`](crate::Error::AmbiguousDocument) when it has members of a manifest or says that it is
    /// one (N-15), [`Error::LimitExceeded`](crate::Error::LimitExceeded) for `manifest-bytes`, `json-depth` and
    /// `index-entries`.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self> {
        let value = Value::parse(INDEX, bytes, ("manifest-bytes", limits.manifest_bytes), limits)?;
        Self::read(bytes, &value, limits)
    }

    pub(crate) fn read(bytes: &[u8], value: &Value, limits: &Limits) -> Result<Self> {
        let document = Cursor::new(INDEX, value);
        let media_type = read_header(&document, Kind::Index, &["config", "layers", "fsLayers"])?;
        // I-03: it may be empty, and null is not empty.
        let manifests = document.required("manifests")?.elements()?;
        Limits::check("index-entries", limits.index_entries, manifests.len() as u64, || {
            format!("{INDEX} of {} entries", manifests.len())
        })?;
        Ok(Self {
            raw: bytes.to_vec(),
            media_type,
            manifests: manifests.iter().map(Descriptor::read).collect::<Result<_>>()?,
            artifact_type: document.optional("artifactType")?.map(|name| descriptor::media_type(&name)).transpose()?,
            subject: document.optional("subject")?.map(|subject| Descriptor::read(&subject)).transpose()?,
            annotations: Annotations::read(&document, "annotations")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn i_03_manifests_may_be_empty_but_neither_null_nor_missing() {
        let parse = |text: &str| Index::parse(text.as_bytes(), &Limits::default());
        assert!(parse(r#"{"schemaVersion":2,"manifests":[]}"#).is_ok());
        for text in [r#"{"schemaVersion":2,"manifests":null}"#, r#"{"schemaVersion":2}"#, "[]", "null"] {
            assert!(matches!(parse(text), Err(Error::InvalidDocument { .. })), "{text}");
        }
    }

    /// Row 42.
    #[test]
    fn an_index_of_too_many_entries_is_refused() {
        let entry = crate::Descriptor::empty().to_value();
        let entries = Value::Array(vec![entry; 3]);
        let index =
            Value::Object(vec![("schemaVersion".to_owned(), Value::Unsigned(2)), ("manifests".to_owned(), entries)]);
        let limits = Limits { index_entries: 2, ..Limits::default() };
        let error = Index::parse(&index.to_bytes(), &limits).unwrap_err();
        assert!(matches!(error, Error::LimitExceeded { key: "index-entries", limit: 2, .. }), "{error}");
    }
}
