//! A document of which only the media type tells whether it is an index or a manifest (media-types.md).

use crate::error::{Error, Result};
use crate::index::Index;
use crate::json::{Cursor, Value, quote};
use crate::limits::Limits;
use crate::manifest::Manifest;
use crate::media_type::{Kind, MediaType, base};

/// An index or a manifest.
#[derive(Clone, Debug, PartialEq)]
pub enum Document {
    /// An image index or a Docker manifest list.
    Index(Box<Index>),
    /// An image manifest or a Docker manifest of schema 2.
    Manifest(Box<Manifest>),
}

impl Document {
    /// Parses an index or a manifest, of the media type that its descriptor or its transport says, if any does.
    ///
    /// Parameters of `expected` are dropped (M-11). `expected`, the document's own `mediaType` and its members must
    /// agree; a document that could be read as two things is refused whatever is expected (N-15, CVE-2021-41190).
    ///
    /// # Errors
    /// [`Error::AmbiguousDocument`] for a contradiction, [`Error::UnsupportedMediaType`] for Docker schema 1 (M-10) and
    /// for an expected type that is neither, else those of [`Index::parse`] and [`Manifest::parse`].
    pub fn parse(bytes: &[u8], expected: Option<&str>, limits: &Limits) -> Result<Self> {
        let expected = expected.map(MediaType::from_content_type).transpose()?;
        if let Some(expected) = &expected {
            expect_document(expected)?;
        }
        let value = Value::parse("document", bytes, ("manifest-bytes", limits.manifest_bytes), limits)?;
        let document = Cursor::new("document", &value);
        document.members()?;
        refuse_schema_1(&document)?;
        let declared = document.optional("mediaType")?.map(|name| crate::descriptor::media_type(&name)).transpose()?;
        if let (Some(expected), Some(declared)) = (&expected, &declared)
            && expected != declared
        {
            return Err(contradiction(format!("{expected} is expected, mediaType says {}", quote(declared.as_str()))));
        }
        let kind = match expected.or(declared).map(|media_type| media_type.kind()) {
            Some(kind @ (Kind::Index | Kind::Manifest)) => kind,
            // No media type at all: the members tell, and both parsers refuse a hybrid.
            None if document.has("manifests") => Kind::Index,
            None if document.has("layers") || document.has("config") => Kind::Manifest,
            None => return Err(document.invalid("neither an index (manifests) nor a manifest (config, layers)")),
            Some(_) => {
                let declared = value.member("mediaType").and_then(Value::as_str).unwrap_or_default();
                return Err(Error::UnsupportedMediaType {
                    media_type: declared.chars().take(260).collect(),
                    reason: "expected an index or a manifest".to_owned(),
                });
            }
        };
        Ok(if kind == Kind::Index {
            Self::Index(Box::new(Index::read(bytes, &value, limits)?))
        } else {
            Self::Manifest(Box::new(Manifest::read(bytes, &value, limits)?))
        })
    }

    /// The bytes as they were received.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        match self {
            Self::Index(index) => &index.raw,
            Self::Manifest(manifest) => &manifest.raw,
        }
    }

    /// The media type: the declared one, or that of the specification when the document has none.
    #[must_use]
    pub fn media_type(&self) -> MediaType {
        match self {
            Self::Index(index) => index.media_type.clone().unwrap_or(MediaType::ImageIndex),
            Self::Manifest(manifest) => manifest.media_type.clone().unwrap_or(MediaType::ImageManifest),
        }
    }
}

/// The media type to trust, of the one that a descriptor promises and the one that a transport returned.
///
/// The returned one when none was expected (M-03); the expected one when they agree (M-04), or when they differ and the
/// bytes have the expected digest, which the caller says in `verified` (M-05).
///
/// # Errors
/// [`Error::AmbiguousDocument`] when they differ and no digest vouches for the bytes (M-06).
pub fn trusted_media_type(
    expected: Option<&MediaType>,
    returned: Option<&str>,
    verified: bool,
) -> Result<Option<MediaType>> {
    match (expected, returned) {
        (None, returned) => returned.map(MediaType::from_content_type).transpose(),
        (Some(expected), Some(returned)) if !verified && base(returned) != expected.as_str().to_ascii_lowercase() => {
            Err(contradiction(format!("{expected} is expected, {} was returned", quote(returned))))
        }
        (Some(expected), _) => Ok(Some(expected.clone())),
    }
}

fn contradiction(reason: String) -> Error {
    Error::AmbiguousDocument { reason }
}

fn expect_document(expected: &MediaType) -> Result<()> {
    let reason = match expected.kind() {
        Kind::Index | Kind::Manifest => return Ok(()),
        Kind::DockerSchema1 => SCHEMA_1,
        _ => "expected an index or a manifest",
    };
    Err(Error::UnsupportedMediaType { media_type: expected.to_string(), reason: reason.to_owned() })
}

const SCHEMA_1: &str = "Docker manifests of schema 1 have been obsolete since 2017 and are not read; push the image again with a current tool";

/// Docker schema 1 has no media type of its own inside, so its members must tell (M-10).
fn refuse_schema_1(document: &Cursor<'_>) -> Result<()> {
    let declared = document.value().member("mediaType").and_then(Value::as_str).unwrap_or_default();
    let is_declared = MediaType::parse(declared).is_ok_and(|declared| declared.kind() == Kind::DockerSchema1);
    let is_shaped = document.value().member("schemaVersion") == Some(&Value::Unsigned(1)) && document.has("fsLayers");
    if is_declared || is_shaped {
        let media_type = if is_declared { declared } else { MediaType::DockerSchema1.as_str() };
        return Err(Error::UnsupportedMediaType { media_type: media_type.to_owned(), reason: SCHEMA_1.to_owned() });
    }
    Ok(())
}

