//! Names of archives as paths of an image.
//!
//! A name in an archive is bytes of a stranger. A path of an image is components joined by single `/`, with no `.`,
//! `..` or empty component, relative to the root, which is the empty path. Only [`normalize`] leads from one to the
//! other, for entries, whiteouts and targets of hard links alike:
//!
//! | in the archive | answer | why |
//! |---|---|---|
//! | `/etc/x`, `//etc/x`, `./etc/x` | `etc/x` | images are rooted at their own root; tar writers differ |
//! | `a//b`, `a/./b` | `a/b` | the same file for every file system |
//! | `.`, `./`, `/` | the root | its metadata may be given (R-20) |
//! | `a/` | `a`, and see [`has_trailing_slash`] | how old tar marks a directory |
//! | `..` anywhere, `a/../b` too | error | no writer of images needs it, every attacker does |
//! | empty, or with a NUL | error | no file system has such a name |
//! | `a\b`, `C:`, `COM1`, bytes that are not UTF-8 | kept | plain bytes of a name on unix; a driver for another system refuses what it cannot store |
//! | too long or too deep | error | the limits `path-bytes`, `name-bytes` and `path-depth` |

use crate::error::{Error, Result, Shown};
use crate::whiteout;
use portolan_image::Limits;

/// The path of an image that a name in an archive means; see the table of [this module](self).
///
/// # Errors
/// [`Error::InvalidPath`] for a name that cannot stand in an image, `LimitExceeded` for one that is too long or deep.
///
/// ```
/// use portolan_layer::path::normalize;
/// let limits = portolan_image::Limits::default();
/// assert_eq!(normalize(b"./usr//bin/", &limits)?, b"usr/bin");
/// assert_eq!(normalize(b"/", &limits)?, b"");
/// assert!(normalize(b"usr/../../etc/passwd", &limits).is_err());
/// # Ok::<(), portolan_layer::Error>(())
/// ```
pub fn normalize(name: &[u8], limits: &Limits) -> Result<Vec<u8>> {
    let invalid = |rule| Error::InvalidPath { path: name.to_vec(), rule };
    if name.is_empty() {
        return Err(invalid("a name has at least one byte"));
    }
    if name.contains(&0) {
        return Err(invalid("a name has no NUL"));
    }
    let subject = |what: &str| format!("{what} of {}", Shown(name));
    let mut path = Vec::with_capacity(name.len());
    let mut depth = 0;
    for component in name.split(|&byte| byte == b'/') {
        match component {
            b"" | b"." => continue,
            b".." => return Err(invalid("a name has no .. component")),
            _ => {}
        }
        // A whiteout of the longest legal name is longer than a legal name by its prefix.
        let prefix = if component.starts_with(whiteout::PREFIX) { whiteout::PREFIX.len() } else { 0 };
        let len = (component.len() - prefix) as u64;
        Limits::check("name-bytes", limits.name_bytes, len, || subject("a component"))?;
        if depth > 0 {
            path.push(b'/');
        }
        path.extend_from_slice(component);
        depth += 1;
    }
    Limits::check("path-bytes", limits.path_bytes, path.len() as u64, || subject("the length"))?;
    Limits::check("path-depth", limits.path_depth, depth, || subject("the depth"))?;
    Ok(path)
}

/// Whether a name in an archive ends in a slash or a `.` component, and so can only mean a directory.
///
/// The V7 tar had no type for directories and marked them so. An entry of the type `\0` with such a name is a
/// directory; with any other type but directory the name contradicts the type, which is an error.
#[must_use]
pub fn has_trailing_slash(name: &[u8]) -> bool {
    name.ends_with(b"/") || name.ends_with(b"/.") || name == b"."
}

/// The path of the parent and the last component of a path; nothing for the root.
///
/// ```
/// use portolan_layer::path::split;
/// assert_eq!(split(b"usr/bin/env"), Some((&b"usr/bin"[..], &b"env"[..])));
/// assert_eq!(split(b"usr"), Some((&b""[..], &b"usr"[..])));
/// assert_eq!(split(b""), None);
/// ```
#[must_use]
pub fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    if path.is_empty() {
        return None;
    }
    Some(match path.iter().rposition(|&byte| byte == b'/') {
        Some(slash) => (path.get(..slash)?, path.get(slash + 1..)?),
        None => (&[], path),
    })
}

/// The path of a child of a directory.
#[must_use]
pub fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    if directory.is_empty() {
        return name.to_vec();
    }
    [directory, b"/", name].concat()
}

/// The components of a path, none for the root.
pub fn components(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|&byte| byte == b'/').filter(|component| !component.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use portolan_image::Code;

    fn normal(name: &[u8]) -> Result<Vec<u8>> {
        normalize(name, &Limits::default())
    }

    // Hostile input 1.
    #[test]
    fn a_dot_dot_component_is_refused_wherever_it_stands() {
        for name in ["..", "../x", "../../etc/passwd", "a/../../b", "a/../b", "a/..", "/..", "./../x", "a/../"] {
            assert_eq!(normal(name.as_bytes()).unwrap_err().code(), Code::InvalidPath, "{name}");
        }
        for name in ["..a", "a..", "...", "a/...", "a/..b"] {
            assert_eq!(normal(name.as_bytes()).unwrap(), name.as_bytes());
        }
    }

    // Hostile input 2.
    #[test]
    fn an_absolute_name_is_relative_to_the_root_of_the_image() {
        for name in ["/etc/x", "//etc/x", "./etc/x", "/./etc//x", "etc/./x/", "etc/x/."] {
            assert_eq!(normal(name.as_bytes()).unwrap(), b"etc/x", "{name}");
        }
    }

    // Hostile input 3.
    #[test]
    fn odd_names_have_one_answer_each() {
        for root in ["/", ".", "./", "/.", "//", "././"] {
            assert_eq!(normal(root.as_bytes()).unwrap(), b"", "{root}");
        }
        for name in [&b""[..], b"a\0b", b"\0"] {
            assert_eq!(normal(name).unwrap_err().code(), Code::InvalidPath, "{name:?}");
        }
        for name in [&b"a\\b"[..], b"C:", b"COM1", b"\xff\xfe", b" ", b"\x1b[31m"] {
            assert_eq!(normal(name).unwrap(), name);
        }
    }

    // Hostile input 50.
    #[test]
    fn long_and_deep_names_exceed_a_limit() {
        let limit = |name: &[u8]| match normal(name) {
            Err(Error::Image(portolan_image::Error::LimitExceeded { key, .. })) => key,
            other => panic!("{other:?}"),
        };
        assert_eq!(limit(&[b'x'; 256]), "name-bytes");
        assert_eq!(limit(&b"x/".repeat(513)), "path-depth");
        assert_eq!(limit(&[&b"x"[..]; 65536].concat()), "name-bytes");
        assert_eq!(limit(&[[b'x'; 250]; 17].join(&b'/')), "path-bytes");
        assert!(normal(&[b'x'; 255]).is_ok());
    }

    #[test]
    fn the_longest_name_can_still_be_whited_out() {
        assert!(normal(&[&b".wh."[..], &[b'x'; 255]].concat()).is_ok());
        assert!(normal(&[&b".wh."[..], &[b'x'; 256]].concat()).is_err());
    }

    #[test]
    fn a_trailing_slash_is_reported_apart() {
        for name in ["a/", "/", ".", "./", "a/.", "a//"] {
            assert!(has_trailing_slash(name.as_bytes()), "{name}");
        }
        for name in ["a", "a.", "/a", "..."] {
            assert!(!has_trailing_slash(name.as_bytes()), "{name}");
        }
    }
}
