//! Image references of the command line: a registry, a place on disk, or standard input.

use super::named::{DEFAULT_DOMAIN, Named};
use crate::digest::Digest;
use crate::error::{Error, Result};
use std::fmt;
use std::str::FromStr;

/// `PATH_MAX` and room for a name, so that the number of readings stays small.
const TEXT_BYTES: usize = 5 * 1024;

const RULE_EMPTY: &str = "a reference is missing";
const RULE_LONG: &str = "a reference has at most 5120 bytes";
const RULE_PATH: &str = "a path must follow the colon";
const RULE_STDIN: &str = "after -, which is standard input, expected [:TAG][@DIGEST]; a file is ./FILE";
const RULE_DIGEST: &str = "a destination has no digest: what is written there has the one that it has";
const RULE_SCHEME: &str = "unknown scheme; there is oci:, oci-archive:, docker-archive: and docker://";

/// Where an image is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A layout directory, `oci:PATH`.
    Layout,
    /// A layout in a tar archive, `oci-archive:PATH`.
    LayoutArchive,
    /// What `docker save` writes, `docker-archive:PATH`.
    DockerArchive,
    /// A path whose content tells what it is.
    Any,
    /// Standard input, `-`, whose content tells what it is.
    Stdin,
    /// A registry, `docker://NAME` or a name.
    Registry(Named),
}

/// Which image of those at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// Not said: the only one there is.
    None,
    /// By name: any text, as names in a layout may be any (Y-10). In Docker's archives also `@N`, the image at position N.
    Tag(String),
    /// By digest.
    Digest(Digest),
    /// By digest, with the name it had. A layout may also hold this whole text, `TAG@DIGEST`, as one name.
    TagAndDigest(String, Digest),
}

/// One reading of a text that ends in a selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The path; `-` in an archive reference is standard input.
    pub path: String,
    /// What follows the path.
    pub selector: Selector,
}

/// An image reference of the command line.
///
/// A path may hold `:` and `@`, so a text has several readings, and only the file system knows the right one. Nothing is
/// looked at here: take the first candidate whose path exists. When none does, the image is at the registry if
/// [`Location::Registry`] says so (a word such as `busybox` that is no file), and missing otherwise. For something that
/// is to be written take [`ImageReference::for_writing`].
///
/// A scheme goes before all: an image named `oci` is `docker://oci:TAG`. `docker://` has no candidates.
///
/// ```
/// use portolan_image::reference::{ImageReference, Selector};
/// let reference: ImageReference = "oci:images:docker.io/library/busybox:latest".parse()?;
/// let paths: Vec<_> = reference.candidates.iter().map(|candidate| candidate.path.as_str()).collect();
/// assert_eq!(paths, ["images:docker.io/library/busybox:latest", "images:docker.io/library/busybox", "images"]);
/// assert_eq!(reference.candidates[2].selector, Selector::Tag("docker.io/library/busybox:latest".to_owned()));
/// # Ok::<(), portolan_image::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageReference {
    text: String,
    /// Where the image is, as far as the text tells.
    pub location: Location,
    /// The readings of the text as a path, the longest path first.
    pub candidates: Vec<Candidate>,
}

impl ImageReference {
    /// The reading of a place that is to be made: the shortest path, so that all that follows is the name, as in skopeo.
    /// Nothing where the text is also a registry's name: that goes to the registry, and a file is `./FILE` or has a
    /// scheme.
    #[must_use]
    pub fn for_writing(&self) -> Option<&Candidate> {
        match self.location {
            Location::Registry(_) => None,
            _ => self.candidates.last(),
        }
    }
}

impl ImageReference {
    /// Parses a place to write to: `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]`, `docker-archive:FILE[:NAME]`, a path, a name
    /// at a registry, or `-`, which is an archive of a layout on standard output.
    ///
    /// A path whose name ends in `.tar` is an archive of a layout, any other a layout. What could be a name is one, unless
    /// it ends in `.tar` and names no registry; [`Location::Any`] and [`Location::Stdin`] never come. Of the readings take
    /// the first whose path exists, else the last ([`ImageReference::for_writing`]); for a name one that exists, or none.
    ///
    /// # Errors
    /// Those of [`FromStr`], and [`Error::InvalidReference`] for a digest: what is written has the digest that it has.
    pub fn destination(text: &str) -> Result<Self> {
        let invalid = |rule| Error::InvalidReference { text: text.chars().take(320).collect(), rule };
        let mut parsed: Self = text.parse()?;
        let has_digest =
            |candidate: &Candidate| matches!(candidate.selector, Selector::Digest(_) | Selector::TagAndDigest(..));
        let is_archive = |candidate: &Candidate| candidate.path.len() > 4 && candidate.path.ends_with(".tar");
        parsed.location = match parsed.location {
            Location::Stdin => Location::LayoutArchive,
            Location::Any if parsed.candidates.last().is_some_and(is_archive) => Location::LayoutArchive,
            Location::Any => Location::Layout,
            Location::Registry(name) => {
                if name.digest().is_some() {
                    return Err(invalid(RULE_DIGEST));
                }
                let is_file = name.domain() == DEFAULT_DOMAIN && !text.starts_with("docker://");
                match is_file && parsed.candidates.last().is_some_and(is_archive) {
                    true => Location::LayoutArchive,
                    false => Location::Registry(name),
                }
            }
            other => other,
        };
        if parsed.candidates.last().is_some_and(has_digest) {
            return Err(invalid(RULE_DIGEST));
        }
        parsed.candidates.retain(|candidate| !has_digest(candidate));
        Ok(parsed)
    }
}

impl FromStr for ImageReference {
    type Err = Error;