/// What every index and manifest has: schema version 2, and a media type of the right kind if it has one (N-01, I-02).
///
/// `foreign` are the members of the other kind, none of which may be there.
pub(crate) fn read_header(document: &Cursor<'_>, kind: Kind, foreign: &[&str]) -> Result<Option<MediaType>> {
    document.members()?;
    refuse_schema_1(document)?;
    if let Some(name) = foreign.iter().find(|name| document.has(name)) {
        return Err(contradiction(format!("read as an {}, the document also has {name}", document.document())));
    }
    let version = document.required("schemaVersion")?;
    if version.size()? != 2 {
        return Err(version.invalid(format!("expected 2, found {}", version.size()?)));
    }
    let Some(name) = document.optional("mediaType")? else { return Ok(None) };
    let declared = crate::descriptor::media_type(&name)?;
    if declared.kind() != kind {
        return Err(contradiction(format!("read as an {}, its mediaType is {declared}", document.document())));
    }
    Ok(Some(declared))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, expected: Option<&str>) -> Result<Document> {
        Document::parse(text.as_bytes(), expected, &Limits::default())
    }

    const INDEX: &str = "application/vnd.oci.image.index.v1+json";
    const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    const EMPTY_INDEX: &str = r#"{"schemaVersion":2,"manifests":[]}"#;
    const CONFIG: &str = r#"{"mediaType":"a/b","size":2,
        "digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"}"#;

    /// Row 40: CVE-2021-41190, CVE-2024-24557.
    #[test]
    fn n_15_a_document_that_could_be_two_things_is_refused() {
        let hybrids = [
            format!(r#"{{"schemaVersion":2,"manifests":[],"config":{CONFIG},"layers":[]}}"#),
            format!(r#"{{"schemaVersion":2,"manifests":[],"config":{CONFIG}}}"#),
            r#"{"schemaVersion":2,"manifests":[],"layers":null}"#.to_owned(),
            format!(r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","manifests":[]}}"#),
            format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","config":{CONFIG},"layers":[]}}"#),
        ];
        for hybrid in &hybrids {
            for expected in [None, Some(INDEX), Some(MANIFEST)] {
                let error = parse(hybrid, expected).unwrap_err();
                let is_refused =
                    matches!(error, Error::AmbiguousDocument { .. }) || error.to_string().contains("missing");
                assert!(is_refused, "{hybrid} {expected:?}: {error}");
            }
        }
    }

    #[test]
    fn the_media_type_must_be_the_one_expected() {
        let text = format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[]}}"#);
        assert!(parse(&text, Some(INDEX)).is_ok());
        let docker = "application/vnd.docker.distribution.manifest.list.v2+json";
        for expected in [MANIFEST, docker] {
            assert!(matches!(parse(&text, Some(expected)), Err(Error::AmbiguousDocument { .. })), "{expected}");
        }
        assert!(matches!(parse(EMPTY_INDEX, Some("application/json")), Err(Error::UnsupportedMediaType { .. })));
    }

    #[test]
    fn m_11_parameters_and_case_of_a_content_type_do_not_matter() {
        let expected = "Application/vnd.oci.image.index.v1+JSON ; charset=utf-8";
        assert!(matches!(parse(EMPTY_INDEX, Some(expected)), Ok(Document::Index(_))));
    }

    #[test]
    fn without_any_media_type_the_members_tell() {
        assert!(matches!(parse(EMPTY_INDEX, None), Ok(Document::Index(_))));
        let manifest = format!(r#"{{"schemaVersion":2,"config":{CONFIG},"layers":[]}}"#);
        assert!(matches!(parse(&manifest, None), Ok(Document::Manifest(_))));
        assert!(parse(r#"{"schemaVersion":2}"#, None).unwrap_err().to_string().contains("neither"));
        assert!(parse("[]", None).is_err());
    }

    #[test]
    fn m_10_docker_schema_1_is_refused_by_name() {
        let unsigned = r#"{"schemaVersion":1,"name":"a","tag":"b","fsLayers":[],"history":[]}"#;
        let signed = "application/vnd.docker.distribution.manifest.v1+prettyjws";
        let declared = format!(r#"{{"schemaVersion":1,"mediaType":"{signed}"}}"#);
        for (text, expected) in [(unsigned, None), (unsigned, Some(signed)), (declared.as_str(), None)] {
            let error = parse(text, expected).unwrap_err();
            assert!(error.to_string().contains("schema 1"), "{error}");
        }
    }

    #[test]
    fn m_03_to_m_06_say_which_media_type_to_trust() {
        let index = MediaType::ImageIndex;
        assert_eq!(trusted_media_type(None, Some(INDEX), false).unwrap(), Some(index.clone()));
        assert_eq!(trusted_media_type(None, None, false).unwrap(), None);
        let same = format!("{INDEX}; charset=utf-8");
        assert_eq!(trusted_media_type(Some(&index), Some(&same), false).unwrap(), Some(index.clone()));
        assert_eq!(trusted_media_type(Some(&index), Some(MANIFEST), true).unwrap(), Some(index.clone()));
        assert!(trusted_media_type(Some(&index), Some(MANIFEST), false).is_err());
    }
}
