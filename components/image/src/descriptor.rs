//! Descriptors: what a blob is, how long it is and which bytes it has (descriptor.md).

use crate::annotation::{self, Annotations};
use crate::digest::{Digest, Hashes, Verifier};
use crate::error::Result;
use crate::json::{Cursor, Value, quote};
use crate::limits::Limits;
use crate::media_type::{Kind, MediaType};
use crate::platform::Platform;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The content of the empty descriptor (A-05).
pub const EMPTY_JSON: &[u8] = b"{}";
/// The SHA-256 digest of the content of the empty descriptor (A-05).
pub const EMPTY_JSON_DIGEST: &str = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

/// A reference to a blob: its media type, digest and size, and what else is said about it.
///
/// Nothing ties two descriptors of one document together: types and algorithms may differ (D-16).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// What the blob is said to be (D-02).
    pub media_type: MediaType,
    /// The digest of the blob (D-03).
    pub digest: Digest,
    /// The length of the blob in bytes (D-04).
    pub size: u64,
    /// Other places of the blob, each an RFC 3986 URI (D-08).
    pub urls: Vec<String>,
    /// Annotations (D-09).
    pub annotations: Annotations,
    /// The blob itself, decoded and not yet verified: see [`Descriptor::verify_data`] (D-10).
    pub data: Option<Vec<u8>>,
    /// The artifact type of the manifest that the blob is (D-14).
    pub artifact_type: Option<MediaType>,
    /// What the blob runs on (D-15).
    pub platform: Option<Platform>,
}

impl Descriptor {
    /// A descriptor with nothing but what every descriptor has.
    #[must_use]
    pub fn new(media_type: MediaType, digest: Digest, size: u64) -> Self {
        Self {
            media_type,
            digest,
            size,
            urls: Vec::new(),
            annotations: Annotations::default(),
            data: None,
            artifact_type: None,
            platform: None,
        }
    }

    /// The descriptor that stands for no content (A-05).
    #[must_use]
    pub fn empty() -> Self {
        const HASH: [u8; 32] = [
            0x44, 0x13, 0x6f, 0xa3, 0x55, 0xb3, 0x67, 0x8a, 0x11, 0x46, 0xad, 0x16, 0xf7, 0xe8, 0x64, 0x9e, 0x94, 0xfb,
            0x4f, 0xc2, 0x1f, 0xe7, 0x7e, 0x83, 0x10, 0xc0, 0x60, 0xf6, 0x1c, 0xaa, 0xff, 0x8a,
        ];
        let digest = Digest::from_hash(crate::Algorithm::Sha256, &HASH);
        Self::new(MediaType::Empty, digest, EMPTY_JSON.len() as u64)
    }

    /// Parses a descriptor that is a document of its own.
    ///
    /// # Errors
    /// [`Error::InvalidDocument`](crate::Error::InvalidDocument) or [`Error::LimitExceeded`](crate::Error::LimitExceeded).
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self> {
        let value = Value::parse("descriptor", bytes, ("manifest-bytes", limits.manifest_bytes), limits)?;
        Self::read(&Cursor::new("descriptor", &value))
    }

    /// Reads a descriptor that is a part of a document. Unknown members are no error (D-17).
    ///
    /// # Errors
    /// [`Error::InvalidDocument`](crate::Error::InvalidDocument) pointing at the member that breaks a rule.
    pub fn read(object: &Cursor<'_>) -> Result<Self> {
        let digest = object.required("digest")?;
        let urls = object.optional("urls")?.map(|urls| urls.elements()).transpose()?.unwrap_or_default();
        Ok(Self {
            media_type: media_type(&object.required("mediaType")?)?,
            digest: digest.string()?.parse().map_err(|error| digest.invalid(format!("{error}")))?,
            size: object.required("size")?.size()?,
            urls: urls.iter().map(uri).collect::<Result<_>>()?,
            annotations: Annotations::read(object, "annotations")?,
            data: object.optional("data")?.map(|data| base64(&data)).transpose()?,
            artifact_type: object.optional("artifactType")?.map(|name| media_type(&name)).transpose()?,
            platform: object.optional("platform")?.map(|value| platform(&value)).transpose()?,
        })
    }

