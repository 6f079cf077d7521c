//! Which endpoint a path is, read from its right end, since a repository may be named `blobs` or `tags/list` (E-13).

use super::Result;
use super::query::decode;
use super::refusal::{Code, Refusal, quote};
use portolan_image::reference::{is_name, is_tag};
use portolan_image::{Algorithm, Digest};

/// The longest repository name: with the host, many clients have 255 characters for it (E-12).
const NAME_BYTES: usize = 255;

/// A tag or a digest, and nothing else (E-11).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// A tag.
    Tag(String),
    /// A digest.
    Digest(Digest),
}

/// What a path asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `/v2/`, which says that this is a registry.
    Ping,
    /// `/v2/_catalog`: the repositories. The specification only reserves the name (W-50); old clients ask for it.
    Catalog,
    /// A blob.
    Blob {
        /// The repository.
        name: String,
        /// The blob.
        digest: Digest,
    },
    /// A manifest.
    Manifest {
        /// The repository.
        name: String,
        /// The manifest.
        reference: Reference,
    },
    /// Where uploads begin.
    Uploads {
        /// The repository.
        name: String,
    },
    /// An upload that has begun.
    Upload {
        /// The repository.
        name: String,
        /// The upload, in the words of whoever began it.
        id: String,
    },
    /// The tags of a repository.
    Tags {
        /// The repository.
        name: String,
    },
    /// What refers to a manifest.
    Referrers {
        /// The repository.
        name: String,
        /// The manifest.
        digest: Digest,
    },
}

impl Route {
    /// Reads the path of a request; nothing for one that is no path of a registry.
    ///
    /// ```
    /// use portolan_registry::server::{Reference, Route};
    /// let route = Route::parse("/v2/library/tags/manifests/latest")?;
    /// let reference = Reference::Tag("latest".to_owned());
    /// assert_eq!(route, Some(Route::Manifest { name: "library/tags".to_owned(), reference }));
    /// # Ok::<(), portolan_registry::server::Refusal>(())
    /// ```
    ///
    /// # Errors
    /// [`Code::NameInvalid`], [`Code::DigestInvalid`], and [`Code::ManifestInvalid`] for what is neither tag nor digest.
    pub fn parse(path: &str) -> Result<Option<Self>> {
        let Some(rest) = path.strip_prefix("/v2") else { return Ok(None) };
        let rest = match rest.strip_prefix('/') {
            Some("") => return Ok(Some(Self::Ping)),
            None if rest.is_empty() => return Ok(Some(Self::Ping)),
            Some("_catalog") => return Ok(Some(Self::Catalog)),
            Some(rest) => rest,
            None => return Ok(None),
        };
        let segments: Vec<&str> = rest.split('/').collect();
        Ok(Some(match segments.as_slice() {
            [name @ .., "tags", "list"] => Self::Tags { name: parse_name(name)? },
            [name @ .., "blobs", "uploads"] | [name @ .., "blobs", "uploads", ""] => {
                Self::Uploads { name: parse_name(name)? }
            }
            [name @ .., "manifests", reference] => {
                Self::Manifest { name: parse_name(name)?, reference: parse_reference(reference)? }
            }
            [name @ .., "referrers", digest] => {
                Self::Referrers { name: parse_name(name)?, digest: parse_digest(&unescaped(digest))? }
            }
            [name @ .., "blobs", "uploads", id] => Self::Upload { name: parse_name(name)?, id: (*id).to_owned() },
            [name @ .., "blobs", digest] => {
                Self::Blob { name: parse_name(name)?, digest: parse_digest(&unescaped(digest))? }
            }
            _ => return Ok(None),
        }))
    }

