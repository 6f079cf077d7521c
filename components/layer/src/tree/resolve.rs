//! Where a path leads, by the rules of a chroot into the image.

use super::paths::ROOT;
use super::{Tree, exceeded};
use crate::change::Kind;
use crate::error::{Error, Result, Shown};
use std::borrow::Cow;

/// Linux follows no more symlinks in one path either (`MAXSYMLINKS`).
const LINKS: u32 = 40;

/// Why a path leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Miss {
    Absent,
    NotDirectory,
    Loop,
    Deep,
    Long,
}

impl Miss {
    pub(super) fn rule(self) -> &'static str {
        match self {
            Self::Absent => "there is no such path in the image",
            Self::NotDirectory => "a component on the way is not a directory",
            Self::Loop => "more than 40 symbolic links on the way",
            Self::Deep => "its symbolic links lead through more components than path-depth allows",
            Self::Long => "the targets of its symbolic links are longer than path-bytes allows",
        }
    }

    pub(super) fn link_rule(self) -> &'static str {
        match self {
            Self::Absent => "the target is not in the image, or stands later in its layer",
            Self::NotDirectory => "a component of the target is not a directory",
            Self::Loop => "more than 40 symbolic links on the way to the target",
            Self::Deep => "the symbolic links on the way to the target lead deeper than path-depth allows",
            Self::Long => "the symbolic links on the way to the target are longer than path-bytes allows",
        }
    }
}

/// What is left of a path on the way, the targets of symlinks on top.
struct Steps<'a> {
    left: Vec<(Cow<'a, [u8]>, usize)>,
    links: u32,
    /// How many components, and how many bytes of targets, may yet come. Forty links of long targets each would make
    /// one short name cost a hundred thousand lookups, or as many bytes to skip.
    components: u64,
    bytes: u64,
}

impl Steps<'_> {
    /// Puts the next component into `name`; false at the end.
    fn next(&mut self, name: &mut Vec<u8>) -> std::result::Result<bool, Miss> {
        while let Some((bytes, at)) = self.left.last_mut() {
            let rest = bytes.get(*at..).unwrap_or_default();
            let Some(start) = rest.iter().position(|&byte| byte != b'/') else {
                self.left.pop();
                continue;
            };
            let rest = &rest[start..];
            let len = rest.iter().position(|&byte| byte == b'/').unwrap_or(rest.len());
            name.clear();
            name.extend_from_slice(&rest[..len]);
            *at += start + len;
            self.components = self.components.checked_sub(1).ok_or(Miss::Deep)?;
            if name != b"." {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether no component is left.
    fn done(&self) -> bool {
        self.left.iter().all(|(bytes, at)| {
            let rest = bytes.get(*at..).unwrap_or_default();
            rest.split(|&byte| byte == b'/').all(|component| component.is_empty() || component == b".")
        })
    }

    /// The path so far, when no symlink was expanded into it last.
    fn prefix(&self) -> Option<&[u8]> {
        match self.left.as_slice() {
            [(bytes, at)] => bytes.get(..*at),
            _ => None,
        }
    }

    /// Goes on with the target of a symlink, from `directory` or the root.
    fn follow(&mut self, target: &[u8], directory: u32) -> std::result::Result<u32, Miss> {
        self.links += 1;
        if self.links > LINKS {
            return Err(Miss::Loop);
        }
        self.bytes = self.bytes.checked_sub(target.len() as u64).ok_or(Miss::Long)?;
        self.left.push((Cow::Owned(target.to_vec()), 0));
        Ok(if target.first() == Some(&b'/') { ROOT } else { directory })
    }
}

impl Tree {
    fn steps<'a>(&self, path: &'a [u8]) -> Steps<'a> {
        // The path itself was checked against the limits; its symlinks may add as much again.
        Steps {
            left: vec![(Cow::Borrowed(path), 0)],
            links: 0,
            components: self.limits.path_depth.saturating_mul(2),
            bytes: self.limits.path_bytes,
        }
    }

    /// The directory at a path, with everything made that is missing; all symlinks are followed.
    pub(super) fn directory(&mut self, path: &[u8]) -> Result<u32> {
        let (depth, bytes) = (self.limits.path_depth, self.limits.path_bytes);
        let invalid = move |miss: Miss| match miss {
            Miss::Deep => exceeded("path-depth", depth, format!("the way of symbolic links to {}", Shown(path))),
            Miss::Long => exceeded("path-bytes", bytes, format!("the way of symbolic links to {}", Shown(path))),
            miss => Error::InvalidPath { path: path.to_vec(), rule: miss.rule() },
        };
        let (mut steps, mut at, mut name) = (self.steps(path), ROOT, Vec::new());
        while steps.next(&mut name).map_err(&invalid)? {
            if name == b".." {
                at = self.paths.at(at).parent;
                continue;
            }
            let child = self.paths.child(at, &name);
            at = match child.and_then(|id| Some((id, &self.inode_at(id)?.kind))) {
                Some((id, Kind::Directory)) => id,
                Some((_, Kind::Symlink { target })) => steps.follow(target, at).map_err(&invalid)?,
                _ => self.imply(at, &name)?,
            };
        }
        Ok(at)
    }

    /// What stands at a path. A symlink at its end is followed when `last` says so, and none is at a path of which
    /// `replaced` says that something else comes to stand there.
    pub(super) fn lookup(
        &self,
        path: &[u8],
        last: bool,
        replaced: impl Fn(&[u8]) -> bool,
    ) -> std::result::Result<u32, Miss> {
        let (mut steps, mut at, mut name) = (self.steps(path), ROOT, Vec::new());
        while steps.next(&mut name)? {
            if self.inode_at(at).is_none_or(|inode| inode.kind != Kind::Directory) {
                return Err(Miss::NotDirectory);
            }
            if name == b".." {
                at = self.paths.at(at).parent;
                continue;
            }
            let id = self.paths.child(at, &name).ok_or(Miss::Absent)?;
            at = match self.inode_at(id).map(|inode| &inode.kind) {
                Some(Kind::Symlink { target }) if last || !steps.done() => {
                    if steps.prefix().is_some_and(&replaced) {
                        return Err(Miss::Absent);
                    }
                    steps.follow(target, at)?
                }
                Some(_) => id,
                None => return Err(Miss::Absent),
            };
        }
        Ok(at)
    }
}
