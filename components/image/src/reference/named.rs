//! Docker's references: a repository at a registry, perhaps with tag and digest.

use super::grammar::{is_domain, is_identifier, is_name, is_tag};
use crate::digest::{Algorithm, Digest};
use crate::error::{Error, Result};
use std::fmt;
use std::str::FromStr;

pub(super) const DEFAULT_DOMAIN: &str = "docker.io";
const LEGACY_DOMAIN: &str = "index.docker.io";
const OFFICIAL: &str = "library/";
const DEFAULT_TAG: &str = "latest";
/// Docker's limit on the repository's path (E-12).
const NAME_BYTES: usize = 255;

const RULE_EMPTY: &str = "a name is missing";
const RULE_FORM: &str = "expected [HOST[:PORT]/]NAME[:TAG][@DIGEST], where NAME is lower-case letters and digits, \
                         joined by . _ __ or -, in components joined by /";
const RULE_REGISTRY: &str = "the registry is no host: letters, digits, . and -, then perhaps a port";
const RULE_UPPERCASE: &str = "the repository name must be lower case";
const RULE_LONG: &str = "the repository name is longer than 255 bytes";
const RULE_TAG: &str = "a tag is 1 to 128 letters, digits, _ . and -, and does not start with . or -";
const RULE_IDENTIFIER: &str = "64 hexadecimal digits are an image's identifier and no name";

/// A repository at a registry, perhaps with a tag, perhaps with a digest.
///
/// The grammar and the defaults are those of Docker's `distribution/reference`, except for the digest, which obeys the
/// rules of OCI: `blake3` and algorithms that are not known parse as well (G-02), a wrong length never does.
///
/// ```
/// use portolan_image::reference::Named;
/// let named: Named = "busybox".parse()?;
/// assert_eq!(named.to_string(), "docker.io/library/busybox");
/// assert_eq!(named.with_default_tag().familiar(), "busybox:latest");
/// # Ok::<(), portolan_image::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Named {
    domain: String,
    path: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

impl Named {
    /// Parses a reference as it stands, without Docker's defaults: `busybox` has no registry then, and `a/b` has the
    /// registry `a`. [`FromStr`] adds the defaults.
    ///
    /// # Errors
    /// [`Error::InvalidReference`], or [`Error::InvalidDigest`] for the part after the `@`.
    pub fn parse_plain(text: &str) -> Result<Self> {
        let invalid = |rule| Error::InvalidReference { text: text.chars().take(320).collect(), rule };
        if text.is_empty() {
            return Err(invalid(RULE_EMPTY));
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        // A colon before the last slash belongs to a port.
        let (name, tag) = match rest.rfind(':').filter(|colon| !rest[*colon..].contains('/')) {
            Some(colon) => (&rest[..colon], Some(&rest[colon + 1..])),
            None => (rest, None),
        };
        let split = |name: &str| match name.split_once('/') {
            Some((domain, path)) if is_domain(domain) && is_name(path) => Some((domain.to_owned(), path.to_owned())),
            _ => is_name(name).then(|| (String::new(), name.to_owned())),
        };
        let (domain, path) = split(name).ok_or_else(|| {
            invalid(if split(&name.to_ascii_lowercase()).is_some() { RULE_UPPERCASE } else { RULE_FORM })
        })?;
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(invalid(RULE_TAG));
        }
        if path.len() > NAME_BYTES {
            return Err(invalid(RULE_LONG));
        }
        let digest = digest.map(str::parse).transpose()?;
        Ok(Self { domain, path, tag: tag.map(str::to_owned), digest })
    }

    /// The registry with its port, such as `docker.io`; empty only after [`Named::parse_plain`].
    ///
    /// This is a name: the API of `docker.io` is at `registry-1.docker.io` (H-11).
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The repository at that registry, such as `library/busybox`; a `<name>` of the distribution-spec (E-10).
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The tag.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest.
    #[must_use]
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// Registry and repository, such as `docker.io/library/busybox`.
    #[must_use]
    pub fn name(&self) -> String {
        match self.domain.as_str() {
            "" => self.path.clone(),
            domain => format!("{domain}/{}", self.path),
        }
    }

    /// The name as people write it: without `docker.io/` and, for a single word, without `library/`, wherever what is left
    /// means the same name; `docker.io/ghcr.io/app` stays whole.
    #[must_use]
    pub fn familiar_name(&self) -> String {
        self.short_name().unwrap_or_else(|| self.name())
    }

    /// The whole reference as people write it; it parses to what the full one parses to.
    #[must_use]
    pub fn familiar(&self) -> String {
        let full = self.to_string();
        let short = self.short_name().map(|name| self.write(name));
        // With a tag of 64 digits a name may look like a digest: `sha256:...`.
        short.filter(|short| same::<Reference>(short, &full)).unwrap_or(full)
    }

