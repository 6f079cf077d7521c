//! The merged file system of the layers applied so far, and where each part of it comes from.
//!
//! Nothing here touches a file. A driver that unpacks an image asks [`Tree::walk`] what to create, in which order; an
//! explorer asks the same tree which layer put a path there, what a layer changed and what it wasted.
//!
//! # How changes apply
//!
//! The rules are those of layer.md#applying-changesets; where it is silent or its readers differ, the answer here is:
//!
//! | question | answer | why |
//! |---|---|---|
//! | when do whiteouts act | all of a layer before all of its entries, on what lower layers left, each resolved before any acts | R-25, R-28: the order in the archive means nothing |
//! | a whiteout of nothing; an opaque whiteout of what is no directory | nothing happens | as umoci and containerd do |
//! | a symlink within a path | followed inside the image as in a chroot, at most 40 | R-30; where it leads to nothing, directories are made there |
//! | a symlink within the path of a whiteout | followed alike, unless this layer has a directory entry at that very path: then lower layers have nothing beneath | overlay drivers write an opaque whiteout when a directory took the place of a symlink; following it would empty the old target |
//! | the last component of an entry | never followed | R-22 |
//! | a file in the middle of a path | a directory takes its place | umoci does so |
//! | a directory that no entry describes | 0755, owned by 0:0, mtime 0, until an entry describes it | the same answer on every machine |
//! | a directory entry over a symlink to a directory | the symlink is replaced | R-22 |
//! | a path twice in one layer | the later entry wins | writers MUST NOT (R-03), readers agree on the last |
//! | the owner, mode and times of a hard link entry | ignored; those of the target stand | an inode has one set, and the headers of links are often not filled in; umoci does so |
//! | a hard link to a missing path, a directory or itself | error | R-12, nothing could be linked |
//!
//! # What it costs
//!
//! Applying is linear in the bytes of the archives, up to a logarithm, whatever they hold. A path takes 175 bytes on
//! a 64-bit machine, names of a few letters and the log of its layer included, and a hundred more once a later layer
//! replaced it; while a layer other than the bottom one is fed, each of its entries waits in another 200 bytes.

mod apply;
mod children;
mod cursor;
mod diff;
mod pages;
mod paths;
mod resolve;
mod sizes;
mod walk;
mod waste;

pub use cursor::Cursor;
pub use diff::{Difference, Differences, LayerSummary, Stand, Type};
pub use sizes::Sizes;
pub use walk::{List, Node, Walk};
pub use waste::{Waste, WastedPath};

use crate::change::{Change, Entry, Kind, Owner, Timestamp, Xattr};
use crate::error::{Error, Result};
use diff::{Log, Touched};
use pages::Pages;
use paths::Paths;
use portolan_image::Limits;
use waste::Tally;

/// No number: nothing stands at a path, no entry describes a directory.
const NONE: u32 = u32::MAX;

/// The merged file system of some layers, the bottom one first.
///
/// Give it the changes of one layer after the other, either whole with [`apply`](Self::apply) or bit by bit with
/// [`feed`](Self::feed) and [`finish_layer`](Self::finish_layer), then ask. Once a call failed the image is wrong, and
/// every further change is refused.
///
/// ```
/// use portolan_layer::{Change, Entry, Kind, Owner, Timestamp, tree::Tree};
/// # let entry = |path: &str, kind| Change::Entry(Entry { ordinal: 0, path: path.into(), kind, mode: 0o644,
/// #     owner: Owner::default(), mtime: Timestamp::default(), xattrs: vec![] });
/// let mut tree = Tree::new(portolan_image::Limits::default());
/// tree.apply([entry("etc/passwd", Kind::File { size: 9 }), entry("etc/motd", Kind::File { size: 4 })])?;
/// tree.apply([Change::Remove(b"etc/motd".to_vec())])?;
/// let paths: Vec<_> = tree.walk().map(|node| String::from_utf8(node.path).unwrap()).collect();
/// assert_eq!(paths, ["", "etc", "etc/passwd"]);
/// assert_eq!(tree.waste(10).wasted_bytes, 4);
/// # Ok::<(), portolan_layer::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Tree {
    limits: Limits,
    paths: Paths,
    inodes: Pages<Inode>,
    /// Places in `inodes` that nothing names any more.
    free: Vec<u32>,
    logs: Vec<Log>,
    /// Differences in all logs.
    records: u64,
    tally: Tally,
    open: Open,
    failed: bool,
}

/// What a path leads to.
#[derive(Clone, Debug)]
struct Inode {
    /// Never a hard link.
    kind: Kind,
    mode: u32,
    owner: Owner,
    mtime: Timestamp,
    xattrs: Box<[Xattr]>,
    layer: u32,
    /// [`NONE`] for a directory that no entry describes.
    ordinal: u32,
    links: u32,
}

