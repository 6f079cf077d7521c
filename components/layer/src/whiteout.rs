//! Names that mean a deletion (layer.md#whiteouts).
//!
//! | path | meaning |
//! |---|---|
//! | `a/.wh.x` | `a/x` of the lower layers is removed (R-23) |
//! | `a/.wh..wh..opq` | the children of `a` of the lower layers are removed (R-28) |
//! | `a/.wh..wh.plnk`, `a/.wh..wh.aufs`, any other `.wh..wh.*`, and all below | AUFS bookkeeping of old layers, ignored (R-29) |
//! | `a/.wh.`, `a/.wh..`, `a/.wh...` | error: names nothing, the directory itself, or its parent (R-27) |
//! | `.wh.x/y`, `.wh..wh..opq/y` | error: no directory of an image can have such a name (R-26) |
//!
//! The type of the entry is not asked: AUFS made whiteouts as hard links, and every other tool goes by the name alone.

use crate::error::{Error, Result};
use crate::path;

/// How the name of every whiteout begins.
pub const PREFIX: &[u8] = b".wh.";
const META_PREFIX: &[u8] = b".wh..wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";

/// What a path says about lower layers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whiteout {
    /// Nothing: an ordinary path.
    No,
    /// The path is removed, with everything below.
    Remove(Vec<u8>),
    /// The children of the directory are removed.
    Clear(Vec<u8>),
    /// The bookkeeping of AUFS, which means nothing in an image.
    Ignored,
}

/// What a normalised path says about lower layers.
///
/// # Errors
/// [`Error::InvalidWhiteout`] for a whiteout of nothing, of `.` or `..`, and for a whiteout in the middle of a path.
///
/// ```
/// use portolan_layer::whiteout::{Whiteout, classify};
/// assert_eq!(classify(b"etc/.wh.passwd")?, Whiteout::Remove(b"etc/passwd".to_vec()));
/// assert_eq!(classify(b"etc/.wh..wh..opq")?, Whiteout::Clear(b"etc".to_vec()));
/// assert!(classify(b"etc/.wh.").is_err());
/// # Ok::<(), portolan_layer::Error>(())
/// ```
pub fn classify(path: &[u8]) -> Result<Whiteout> {
    let Some((parent, name)) = path::split(path) else { return Ok(Whiteout::No) };
    let invalid = |rule| Error::InvalidWhiteout { path: path.to_vec(), rule };
    for component in path::components(parent) {
        if component.starts_with(META_PREFIX) && component != OPAQUE {
            return Ok(Whiteout::Ignored);
        }
        if component.starts_with(PREFIX) {
            return Err(invalid("no directory can have a name that begins with .wh."));
        }
    }
    let Some(removed) = name.strip_prefix(PREFIX) else { return Ok(Whiteout::No) };
    if name == OPAQUE {
        return Ok(Whiteout::Clear(parent.to_vec()));
    }
    if name.starts_with(META_PREFIX) {
        return Ok(Whiteout::Ignored);
    }
    match removed {
        b"" => Err(invalid("a whiteout names what it removes after .wh.")),
        b"." | b".." => Err(invalid("a whiteout cannot remove its own directory or the parent of that")),
        _ => Ok(Whiteout::Remove(path::join(parent, removed))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portolan_image::Code;

    // R-23, R-28.
    #[test]
    fn whiteouts_are_told_by_their_names() {
        assert_eq!(classify(b"a/.wh.x").unwrap(), Whiteout::Remove(b"a/x".to_vec()));
        assert_eq!(classify(b".wh.x").unwrap(), Whiteout::Remove(b"x".to_vec()));
        assert_eq!(classify(b".wh..x").unwrap(), Whiteout::Remove(b".x".to_vec()));
        assert_eq!(classify(b".wh.....").unwrap(), Whiteout::Remove(b"....".to_vec()));
        assert_eq!(classify(b"a/b/.wh..wh..opq").unwrap(), Whiteout::Clear(b"a/b".to_vec()));
        assert_eq!(classify(b".wh..wh..opq").unwrap(), Whiteout::Clear(b"".to_vec()));
        for path in [&b""[..], b"a", b"a/wh.x", b"a/.wh", b"a/.whx", b"a.wh.b"] {
            assert_eq!(classify(path).unwrap(), Whiteout::No);
        }
    }

    // R-27, hostile inputs 17 and 18.
    #[test]
    fn a_whiteout_of_nothing_or_of_dots_is_refused() {
        for path in [".wh.", "a/.wh.", ".wh..", "a/.wh..", ".wh...", "a/.wh..."] {
            assert_eq!(classify(path.as_bytes()).unwrap_err().code(), Code::InvalidWhiteout, "{path}");
        }
    }

    // R-26, hostile input 18.
    #[test]
    fn a_whiteout_is_never_a_directory() {
        for path in [".wh.a/b", "x/.wh.a/b/c", ".wh..wh..opq/x", ".wh./x"] {
            assert_eq!(classify(path.as_bytes()).unwrap_err().code(), Code::InvalidWhiteout, "{path}");
        }
    }

    // R-29.
    #[test]
    fn the_bookkeeping_of_aufs_is_ignored() {
        for path in [".wh..wh.plnk", ".wh..wh.plnk/12.34", "a/.wh..wh.aufs", "a/.wh..wh.orph/x/y", ".wh..wh."] {
            assert_eq!(classify(path.as_bytes()).unwrap(), Whiteout::Ignored, "{path}");
        }
    }
}