    /// The repository, where there is one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Ping | Self::Catalog => None,
            Self::Blob { name, .. }
            | Self::Manifest { name, .. }
            | Self::Uploads { name }
            | Self::Upload { name, .. }
            | Self::Tags { name }
            | Self::Referrers { name, .. } => Some(name),
        }
    }

    /// The methods that the endpoint answers, for `Allow`.
    #[must_use]
    pub fn methods(&self) -> &'static str {
        match self {
            Self::Ping | Self::Catalog | Self::Tags { .. } | Self::Referrers { .. } => "GET, HEAD, OPTIONS",
            Self::Blob { .. } => "GET, HEAD, DELETE, OPTIONS",
            Self::Manifest { .. } => "GET, HEAD, PUT, DELETE, OPTIONS",
            Self::Uploads { .. } => "POST, OPTIONS",
            Self::Upload { .. } => "GET, HEAD, PATCH, PUT, DELETE, OPTIONS",
        }
    }

    /// The endpoint as one word, for counting.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::Catalog => "catalog",
            Self::Blob { .. } => "blob",
            Self::Manifest { .. } => "manifest",
            Self::Uploads { .. } | Self::Upload { .. } => "upload",
            Self::Tags { .. } => "tags",
            Self::Referrers { .. } => "referrers",
        }
    }
}

fn unescaped(segment: &str) -> String {
    decode(segment).unwrap_or_else(|| segment.to_owned())
}

/// A name is taken as it is written: no character of a name needs an escape, so every escape is a trick (`%2e`, `%2f`).
fn parse_name(segments: &[&str]) -> Result<String> {
    check_name(&segments.join("/"))
}

/// Checks a repository name (E-10).
///
/// # Errors
/// [`Code::NameInvalid`].
pub fn check_name(name: &str) -> Result<String> {
    if name.len() > NAME_BYTES {
        let message = format!("a repository name has at most {NAME_BYTES} characters, this one has {}", name.len());
        return Err(Refusal::new(Code::NameInvalid, message));
    }
    if !is_name(name) {
        return Err(Refusal::new(
            Code::NameInvalid,
            format!(
                "{} is no repository name: lower-case letters and digits joined by . _ __ or -, and /",
                quote(name)
            ),
        ));
    }
    Ok(name.to_owned())
}

/// Parses a digest of a request (U-06, W-10).
///
/// # Errors
/// [`Code::DigestInvalid`].
pub fn parse_digest(text: &str) -> Result<Digest> {
    text.parse().map_err(|error: portolan_image::Error| Refusal::new(Code::DigestInvalid, error.to_string()))
}

/// Parses a digest of content that is to be kept, so that its algorithm must be one that is computed here (U-06).
///
/// # Errors
/// [`Code::DigestInvalid`].
pub fn parse_computable(text: &str) -> Result<Digest> {
    let digest = parse_digest(text)?;
    check_algorithm(digest.algorithm().as_str())?;
    Ok(digest)
}

/// The algorithm of a name, where it can be computed (end-4c).
///
/// # Errors
/// [`Code::DigestInvalid`].
pub fn check_algorithm(name: &str) -> Result<Algorithm> {
    match Algorithm::from_name(name) {
        Algorithm::Other(_) => {
            let message = format!("{} is no algorithm of this registry: sha256, sha384, sha512, blake3", quote(name));
            Err(Refusal::new(Code::DigestInvalid, message))
        }
        known => Ok(known),
    }
}

/// Parses a tag of a request (E-11).
///
/// # Errors
/// [`Code::ManifestInvalid`]: the specification has no code for tags any more (E-05).
pub fn parse_tag(text: &str) -> Result<String> {
    if is_tag(text) {
        return Ok(text.to_owned());
    }
    let message = format!("{} is no tag: at most 128 letters, digits, _ . and -, the first no . or -", quote(text));
    Err(Refusal::new(Code::ManifestInvalid, message))
}