    /// Parses `oci:PATH`, `oci-archive:PATH` and `docker-archive:PATH`, each with `[:TAG][@DIGEST]`, `docker://NAME`, `-`,
    /// and bare words: what starts with `/`, `./` or `../`, or cannot be a name, is a path; all else is a name, with the
    /// readings as a path beside it.
    ///
    /// # Errors
    /// [`Error::InvalidReference`] or, after `docker://`, what [`Named`] answers. A bare word that is no name is not
    /// refused, as it may be a path; when no such path exists, parsing it as [`Named`] tells why it is no name.
    fn from_str(text: &str) -> Result<Self> {
        let invalid = |rule| Error::InvalidReference { text: text.chars().take(320).collect(), rule };
        if text.is_empty() {
            return Err(invalid(RULE_EMPTY));
        }
        if text.len() > TEXT_BYTES {
            return Err(invalid(RULE_LONG));
        }
        let done = |location, candidates| Self { text: text.to_owned(), location, candidates };
        if let Some(name) = text.strip_prefix("docker://") {
            return Ok(done(Location::Registry(name.parse()?), Vec::new()));
        }
        let schemes = [
            ("oci:", Location::Layout),
            ("oci-archive:", Location::LayoutArchive),
            ("docker-archive:", Location::DockerArchive),
        ];
        for (scheme, location) in schemes {
            if let Some(rest) = text.strip_prefix(scheme) {
                let candidates = readings(rest);
                return if candidates.is_empty() { Err(invalid(RULE_PATH)) } else { Ok(done(location, candidates)) };
            }
        }
        let candidates = readings(text);
        if text == "-" || text.starts_with("-:") || text.starts_with("-@") {
            let from_stdin: Vec<_> = candidates.into_iter().filter(|candidate| candidate.path == "-").collect();
            return if from_stdin.is_empty() {
                Err(invalid(RULE_STDIN))
            } else {
                Ok(done(Location::Stdin, from_stdin))
            };
        }
        let is_path = matches!(text, "." | "..") || ["/", "./", "../"].iter().any(|start| text.starts_with(start));
        if is_path {
            return Ok(done(Location::Any, candidates));
        }
        match text.parse() {
            Ok(named) => Ok(done(Location::Registry(named), candidates)),
            Err(_) if text.contains("://") => Err(invalid(RULE_SCHEME)),
            Err(_) => Ok(done(Location::Any, candidates)),
        }
    }
}

/// Every way to split a text into a path and a selector, the longest path first.
fn readings(text: &str) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    let mut push = |path: &str, selector| {
        if !path.is_empty() {
            candidates.push(Candidate { path: path.to_owned(), selector });
        }
    };
    push(text, Selector::None);
    for (position, separator) in text.rmatch_indices([':', '@']) {
        let (path, suffix) = (&text[..position], &text[position + 1..]);
        match separator {
            "@" => {
                if let Ok(digest) = suffix.parse() {
                    push(path, Selector::Digest(digest));
                }
            }
            // A drive of Windows, as in C:\images: nobody's layout is called C.
            _ if path.len() == 1 && path.as_bytes()[0].is_ascii_alphabetic() && suffix.starts_with(['/', '\\']) => {}
            _ if suffix.is_empty() => {}
            _ => match suffix.rsplit_once('@').map(|(tag, digest)| (tag, digest.parse())) {
                Some((tag, Ok(digest))) if !tag.is_empty() => {
                    push(path, Selector::TagAndDigest(tag.to_owned(), digest));
                }
                _ => push(path, Selector::Tag(suffix.to_owned())),
            },
        }
    }
    candidates
}

/// Prints the text as it was given.
impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> (Location, Option<(String, Selector)>) {
        let parsed = ImageReference::destination(text).unwrap();
        let candidate = parsed.for_writing().map(|candidate| (candidate.path.clone(), candidate.selector.clone()));
        (parsed.location, candidate)
    }

    #[test]
    fn a_destination_says_what_is_to_be_made() {
        let tag = |tag: &str| Selector::Tag(tag.to_owned());
        for (text, location, path, selector) in [
            ("oci:a", Location::Layout, "a", Selector::None),
            ("oci:a:b:c", Location::Layout, "a", tag("b:c")),
            ("oci-archive:a.x:b", Location::LayoutArchive, "a.x", tag("b")),
            ("docker-archive:a:b/c:d", Location::DockerArchive, "a", tag("b/c:d")),
            ("./a", Location::Layout, "./a", Selector::None),
            ("/x/a.tar:1", Location::LayoutArchive, "/x/a.tar", tag("1")),
            ("a.tar", Location::LayoutArchive, "a.tar", Selector::None),
            ("b/a.tar:1", Location::LayoutArchive, "b/a.tar", tag("1")),
            ("A_B", Location::Layout, "A_B", Selector::None),
            ("-", Location::LayoutArchive, "-", Selector::None),
            ("-:1", Location::LayoutArchive, "-", tag("1")),
        ] {
            assert_eq!(written(text), (location, Some((path.to_owned(), selector))), "{text}");
        }
        for text in ["busybox", "busybox:1", "ghcr.io/a/b.tar", "docker://a.tar", "localhost:5000/x"] {
            assert!(matches!(written(text), (Location::Registry(_), None)), "{text}");
        }
    }

    #[test]
    fn a_destination_has_no_digest() {
        let digest = crate::descriptor::EMPTY_JSON_DIGEST;
        for place in ["oci:a", "oci:a:b", "a", "./a", "-"] {
            let error = ImageReference::destination(&format!("{place}@{digest}")).unwrap_err();
            assert!(matches!(error, Error::InvalidReference { rule: RULE_DIGEST, .. }), "{error}");
        }
    }
}
