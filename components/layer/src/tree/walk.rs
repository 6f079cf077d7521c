//! The tree as its readers see it.

use super::paths::{Paths, ROOT};
use super::resolve::Miss;
use super::{NONE, Tree};
use crate::change::{Kind, Owner, Timestamp, Xattr};
use crate::error::{Error, Result};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// One path of the tree with what stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node<'a> {
    /// The path; every component but the last is a directory. Empty for the root.
    pub path: Vec<u8>,
    /// What it is; never [`Kind::HardLink`], as an inode is the same by each of its names.
    pub kind: &'a Kind,
    /// The twelve permission bits.
    pub mode: u32,
    /// To whom it belongs.
    pub owner: Owner,
    /// When its content was last changed.
    pub mtime: Timestamp,
    /// Extended attributes in the order of the archive.
    pub xattrs: &'a [Xattr],
    /// The layer, from 0 at the bottom, that gives content and attributes.
    pub layer: u32,
    /// The number of the entry in that layer; none for an implied directory.
    pub ordinal: Option<u32>,
    /// The layer that put this name here. Lower than `layer` for a directory whose attributes were replaced, higher
    /// for a hard link to a file of a lower layer.
    pub named: u32,
    /// The layer of that which stood here before `named`, or before `layer` for a directory, changed it.
    pub replaced: Option<u32>,
    /// The number of the inode: the same for all hard links. Another one may have it after the next change.
    pub inode: u32,
    /// How many names the inode has.
    pub links: u32,
    /// The path that the same walk met first, for a further hard link. Always none outside of a walk.
    pub link: Option<Vec<u8>>,
    pub(super) id: u32,
}

impl Node<'_> {
    /// The last component of the path, empty for the root.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        crate::path::split(&self.path).map_or(&[], |(_, name)| name)
    }

    /// The bytes of a regular file, 0 for anything else.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        if let Kind::File { size } = self.kind { *size } else { 0 }
    }
}

/// Numbers of paths with their depth below the start: parents first, siblings in byte order of their names.
pub(super) struct PreOrder<'a> {
    paths: &'a Paths,
    start: Option<u32>,
    // A stack of its own: a tree may be deeper than the stack of a thread.
    stack: Vec<super::children::Iter<'a>>,
}

impl<'a> PreOrder<'a> {
    pub(super) fn new(paths: &'a Paths, start: u32) -> Self {
        Self { paths, start: Some(start), stack: Vec::new() }
    }
}

impl Iterator for PreOrder<'_> {
    type Item = (u32, usize);

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(start) = self.start.take() {
            self.stack.push(self.paths.children(start));
            return Some((start, 0));
        }
        while let Some(children) = self.stack.last_mut() {
            let Some(id) = children.next() else {
                self.stack.pop();
                continue;
            };
            let depth = self.stack.len();
            self.stack.push(self.paths.children(id));
            return Some((id, depth));
        }
        None
    }
}

/// Iterates over a tree: depth first, parents before children, children in byte order of their names.
pub struct Walk<'a> {
    tree: &'a Tree,
    order: PreOrder<'a>,
    path: Vec<u8>,
    /// Where the path ends at each depth.
    ends: Vec<usize>,
    /// The first path of each inode that has several.
    first: BTreeMap<u32, u32>,
}

impl<'a> Iterator for Walk<'a> {
    type Item = Node<'a>;

    fn next(&mut self) -> Option<Node<'a>> {
        let (id, depth) = self.order.next()?;
        if depth > 0 {
            self.path.truncate(self.ends.get(depth - 1).copied().unwrap_or_default());
            if !self.path.is_empty() {
                self.path.push(b'/');
            }
            self.path.extend_from_slice(self.tree.paths.name(id));
            self.ends.truncate(depth);
        }
        self.ends.push(self.path.len());
        let mut node = self.tree.node_of(id, self.path.clone())?;
        if node.links > 1 {
            match self.first.entry(node.inode) {
                Entry::Occupied(first) => node.link = Some(self.tree.paths.path(*first.get())),
                Entry::Vacant(place) => _ = place.insert(id),
            }
        }
        Some(node)
    }
}