fn parse_reference(segment: &str) -> Result<Reference> {
    let text = unescaped(segment);
    if text.contains(':') { parse_digest(&text).map(Reference::Digest) } else { parse_tag(&text).map(Reference::Tag) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

    fn parse(path: &str) -> Route {
        Route::parse(path).unwrap().unwrap()
    }

    fn code(path: &str) -> Code {
        Route::parse(path).unwrap_err().code
    }

    #[test]
    fn e_13_words_of_the_protocol_are_names_too() {
        for name in ["blobs", "a/manifests", "blobs/uploads", "tags/list", "uploads", "v2", "referrers/a"] {
            let route = parse(&format!("/v2/{name}/tags/list"));
            assert_eq!(route, Route::Tags { name: name.to_owned() });
            assert_eq!(parse(&format!("/v2/{name}/blobs/{DIGEST}")).name(), Some(name));
            assert_eq!(parse(&format!("/v2/{name}/manifests/list")).name(), Some(name));
            assert_eq!(parse(&format!("/v2/{name}/referrers/{DIGEST}")).name(), Some(name));
            assert_eq!(parse(&format!("/v2/{name}/blobs/uploads/")), Route::Uploads { name: name.to_owned() });
            assert_eq!(parse(&format!("/v2/{name}/blobs/uploads")), Route::Uploads { name: name.to_owned() });
            let id = "x".to_owned();
            assert_eq!(parse(&format!("/v2/{name}/blobs/uploads/x")), Route::Upload { name: name.to_owned(), id });
        }
    }

    #[test]
    fn the_root_answers_with_and_without_its_slash() {
        assert_eq!((parse("/v2"), parse("/v2/")), (Route::Ping, Route::Ping));
        for path in ["/", "", "/v1/", "/v22", "/v2/a", "/v2/a/b", "v2/"] {
            assert_eq!(Route::parse(path).unwrap(), None, "{path}");
        }
    }

    #[test]
    fn e_10_names_hold_no_tricks() {
        let long = "a/".repeat(127) + "aa";
        for name in ["..", "a/../b", "a//b", "A", "%61", "a%2fb", "%2e%2e", ".", "a/", "", "a..b", "a\0", "é", &long] {
            assert_eq!(code(&format!("/v2/{name}/tags/list")), Code::NameInvalid, "{name}");
        }
        assert_eq!(code("/v2//tags/list"), Code::NameInvalid);
        assert_eq!(code("/v2/tags/list"), Code::NameInvalid);
    }

    /// Row 39.
    #[test]
    fn a_digest_that_is_a_path_is_none() {
        let upper = DIGEST.to_uppercase();
        for digest in ["sha256:../../x", "sha256:%2e%2e", "sha256:abc", &upper, "sha256:", ":x", "x", "sha256%3a..%2f"]
        {
            let code = |path: &str| Route::parse(path).map(|_| ()).map_err(|refusal| refusal.code);
            let result = code(&format!("/v2/a/blobs/{digest}"));
            // A digest with slashes is no path of a registry at all.
            assert!(
                matches!(result, Err(Code::DigestInvalid) | Err(Code::NameInvalid)) || digest.contains('/'),
                "{digest}"
            );
        }
        assert_eq!(
            parse(&format!("/v2/a/blobs/{}", DIGEST.replace(':', "%3A"))),
            parse(&format!("/v2/a/blobs/{DIGEST}"))
        );
    }

    #[test]
    fn g_02_unknown_algorithms_can_be_asked_for_but_not_pushed() {
        assert!(parse_digest("sha256+b64u:abc").is_ok());
        assert_eq!(parse_computable("sha256+b64u:abc").unwrap_err().status, 400);
        assert_eq!(check_algorithm("md5").unwrap_err().code, Code::DigestInvalid);
        assert_eq!(check_algorithm("blake3").unwrap(), Algorithm::Blake3);
    }

    #[test]
    fn e_11_a_reference_is_a_tag_or_a_digest() {
        assert_eq!(code("/v2/a/manifests/.x"), Code::ManifestInvalid);
        assert_eq!(code("/v2/a/manifests/"), Code::ManifestInvalid);
        assert_eq!(code(&format!("/v2/a/manifests/{}", "a".repeat(129))), Code::ManifestInvalid);
        assert_eq!(code("/v2/a/manifests/sha256:x"), Code::DigestInvalid);
    }
}