/// The layer that is being applied.
#[derive(Clone, Debug, Default)]
struct Open {
    whiteouts: Vec<Whiteout>,
    /// Entries wait until all whiteouts are known.
    waiting: Vec<Entry>,
    touched: Vec<Touched>,
    summary: LayerSummary,
    /// The parent of the last entry and where it was found, as long as nothing on the way was replaced: a directory
    /// that became a symlink must not be remembered as one.
    parent: Option<(Vec<u8>, u32)>,
}

#[derive(Clone, Debug)]
enum Whiteout {
    Remove(Vec<u8>),
    Clear(Vec<u8>),
}

impl Tree {
    /// The tree of no layers: an implied root.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            paths: Paths::new(0),
            inodes: Pages::new(Inode::implied(0)),
            free: Vec::new(),
            logs: Vec::new(),
            records: 0,
            tally: Tally::default(),
            open: Open::default(),
            failed: false,
        }
    }

    /// The number of layers applied so far.
    #[must_use]
    pub fn layers(&self) -> usize {
        self.logs.len()
    }

    /// Applies the whole next layer.
    ///
    /// # Errors
    /// Those of [`feed`](Self::feed) and [`finish_layer`](Self::finish_layer).
    pub fn apply(&mut self, changes: impl IntoIterator<Item = Change>) -> Result<()> {
        for change in changes {
            self.feed(change)?;
        }
        self.finish_layer()
    }

    /// Takes one change of the next layer, in the order of its archive. Contents of files are ignored.
    ///
    /// The entries of the bottom layer apply at once; those of the others wait for
    /// [`finish_layer`](Self::finish_layer), because a whiteout may yet come that acts before them.
    ///
    /// # Errors
    /// [`Error::InvalidPath`] for a root that is no directory and for too many symlinks, [`Error::InvalidLink`] for a
    /// hard link without a legal target, [`Error::InvalidWhiteout`] for a whiteout of the root, `LimitExceeded`, and
    /// `InvalidState` after any of them.
    pub fn feed(&mut self, change: Change) -> Result<()> {
        self.guarded(|tree| tree.take(change))
    }

    /// Ends the layer whose changes were fed.
    ///
    /// # Errors
    /// Those of [`feed`](Self::feed).
    pub fn finish_layer(&mut self) -> Result<()> {
        self.guarded(Self::close)
    }

    fn guarded(&mut self, step: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        if self.failed {
            let reason = "a layer of this tree failed, nothing more can be applied";
            return Err(portolan_image::Error::InvalidState { reason }.into());
        }
        let result = step(self);
        self.failed = result.is_err();
        result
    }

    /// The number of the layer that is being applied.
    fn layer(&self) -> u32 {
        u32::try_from(self.logs.len()).unwrap_or(NONE)
    }

    fn take(&mut self, change: Change) -> Result<()> {
        let count = u64::from(self.open.summary.entries) + u64::from(self.open.summary.whiteouts);
        match change {
            Change::Content(_) => return Ok(()),
            Change::Entry(entry) => {
                self.open.summary.entries += 1;
                if let Kind::File { size } = entry.kind {
                    self.open.summary.bytes = self.open.summary.bytes.saturating_add(size);
                }
                if self.logs.is_empty() { self.enter(entry)? } else { self.open.waiting.push(entry) }
            }
            Change::Remove(path) if path.is_empty() => {
                return Err(Error::InvalidWhiteout { path, rule: "the root of an image cannot be removed" });
            }
            Change::Remove(path) => self.whiteout(Whiteout::Remove(path)),
            Change::Clear(path) => self.whiteout(Whiteout::Clear(path)),
        }
        let (limit, bytes) = (self.limits.layer_entries.min(u64::from(NONE - 1)), self.open.summary.bytes);
        if count >= limit {
            return Err(exceeded("layer-entries", limit, format!("entry {count} of layer {}", self.layer())));
        }
        // Holes count: a file of many terabytes needs few bytes of an archive.
        let limit = self.limits.layer_uncompressed_bytes;
        if bytes > limit {
            let subject = format!("the size of all files of layer {}", self.layer());
            return Err(exceeded("layer-uncompressed-bytes", limit, subject));
        }
        Ok(())
    }

    fn whiteout(&mut self, whiteout: Whiteout) {
        self.open.summary.whiteouts += 1;
        // Below the bottom layer there is nothing to remove.
        if !self.logs.is_empty() {
            self.open.whiteouts.push(whiteout);
        }
    }

    fn close(&mut self) -> Result<()> {
        if self.logs.len() as u64 >= self.limits.layers {
            return Err(exceeded("layers", self.limits.layers, format!("layer {}", self.logs.len())));
        }
        let whiteouts = std::mem::take(&mut self.open.whiteouts);
        let entries = std::mem::take(&mut self.open.waiting);
        self.white_out(&whiteouts, &entries)?;
        drop(whiteouts);
        for entry in entries {
            self.enter(entry)?;
        }
        self.close_log();
        Ok(())
    }
}

fn exceeded(key: &'static str, limit: u64, subject: String) -> Error {
    portolan_image::Error::LimitExceeded { key, limit, subject }.into()
}
