//! How one layer changes the tree; the rules stand in [the module above](super).

use super::paths::ROOT;
use super::resolve::Miss;
use super::{Inode, NONE, Tree, Whiteout};
use crate::change::{Entry, Kind, Owner, Timestamp};
use crate::error::{Error, Result};
use portolan_image::Limits;

impl Inode {
    pub(super) fn implied(layer: u32) -> Self {
        Self {
            kind: Kind::Directory,
            mode: 0o755,
            owner: Owner::default(),
            mtime: Timestamp::default(),
            xattrs: Box::default(),
            layer,
            ordinal: NONE,
            links: 1,
        }
    }

    pub(super) fn of(layer: u32, entry: Entry) -> Self {
        let Entry { ordinal, path: _, kind, mode, owner, mtime, xattrs } = entry;
        Self { kind, mode, owner, mtime, xattrs: xattrs.into_boxed_slice(), layer, ordinal, links: 1 }
    }

    pub(super) fn bytes(&self) -> u64 {
        if let Kind::File { size } = self.kind { size } else { 0 }
    }
}

impl Tree {
    pub(super) fn white_out(&mut self, whiteouts: &[Whiteout], entries: &[Entry]) -> Result<()> {
        if whiteouts.is_empty() {
            return Ok(());
        }
        let directories = entries.iter().filter(|entry| entry.kind == Kind::Directory);
        let mut directories: Vec<&[u8]> = directories.map(|entry| entry.path.as_slice()).collect();
        directories.sort_unstable();
        let own = |path: &[u8]| directories.binary_search(&path).is_ok();
        // All are resolved before any acts: one may remove the symlink that leads to another.
        let mut found = Vec::with_capacity(whiteouts.len());
        for whiteout in whiteouts {
            let (path, clear) = match whiteout {
                Whiteout::Remove(path) => (path, false),
                Whiteout::Clear(path) => (path, true),
            };
            match self.lookup(path, clear, own) {
                Ok(id) => found.push((id, clear)),
                Err(Miss::Absent | Miss::NotDirectory) => {}
                Err(miss) => return Err(Error::InvalidPath { path: path.clone(), rule: miss.rule() }),
            }
        }
        for (id, clear) in found {
            if !clear {
                self.remove(id)?;
            } else if self.inode_at(id).is_some_and(|inode| inode.kind == Kind::Directory) {
                self.remove_children(id)?;
            }
        }
        Ok(())
    }

    pub(super) fn enter(&mut self, entry: Entry) -> Result<()> {
        let Some((parent, name)) = crate::path::split(&entry.path) else {
            if entry.kind != Kind::Directory {
                // CVE-2021-29136: with a symlink as root every other path would lead out.
                return Err(Error::InvalidPath {
                    path: entry.path,
                    rule: "the root of an image can only be a directory",
                });
            }
            return self.describe(ROOT, entry);
        };
        let parent = self.parent(parent)?;
        if entry.kind == Kind::Directory
            && let Some(id) = self.paths.child(parent, name)
            && self.inode_at(id).is_some_and(|inode| inode.kind == Kind::Directory)
        {
            return self.describe(id, entry);
        }
        let name = name.to_vec();
        if let Kind::HardLink { target } = &entry.kind {
            let inode = self.link_target(parent, &name, &entry.path, target)?;
            // Counted before the old name goes: it may be the last but this one.
            self.inodes[inode].links += 1;
            let id = self.vacate(parent, &name)?;
            self.occupy(id, inode, true);
            return Ok(());
        }
        let id = self.vacate(parent, &name)?;
        let inode = self.create(Inode::of(self.layer(), entry));
        self.occupy(id, inode, false);
        Ok(())
    }

    /// The directory that an entry goes into, made when there is none.
    fn parent(&mut self, path: &[u8]) -> Result<u32> {
        if let Some((known, id)) = &self.open.parent
            && known == path
        {
            return Ok(*id);
        }
        let id = self.directory(path)?;
        self.open.parent = Some((path.to_vec(), id));
        Ok(id)
    }