/// Iterates over the children of a directory in byte order of their names.
pub struct List<'a> {
    tree: &'a Tree,
    directory: Vec<u8>,
    children: super::children::Iter<'a>,
}

impl<'a> Iterator for List<'a> {
    type Item = Node<'a>;

    fn next(&mut self) -> Option<Node<'a>> {
        let id = self.children.next()?;
        self.tree.node_of(id, crate::path::join(&self.directory, self.tree.paths.name(id)))
    }
}

impl Tree {
    /// The whole tree, the root first: what to create, in the order in which it can be created.
    ///
    /// Every directory comes before what is in it and after nothing of it, every parent is a real directory, and the
    /// first name of an inode comes before those that link to it.
    #[must_use]
    pub fn walk(&self) -> Walk<'_> {
        self.walk_from(ROOT)
    }

    /// The part of the tree at a path, which comes first. No symlink at its end is followed.
    ///
    /// # Errors
    /// [`Error::PathNotFound`].
    pub fn walk_at(&self, path: &[u8]) -> Result<Walk<'_>> {
        Ok(self.walk_from(self.locate(path, false)?))
    }

    fn walk_from(&self, start: u32) -> Walk<'_> {
        let path = self.paths.path(start);
        let order = PreOrder::new(&self.paths, start);
        Walk { tree: self, order, path, ends: Vec::new(), first: BTreeMap::new() }
    }

    /// What stands at a path. Symlinks on the way are followed inside the image, one at the end is not.
    ///
    /// # Errors
    /// [`Error::PathNotFound`].
    pub fn node(&self, path: &[u8]) -> Result<Node<'_>> {
        self.found(path, self.locate(path, false)?)
    }

    /// What a path leads to when every symlink is followed inside the image, also one at the end.
    ///
    /// # Errors
    /// [`Error::PathNotFound`], for a dangling symlink and a loop too.
    pub fn resolve(&self, path: &[u8]) -> Result<Node<'_>> {
        self.found(path, self.locate(path, true)?)
    }

    /// The children of a directory; a symlink to one is followed.
    ///
    /// # Errors
    /// [`Error::PathNotFound`], also for what is no directory.
    pub fn list(&self, path: &[u8]) -> Result<List<'_>> {
        let id = self.locate(path, true)?;
        if self.inode_at(id).is_none_or(|inode| inode.kind != Kind::Directory) {
            return Err(Error::PathNotFound { path: path.to_vec(), reason: "it is not a directory" });
        }
        Ok(List { tree: self, directory: self.paths.path(id), children: self.paths.children(id) })
    }

    /// The nodes of a walk whose path matches.
    pub fn find<'a>(&'a self, matches: impl Fn(&[u8]) -> bool + 'a) -> impl Iterator<Item = Node<'a>> + 'a {
        self.walk().filter(move |node| matches(&node.path))
    }

    fn locate(&self, path: &[u8], last: bool) -> Result<u32> {
        self.lookup(path, last, |_| false).map_err(|miss| self.missing(path, miss))
    }

    fn missing(&self, path: &[u8], miss: Miss) -> Error {
        Error::PathNotFound { path: path.to_vec(), reason: miss.rule() }
    }

    fn found(&self, path: &[u8], id: u32) -> Result<Node<'_>> {
        self.node_of(id, self.paths.path(id)).ok_or_else(|| self.missing(path, Miss::Absent))
    }

    pub(super) fn node_of(&self, id: u32, path: Vec<u8>) -> Option<Node<'_>> {
        let inode = self.inode_at(id)?;
        let number = |value: u32| (value != NONE).then_some(value);
        let at = self.paths.at(id);
        Some(Node {
            path,
            kind: &inode.kind,
            mode: inode.mode,
            owner: inode.owner,
            mtime: inode.mtime,
            xattrs: &inode.xattrs,
            layer: inode.layer,
            ordinal: number(inode.ordinal),
            named: at.layer,
            replaced: number(at.replaced),
            inode: at.inode,
            links: inode.links,
            link: None,
            id,
        })
    }
}