    /// The embedded blob, once its size and digest are found right (D-11).
    ///
    /// # Errors
    /// [`Error::SizeMismatch`](crate::Error::SizeMismatch), [`Error::DigestMismatch`](crate::Error::DigestMismatch) or
    /// [`Error::UnsupportedAlgorithm`](crate::Error::UnsupportedAlgorithm).
    pub fn verify_data(&self, hashes: &dyn Hashes) -> Result<Option<&[u8]>> {
        let Some(data) = &self.data else { return Ok(None) };
        self.verify(data, hashes)?;
        Ok(Some(data))
    }

    /// Verifies bytes that are all there against the size, then the digest (D-06).
    ///
    /// # Errors
    /// [`Error::SizeMismatch`](crate::Error::SizeMismatch), [`Error::DigestMismatch`](crate::Error::DigestMismatch) or
    /// [`Error::UnsupportedAlgorithm`](crate::Error::UnsupportedAlgorithm).
    pub fn verify(&self, bytes: &[u8], hashes: &dyn Hashes) -> Result<()> {
        let mut verifier = Verifier::new(hashes, &self.digest, self.size)?;
        verifier.feed(bytes)?;
        verifier.finish()
    }

    /// Whether this entry of an index is an attestation about another one, so that no host can run it (L-14).
    #[must_use]
    pub fn is_attestation(&self) -> bool {
        let unknown = |platform: &Platform| platform.os == "unknown" && platform.architecture == "unknown";
        self.annotations.value(annotation::DOCKER_REFERENCE_TYPE) == Some("attestation-manifest")
            || self.platform.as_ref().is_some_and(unknown)
    }

    /// The digest of the entry that this attestation is about (L-14).
    #[must_use]
    pub fn attestation_of(&self) -> Option<Digest> {
        self.annotations.value(annotation::DOCKER_REFERENCE_DIGEST)?.parse().ok()
    }

    /// Whether the blob is an index or a manifest by its media type.
    #[must_use]
    pub fn is_document(&self) -> bool {
        matches!(self.media_type.kind(), Kind::Index | Kind::Manifest)
    }

    /// This descriptor as JSON.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let text = |text: &str| Value::String(text.to_owned());
        let mut members = vec![("mediaType", text(self.media_type.as_str()))];
        members.push(("digest", Value::String(self.digest.to_string())));
        members.push(("size", Value::Unsigned(self.size)));
        if !self.urls.is_empty() {
            members.push(("urls", Value::Array(self.urls.iter().map(|url| text(url)).collect())));
        }
        if !self.annotations.is_empty() {
            members.push(("annotations", self.annotations.to_value()));
        }
        if let Some(data) = &self.data {
            members.push(("data", Value::String(STANDARD.encode(data))));
        }
        if let Some(artifact_type) = &self.artifact_type {
            members.push(("artifactType", text(artifact_type.as_str())));
        }
        if let Some(platform) = &self.platform {
            members.push(("platform", platform_value(platform)));
        }
        Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }
}

/// Reads an RFC 6838 name.
pub(crate) fn media_type(value: &Cursor<'_>) -> Result<MediaType> {
    MediaType::parse(value.string()?).map_err(|error| value.invalid(error.to_string()))
}

/// Reads a platform (L-02). Members that are missing or null are the same; `features` is reserved and ignored (L-09).
fn platform(object: &Cursor<'_>) -> Result<Platform> {
    Ok(Platform {
        os: object.required("os")?.string()?.to_owned(),
        architecture: object.required("architecture")?.string()?.to_owned(),
        variant: object.optional_string("variant")?,
        os_version: object.optional_string("os.version")?,
        os_features: object.optional_strings("os.features")?,
    })
}