    fn short_name(&self) -> Option<String> {
        let short = self.path.strip_prefix(OFFICIAL).filter(|rest| !rest.contains('/')).unwrap_or(&self.path);
        (self.domain == DEFAULT_DOMAIN && same::<Self>(short, &self.name())).then(|| short.to_owned())
    }

    /// The same with the tag `latest` when it has neither tag nor digest.
    #[must_use]
    pub fn with_default_tag(mut self) -> Self {
        if self.tag.is_none() && self.digest.is_none() {
            self.tag = Some(DEFAULT_TAG.to_owned());
        }
        self
    }

    /// The same with another tag, and without digest.
    ///
    /// # Errors
    /// [`Error::InvalidReference`] when it is no tag (E-11).
    pub fn with_tag(mut self, tag: &str) -> Result<Self> {
        if !is_tag(tag) {
            return Err(Error::InvalidReference { text: tag.chars().take(320).collect(), rule: RULE_TAG });
        }
        self.tag = Some(tag.to_owned());
        self.digest = None;
        Ok(self)
    }

    /// The same with another digest; the tag stays.
    #[must_use]
    pub fn with_digest(mut self, digest: Digest) -> Self {
        self.digest = Some(digest);
        self
    }

    /// What a registry is asked for: the digest alone where there is one, as it says more than the tag, else the tag,
    /// which is `latest` where there is none.
    #[must_use]
    pub fn for_fetch(mut self) -> Self {
        if self.digest.is_some() {
            self.tag = None;
        }
        self.with_default_tag()
    }

    fn write(&self, mut name: String) -> String {
        if let Some(tag) = &self.tag {
            name.push(':');
            name.push_str(tag);
        }
        if let Some(digest) = &self.digest {
            name.push('@');
            name.push_str(&digest.to_string());
        }
        name
    }
}

/// Whether two texts parse, and to the same.
fn same<T: FromStr + PartialEq>(one: &str, other: &str) -> bool {
    matches!((one.parse::<T>(), other.parse::<T>()), (Ok(one), Ok(other)) if one == other)
}

impl FromStr for Named {
    type Err = Error;

    /// Parses a reference with Docker's defaults: `docker.io` where no registry is named, `library/` before a single
    /// word there. The first component is a registry when it is `localhost`, or holds a `.`, a `:` or a capital.
    fn from_str(text: &str) -> Result<Self> {
        let invalid = |rule| Error::InvalidReference { text: text.chars().take(320).collect(), rule };
        if text.is_empty() {
            return Err(invalid(RULE_EMPTY));
        }
        if is_identifier(text) {
            return Err(invalid(RULE_IDENTIFIER));
        }
        let is_registry = |first: &str| {
            first == "localhost" || first.contains(['.', ':']) || first.bytes().any(|byte| byte.is_ascii_uppercase())
        };
        let (domain, rest) = match text.split_once('/') {
            Some((LEGACY_DOMAIN, rest)) => (DEFAULT_DOMAIN, rest),
            Some((first, rest)) if is_registry(first) => (first, rest),
            _ => (DEFAULT_DOMAIN, text),
        };
        let official = if domain == DEFAULT_DOMAIN && !rest.contains('/') { OFFICIAL } else { "" };
        let repository = rest.split(':').next().unwrap_or_default();
        if repository.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(invalid(RULE_UPPERCASE));
        }
        let named = Self::parse_plain(&format!("{domain}/{official}{rest}")).map_err(|error| match error {
            Error::InvalidReference { rule, .. } => invalid(rule),
            other => other,
        })?;
        // `a_b.io/c` is a name in itself, as a host has no underscore; without a registry it would be nowhere.
        if named.domain.is_empty() { Err(invalid(RULE_REGISTRY)) } else { Ok(named) }
    }
}

/// Prints the reference in full, such as `docker.io/library/busybox:latest`.
impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.write(self.name()))
    }
}

/// A name, or an image's digest alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reference {
    /// A name with Docker's defaults.
    Named(Named),
    /// A digest.
    Digest(Digest),
}

impl FromStr for Reference {
    type Err = Error;

    /// Parses 64 hexadecimal digits as a SHA-256 digest, a digest of a known algorithm as such, all else as a name.
    ///
    /// An unknown algorithm is none here: `redis:latest` obeys the grammar of digests, too.
    fn from_str(text: &str) -> Result<Self> {
        if is_identifier(text) {
            return format!("sha256:{text}").parse().map(Self::Digest);
        }
        match text.parse::<Digest>() {
            Ok(digest) if !matches!(digest.algorithm(), Algorithm::Other(_)) => Ok(Self::Digest(digest)),
            _ => text.parse().map(Self::Named),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(named) => named.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}