    /// Replaces the attributes of a directory and keeps its children.
    fn describe(&mut self, id: u32, entry: Entry) -> Result<()> {
        let at = self.paths.at(id).inode;
        let new = Inode::of(self.layer(), entry);
        let old = &self.inodes[at];
        let same = old.mode == new.mode && old.owner == new.owner && old.mtime == new.mtime && old.xattrs == new.xattrs;
        // Archives repeat the parents of what they change: that is no change.
        if !same {
            self.touch(id)?;
        }
        if !same || self.inodes[at].ordinal == NONE {
            self.inodes[at] = new;
        }
        Ok(())
    }

    fn link_target(&self, parent: u32, name: &[u8], path: &[u8], target: &[u8]) -> Result<u32> {
        let invalid = |rule| Error::InvalidLink { path: path.to_vec(), target: target.to_vec(), rule };
        let id = self.lookup(target, false, |_| false).map_err(|miss| invalid(miss.link_rule()))?;
        if self.paths.child(parent, name) == Some(id) {
            return Err(invalid("a path cannot be a hard link to itself"));
        }
        match self.inode_at(id) {
            Some(inode) if inode.kind == Kind::Directory => Err(invalid("a directory cannot be hard linked")),
            Some(_) => Ok(self.paths.at(id).inode),
            None => Err(invalid(Miss::Absent.link_rule())),
        }
    }

    pub(super) fn inode_at(&self, id: u32) -> Option<&Inode> {
        self.inodes.find(self.paths.at(id).inode)
    }

    /// Makes a child with nothing standing there yet: what did is unlinked.
    fn vacate(&mut self, parent: u32, name: &[u8]) -> Result<u32> {
        if let Some(id) = self.paths.child(parent, name) {
            self.unlink(id)?;
            return Ok(id);
        }
        let id = self.paths.add(parent, name, &self.limits)?;
        // An entry's own path was checked when it was read, but symlinks can lead much deeper.
        let (depth, bytes) = self.paths.extent(id);
        let subject = || format!("the path {}", crate::error::Shown(&self.paths.path(id)));
        Limits::check("path-depth", self.limits.path_depth, depth as u64, subject)?;
        Limits::check("path-bytes", self.limits.path_bytes, bytes as u64, subject)?;
        self.touch(id)?;
        Ok(id)
    }

    /// Makes an implied directory.
    pub(super) fn imply(&mut self, parent: u32, name: &[u8]) -> Result<u32> {
        let id = self.vacate(parent, name)?;
        let inode = self.create(Inode::implied(self.layer()));
        self.occupy(id, inode, false);
        Ok(id)
    }

    fn create(&mut self, inode: Inode) -> u32 {
        if let Some(at) = self.free.pop() {
            self.inodes[at] = inode;
            return at;
        }
        self.inodes.push(inode);
        // There are never more inodes than paths, whose number is checked.
        u32::try_from(self.inodes.len() - 1).unwrap_or(NONE)
    }

    fn occupy(&mut self, id: u32, inode: u32, linked: bool) {
        let layer = self.layer();
        let path = self.paths.at_mut(id);
        path.inode = inode;
        path.linked = linked;
        path.layer = layer;
    }

    fn remove(&mut self, id: u32) -> Result<()> {
        if self.inode_at(id).is_some() {
            self.unlink(id)?;
            self.paths.detach(id);
        }
        Ok(())
    }

    /// Takes away what stands at a path and everything below, but leaves the name in its directory.
    fn unlink(&mut self, id: u32) -> Result<()> {
        self.touch(id)?;
        self.release(id);
        self.remove_children(id)
    }

    fn remove_children(&mut self, id: u32) -> Result<()> {
        let mut stack = Vec::new();
        self.paths.detach_children(id, &mut stack);
        while let Some(id) = stack.pop() {
            self.touch(id)?;
            self.release(id);
            self.paths.detach_children(id, &mut stack);
        }
        Ok(())
    }

    /// Drops one name of an inode, and the inode with its last name.
    fn release(&mut self, id: u32) {
        let at = std::mem::replace(&mut self.paths.at_mut(id).inode, NONE);
        if at == NONE {
            return;
        }
        let layer = self.layer();
        let inode = &mut self.inodes[at];
        if matches!(inode.kind, Kind::Directory | Kind::Symlink { .. }) {
            self.open.parent = None;
        }
        inode.links -= 1;
        if inode.links == 0 {
            self.tally.waste(id, inode.bytes(), inode.layer == layer);
            inode.kind = Kind::Fifo;
            inode.xattrs = Box::default();
            self.free.push(at);
        }
    }
}
