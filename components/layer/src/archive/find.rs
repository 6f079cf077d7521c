//! Members by their paths, links followed or not.

use super::{Member, Members, Node};
use crate::error::{Error, Result};
use crate::path;

/// How many symlinks are followed for one path, as many as Linux follows.
const SYMLINKS: usize = 40;

impl Members {
    /// The regular file of a path, symlinks and hard links followed inside the archive; nothing where no member is.
    ///
    /// `docker save` writes a layer that an image has twice as a symlink or a hard link to the first one. A symlink is
    /// followed as if the archive were a file system, but not out of it, and not where it is a parent of the path. The
    /// path of the answer is that of the member which has the bytes.
    ///
    /// # Errors
    /// [`Error::InvalidLink`] for a link out of the archive, to nothing, or round in circles. [`Error::PathNotFound`]
    /// for a member that is no regular file, or a sparse one. [`Error::InvalidPath`] for a path that no member can have.
    /// The error of the archive, if it has one, and `InvalidState` before the index is complete.
    pub fn find(&self, path: &[u8]) -> Result<Option<Member>> {
        let mut place = self.normal(path)?;
        let Some(mut node) = self.nodes.get(&place) else { return Ok(None) };
        let mut followed = 0;
        while let Node::Symlink(target) = node {
            let invalid = |rule| Error::InvalidLink { path: place.clone(), target: target.clone(), rule };
            followed += 1;
            if followed > SYMLINKS {
                return Err(invalid("at most 40 symlinks are followed"));
            }
            let next = self.follow(&place, target).map_err(invalid)?;
            node = self.nodes.get(&next).ok_or_else(|| invalid("the archive has no such member"))?;
            place = next;
        }
        self.regular(place, node).map(Some)
    }

    /// The regular file of a path, which is no link of any kind; nothing where no member is.
    ///
    /// For `oci-layout`, `index.json` and `blobs/*` of a layout, which are files and nothing else in the specification.
    ///
    /// # Errors
    /// [`Error::PathNotFound`] for a link. The other errors of [`find`](Self::find).
    pub fn find_regular(&self, path: &[u8]) -> Result<Option<Member>> {
        let path = self.normal(path)?;
        let reason = match self.nodes.get(&path) {
            None => return Ok(None),
            Some(Node::Symlink(_)) => "the member is a symlink and has to be a regular file",
            Some(Node::HardLink(_) | Node::Dangling(_)) => "the member is a hard link and has to be a regular file",
            Some(node) => return self.regular(path, node).map(Some),
        };
        Err(Error::PathNotFound { path, reason })
    }

    fn normal(&self, path: &[u8]) -> Result<Vec<u8>> {
        self.fault.clone().map_or(Ok(()), Err)?;
        if !self.complete {
            let reason = "members were asked for before the whole archive was read";
            return Err(portolan_image::Error::InvalidState { reason }.into());
        }
        path::normalize(path, &self.limits)
    }

    /// Where a symlink leads, or the rule that it breaks.
    fn follow(&self, link: &[u8], target: &[u8]) -> std::result::Result<Vec<u8>, &'static str> {
        if target.starts_with(b"/") {
            return Err("an absolute target is outside the archive");
        }
        if path::has_trailing_slash(target) {
            return Err("only the name of a directory ends in a slash");
        }
        let (parent, _) = path::split(link).unwrap_or_default();
        let mut place = parent.to_vec();
        for component in path::components(target) {
            match component {
                b"." => {}
                b".." => {
                    if self.nodes.get(&place).is_some_and(|node| !matches!(node, Node::Directory)) {
                        return Err("the target goes through something that is no directory");
                    }
                    let (parent, _) = path::split(&place).ok_or("the target is outside the archive")?;
                    place.truncate(parent.len());
                }
                _ => {
                    if !place.is_empty() {
                        place.push(b'/');
                    }
                    place.extend_from_slice(component);
                }
            }
        }
        Ok(place)
    }

    fn regular(&self, path: Vec<u8>, node: &Node) -> Result<Member> {
        let reason = match node {
            Node::Regular(member) | Node::HardLink(member) => return Ok(member.clone()),
            Node::Dangling(target) => {
                let rule = "the archive has no such file before the link";
                return Err(Error::InvalidLink { path, target: target.clone(), rule });
            }
            Node::Unreadable(reason) => reason,
            Node::Directory => "the member is a directory",
            Node::Symlink(_) => "the member is a symlink",
        };
        Err(Error::PathNotFound { path, reason })
    }
}
