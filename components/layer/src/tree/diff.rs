//! What each layer changed in the tree that the layers below it made.

use super::paths::ROOT;
use super::{Inode, NONE, Tree, exceeded};
use crate::change::Kind;
use crate::error::Result;

/// The type of something in the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Type {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// A named pipe.
    Fifo,
}

impl Type {
    fn of(kind: &Kind) -> Self {
        match kind {
            // The tree holds no hard links, only inodes with several names; one has to be something.
            Kind::File { .. } | Kind::HardLink { .. } => Self::File,
            Kind::Directory => Self::Directory,
            Kind::Symlink { .. } => Self::Symlink,
            Kind::CharDevice(_) => Self::CharDevice,
            Kind::BlockDevice(_) => Self::BlockDevice,
            Kind::Fifo => Self::Fifo,
        }
    }
}

/// What stood or stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stand {
    /// Its type.
    pub kind: Type,
    /// The bytes of a regular file, the full size at each of its hard links; 0 for anything else.
    pub bytes: u64,
}

/// One path at which a layer differs from the layers below.
///
/// Added has no `before`, removed no `after`, and modified has both. Every file that an entry of the layer gives is
/// modified, as its bytes are not compared; a directory is when an attribute changed. What a layer both adds and
/// replaces is mentioned once, and the path of a whiteout alone never.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The path, with symlinks on the way resolved.
    pub path: Vec<u8>,
    /// What the layers below left there.
    pub before: Option<Stand>,
    /// What this layer left there.
    pub after: Option<Stand>,
    /// Whether it is gone because its parent is gone too: leave these out to see the paths that were removed as such.
    pub beneath_removed: bool,
    /// For something removed, how many paths went with it, itself counted; else 0.
    pub removed_paths: u64,
    /// For something removed, the sum of the sizes of those paths; else 0.
    pub removed_bytes: u64,
}

/// What a layer changed, to be taken bit by bit: the numbers of the paths, and what went with those that are gone.
///
/// It is good for the tree that made it until that tree changes.
#[derive(Clone, Debug, Default)]
pub struct Differences {
    layer: usize,
    order: Vec<u32>,
    /// Paths and bytes, by the place of the record; empty where nothing is gone.
    removed: Vec<(u64, u64)>,
    next: usize,
}

/// How much one layer holds, and what it did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LayerSummary {
    /// Entries in the archive, whiteouts not counted.
    pub entries: u32,
    /// Whiteouts in the archive.
    pub whiteouts: u32,
    /// The size of all files in the archive, uncompressed and holes included.
    pub bytes: u64,
    /// Paths that were not there before; implied directories count.
    pub added: u32,
    /// Paths that were there and have changed.
    pub modified: u32,
    /// Paths that are gone, all that stood beneath a removed directory counted.
    pub removed: u32,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    pub(super) summary: LayerSummary,
    /// Ordered by the number of the path.
    records: Box<[Record]>,
}

impl Log {
    /// The record of a path, and its place.
    fn at(&self, path: u32) -> Option<(usize, &Record)> {
        let at = self.records.binary_search_by_key(&path, |record| record.path).ok()?;
        self.records.get(at).map(|record| (at, record))
    }
}

/// A [`Difference`] in 24 bytes: there is one for every path of the bottom layer.
#[derive(Clone, Debug)]
struct Record {
    path: u32,
    before: Option<Type>,
    after: Option<Type>,
    beneath: bool,
    bytes_before: u64,
    bytes_after: u64,
}

/// A path that the layer at hand changes, and what stood there before it did.
#[derive(Clone, Debug)]
pub(super) struct Touched {
    path: u32,
    before: Option<Type>,
    /// Whether a hard link put it there, so that no layer holds bytes for this path.
    linked: bool,
    bytes: u64,
}

impl Tree {
    /// What a layer, counted from 0 at the bottom, changed relative to the layers below, in the order of
    /// [`walk`](Self::walk). Nothing for a layer that there is not.
    ///
    /// Every path beneath a removed directory is listed, as the explorers of layers show them. Takes memory for all
    /// paths that the layer changed; [`differences`](Self::differences) takes a few bytes each.
    #[must_use]
    pub fn diff(&self, layer: usize) -> Vec<Difference> {
        self.take_differences(&mut self.differences(layer), usize::MAX)
    }