fn platform_value(platform: &Platform) -> Value {
    let text = |text: &str| Value::String(text.to_owned());
    let mut members = vec![("architecture", text(&platform.architecture)), ("os", text(&platform.os))];
    if let Some(version) = &platform.os_version {
        members.push(("os.version", text(version)));
    }
    if !platform.os_features.is_empty() {
        members.push(("os.features", Value::Array(platform.os_features.iter().map(|feature| text(feature)).collect())));
    }
    if let Some(variant) = &platform.variant {
        members.push(("variant", text(variant)));
    }
    Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn base64(value: &Cursor<'_>) -> Result<Vec<u8>> {
    STANDARD.decode(value.string()?).map_err(|error| value.invalid(format!("not the Base64 of RFC 4648: {error}")))
}

/// Reads a URI: a scheme, then the characters of RFC 3986 with whole percent escapes (D-08).
fn uri(value: &Cursor<'_>) -> Result<String> {
    let text = value.string()?;
    let invalid = || value.invalid(format!("expected a URI as RFC 3986 has it, found {}", quote(text)));
    let (scheme, rest) = text.split_once(':').ok_or_else(invalid)?;
    let is_scheme = scheme.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte);
    let escaped = rest.split('%').skip(1).all(|after| {
        let mut digits = after.bytes();
        digits.next().is_some_and(|byte| byte.is_ascii_hexdigit())
            && digits.next().is_some_and(|byte| byte.is_ascii_hexdigit())
    });
    if !is_scheme || !rest.bytes().all(legal) || !escaped || rest.bytes().filter(|byte| *byte == b'#').count() > 1 {
        return Err(invalid());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(members: &str) -> Result<Descriptor> {
        let text = format!(
            r#"{{"mediaType":"application/vnd.oci.empty.v1+json","size":2,"digest":"{EMPTY_JSON_DIGEST}"{members}}}"#
        );
        Descriptor::parse(text.as_bytes(), &Limits::default())
    }

    #[test]
    fn a_05_the_empty_descriptor_is_the_one_of_the_spec() {
        assert_eq!(Descriptor::empty().digest.to_string(), EMPTY_JSON_DIGEST);
        assert_eq!(parse("").unwrap(), Descriptor::empty());
    }

    #[test]
    fn d_08_urls_are_uris() {
        for uri in ["https://[::1]:80/a%20b?c#d", "ftp://x", "urn:a:b"] {
            assert_eq!(parse(&format!(r#","urls":["{uri}"]"#)).unwrap().urls, [uri]);
        }
        for text in ["value", "", "://x", "1a://x", "http://a b", "http://a%2", "http://a%zz", "http://é", "a:#b#"] {
            assert!(parse(&format!(r#","urls":["{text}"]"#)).is_err(), "{text}");
        }
    }

    #[test]
    fn t_04_null_is_the_same_as_missing() {
        assert_eq!(
            parse(r#","urls":null,"annotations":null,"data":null,"platform":null"#).unwrap(),
            Descriptor::empty()
        );
        assert!(parse(r#","annotations":{"a":null}"#).is_err());
    }

    #[test]
    fn d_10_data_is_base64_with_padding_and_nothing_else() {
        assert_eq!(parse(r#","data":"e30=""#).unwrap().data.unwrap(), EMPTY_JSON);
        for text in ["e30", "e30=\\n", "e3 0=", "e3-_", "e31="] {
            assert!(parse(&format!(r#","data":"{text}""#)).is_err(), "{text}");
        }
    }

    #[test]
    fn d_17_what_is_written_reads_back() {
        let text = r#","urls":["https://a"],"annotations":{"b":"","a":"x"},"data":"e30=","artifactType":"a/b",
            "platform":{"os":"windows","architecture":"arm","variant":"v7","os.version":"1","os.features":["win32k"]}"#;
        let descriptor = parse(text).unwrap();
        assert_eq!(Descriptor::parse(&descriptor.to_value().to_bytes(), &Limits::default()).unwrap(), descriptor);
    }

    /// Row 39: CVE-2024-3727.
    #[test]
    fn g_10_a_digest_that_climbs_is_refused_before_it_can_become_a_path() {
        for digest in ["sha256:../../x", "sha256:", "../x:abc", "sha256:44136FA3", "sha256:44136fa3/.."] {
            let text = format!(r#"{{"mediaType":"a/b","size":2,"digest":"{digest}"}}"#);
            let error = Descriptor::parse(text.as_bytes(), &Limits::default()).unwrap_err();
            assert!(error.to_string().contains("/digest: invalid digest"), "{error}");
        }
    }
}