    /// The same, to be taken bit by bit.
    #[must_use]
    pub fn differences(&self, layer: usize) -> Differences {
        let Some(log) = self.logs.get(layer) else { return Differences::default() };
        let order = self.paths.in_order(log.records.iter().map(|record| record.path));
        let has_removed = log.records.iter().any(|record| record.after.is_none());
        let mut removed = vec![(0_u64, 0_u64); if has_removed { log.records.len() } else { 0 }];
        // Backwards, what is beneath a path comes before it, so each path adds all that went with it to the one above.
        for (at, record) in order.iter().rev().filter_map(|&id| log.at(id)).filter(|(_, record)| record.after.is_none())
        {
            let Some(sum) = removed.get_mut(at) else { continue };
            let with = (sum.0 + 1, sum.1.saturating_add(record.bytes_before));
            *sum = with;
            let above = record.beneath.then(|| log.at(self.paths.at(record.path).parent)).flatten();
            if let Some(above) = above.and_then(|(above, _)| removed.get_mut(above)) {
                *above = (above.0 + with.0, above.1.saturating_add(with.1));
            }
        }
        Differences { layer, order, removed, next: 0 }
    }

    /// The next differences, at most so many; none at the end.
    pub fn take_differences(&self, differences: &mut Differences, most: usize) -> Vec<Difference> {
        let Some(log) = self.logs.get(differences.layer) else { return Vec::new() };
        let stand = |kind: Option<Type>, bytes| kind.map(|kind| Stand { kind, bytes });
        let ids = differences.order.get(differences.next..).unwrap_or_default().iter().take(most);
        let taken: Vec<Difference> = ids
            .filter_map(|&id| log.at(id))
            .map(|(at, record)| {
                let (removed_paths, removed_bytes) =
                    differences.removed.get(at).filter(|_| record.after.is_none()).copied().unwrap_or_default();
                Difference {
                    path: self.paths.path(record.path),
                    before: stand(record.before, record.bytes_before),
                    after: stand(record.after, record.bytes_after),
                    beneath_removed: record.beneath,
                    removed_paths,
                    removed_bytes,
                }
            })
            .collect();
        differences.next += taken.len();
        taken
    }

    /// How much a layer, counted from 0 at the bottom, holds, and what it did.
    #[must_use]
    pub fn summary(&self, layer: usize) -> Option<&LayerSummary> {
        self.logs.get(layer).map(|log| &log.summary)
    }

    /// Remembers what stands at a path before the layer at hand changes it for the first time.
    pub(super) fn touch(&mut self, id: u32) -> Result<()> {
        let layer = self.layer();
        let path = self.paths.at(id);
        if path.touched == layer {
            return Ok(());
        }
        // The implied root of no layers stands for nothing.
        let stood = self.inode_at(id).filter(|_| id != ROOT || layer > 0);
        let before = stood.map(|inode| Type::of(&inode.kind));
        let (linked, bytes) = (path.linked, stood.map_or(0, Inode::bytes));
        let replaced = stood.map_or(NONE, |inode| if inode.kind == Kind::Directory { inode.layer } else { path.layer });
        let path = self.paths.at_mut(id);
        path.touched = layer;
        path.replaced = replaced;
        self.open.touched.push(Touched { path: id, before, linked, bytes });
        // An image may change each path twice on average: real ones are far below, and a thousand layers that touch
        // millions of paths each are an attack on memory.
        let limit = self.limits.tree_entries.saturating_mul(2);
        if self.records.saturating_add(self.open.touched.len() as u64) > limit.saturating_add(1) {
            return Err(exceeded(
                "tree-entries",
                self.limits.tree_entries,
                "the number of changes by layers".to_owned(),
            ));
        }
        Ok(())
    }

    pub(super) fn close_log(&mut self) {
        let open = std::mem::take(&mut self.open);
        let mut summary = open.summary;
        let mut records = Vec::with_capacity(open.touched.len());
        for Touched { path, before, linked, bytes } in open.touched {
            let inode = self.inode_at(path);
            let after = inode.map(|inode| Type::of(&inode.kind));
            match (before, after) {
                (None, None) => continue,
                (None, Some(_)) => summary.added += 1,
                (Some(_), Some(_)) => summary.modified += 1,
                (Some(_), None) => summary.removed += 1,
            }
            let bytes_after = inode.map_or(0, Inode::bytes);
            let beneath = after.is_none() && self.inode_at(self.paths.at(path).parent).is_none();
            let leaf = |kind: &Type| *kind != Type::Directory;
            if before.iter().chain(&after).any(leaf) {
                let held = if self.paths.at(path).linked { 0 } else { bytes_after };
                self.tally.observe(path, before.filter(leaf).map(|_| if linked { 0 } else { bytes }), held);
            }
            records.push(Record { path, before, after, beneath, bytes_before: bytes, bytes_after });
        }
        records.sort_unstable_by_key(|record| record.path);
        self.records += records.len() as u64;
        self.logs.push(Log { summary, records: records.into_boxed_slice() });
    }
}
