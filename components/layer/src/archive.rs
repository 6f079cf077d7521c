//! The members of an archive that has images in it, such as a layout in a tar or what `docker save` writes.
//!
//! Such an archive is read in place: only its headers are looked at, and a blob of many GiB is then read by its offset.
//! The grammar is that of layers, with every answer and limit of it, but for whiteouts: here `.wh.x` is a name like any
//! other. The archive itself must be uncompressed. What is special here:
//!
//! | in the archive | answer |
//! |---|---|
//! | several members of one path | the last one counts, as if the archive were extracted |
//! | a hard link | the member that its target is where the link stands, also when the target is replaced later |
//! | a symlink as a member that is asked for | followed by [`Members::find`] inside the archive, refused by [`Members::find_regular`] |
//! | a symlink as a parent | never followed |
//! | a member below something that is no directory, or instead of a directory with members | error: extracted, it would end up elsewhere or nowhere |
//! | a sparse file that is asked for | error: its bytes do not stand in one piece |
//! | a content that runs past the end of the archive | error naming the member |
//! | a content that ends above 2^63 - 1 | error: no file is so long |
//! | anything after two zero blocks | not read, and so no warning either |

mod find;

use crate::change::{Change, Entry, Kind};
use crate::error::{Error, Result};
use crate::path;
use crate::tar::Reader;
use crate::tar::header::BLOCK;
use crate::warning::Warning;
use portolan_image::Limits;
use std::collections::BTreeMap;

/// How many bytes are asked for at once: enough for over a hundred headers of small members, and little beside a blob.
const WINDOW: u32 = 64 << 10;

/// Bytes of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The offset of the first one in the archive.
    pub offset: u64,
    /// How many, at least one.
    pub length: u32,
}

/// A regular member of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its path, normalised as in [`path::normalize`].
    pub path: Vec<u8>,
    /// The offset of its content in the archive, in bytes.
    pub offset: u64,
    /// The length of its content in bytes. All of it is in the archive.
    pub size: u64,
}

/// What a path of the archive is.
#[derive(Clone, Debug)]
enum Node {
    Directory,
    Regular(Member),
    /// Another name of a regular member.
    HardLink(Member),
    /// A hard link whose target was nothing that it could link, and the target.
    Dangling(Vec<u8>),
    Symlink(Vec<u8>),
    /// What has no bytes that could be read by an offset, and what it is.
    Unreadable(&'static str),
}

/// An index of the members of an archive, made by reading little more than the headers.
///
/// While [`next`](Self::next) names a range, read it and [`supply`](Self::supply) the bytes; then ask for members.
///
/// ```
/// use portolan_layer::archive::Members;
///
/// # let mut header = [0; 512];
/// # header[..10].copy_from_slice(b"oci-layout");
/// # header[124..136].copy_from_slice(b"00000000003\0");
/// # header[148..156].copy_from_slice(b"        ");
/// # let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
/// # header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
/// # let mut archive = [&header[..], b"{}\n", &[0; 509], &[0; 1024]].concat();
/// let mut members = Members::new(Default::default());
/// while let Some(range) = members.next() {
///     let start = (range.offset as usize).min(archive.len());
///     let end = (start + range.length as usize).min(archive.len());
///     members.supply(&archive[start..end])?;
/// }
/// let member = members.find_regular(b"oci-layout")?.unwrap();
/// assert_eq!((member.offset, member.size), (512, 3));
/// assert_eq!(members.find(b"index.json")?, None);
/// # Ok::<(), portolan_layer::Error>(())
/// ```
pub struct Members {
    limits: Limits,
    reader: Reader,
    nodes: BTreeMap<Vec<u8>, Node>,
    warnings: Vec<Warning>,
    /// How many bytes are asked for at once.
    window: u32,
    complete: bool,
    /// The first error.
    fault: Option<Error>,
}

impl Members {
    /// Starts with an archive of which nothing is known.
    ///
    /// The limits that count are those of a layer: `layer-entries`, `layer-metadata-bytes`, `layer-uncompressed-bytes`
    /// for each member, and those of headers, paths and sparse maps.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            reader: Reader::without_whiteouts(limits.clone()),
            limits,
            nodes: BTreeMap::new(),
            warnings: Vec::new(),
            window: WINDOW,
            complete: false,
            fault: None,
        }
    }

    /// The same with ranges of at most so many bytes, at least one, instead of 64 KiB: few where each byte is dear, many
    /// where each read is.
    #[must_use]
    pub fn with_window(self, bytes: u32) -> Self {
        Self { window: bytes.max(1), ..self }
    }

    /// The bytes of the archive that are wanted next; nothing once the index is complete, and after an error.
    ///
    /// Ranges ascend and do not overlap. A range may go beyond the end of the archive.
    #[must_use]
    pub fn next(&self) -> Option<Range> {
        (!self.complete && self.fault.is_none()).then(|| Range { offset: self.reader.offset(), length: self.window })
    }

    /// Takes the bytes of the range that [`next`](Self::next) named; fewer mean that the archive ends there.
    ///
    /// So a read that was merely interrupted has to be continued before its bytes are supplied.
    ///
    /// # Errors
    /// Whatever is wrong with the archive, again at every later call. `InvalidState` for more bytes than were asked for.
    pub fn supply(&mut self, bytes: &[u8]) -> Result<()> {
        self.fault.clone().map_or(Ok(()), Err)?;
        self.read(bytes).inspect_err(|error| self.fault = Some(error.clone()))
    }

    /// What is odd about the archive: that it has no end, and so may have been cut between two members.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// The paths that are regular files, in the order of their bytes; of a hard link, the member that it links.
    ///
    /// Sparse files are left out. Before the index is complete, only what is known by then.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &Member)> {
        self.nodes.iter().filter_map(|(path, node)| match node {
            Node::Regular(member) | Node::HardLink(member) => Some((&path[..], member)),
            _ => None,
        })
    }

    fn read(&mut self, bytes: &[u8]) -> Result<()> {
        if self.complete || bytes.len() > self.window as usize {
            let reason = "more bytes of the archive were supplied than asked for";
            return Err(portolan_image::Error::InvalidState { reason }.into());
        }
        let mut rest = bytes;
        let mut changes = Vec::new();
        while !rest.is_empty() && !self.reader.has_ended() {
            let pending = self.reader.pending();
            // One block at a time, as the content of a member begins where the block ends that completes its header.
            let step = if pending > 0 { pending } else { BLOCK as u64 - self.reader.offset() % BLOCK as u64 };
            let step = usize::try_from(step).unwrap_or(usize::MAX).min(rest.len());
            let (now, after) = rest.split_at(step);
            rest = after;
            if pending > 0 {
                self.reader.jump(step as u64);
                continue;
            }
            self.reader.feed(now, &mut changes)?;
            let end = self.reader.offset().checked_add(self.reader.pending());
            if end.is_none_or(|end| i64::try_from(end).is_err()) {
                return Err(self.reader.invalid("the content ends above 2^63 - 1, where no file has bytes"));
            }
            for change in changes.drain(..) {
                if let Change::Entry(entry) = change {
                    self.insert(entry)?;
                }
            }
        }
        if self.reader.has_ended() || bytes.len() < self.window as usize {
            self.reader.finish()?;
            let warnings = self.reader.take_warnings().kept.into_iter();
            self.warnings = warnings.filter(|warning| matches!(warning, Warning::MissingEnd)).collect();
            self.complete = true;
        }
        // The last block of a content is read, as only that tells that the archive has all of it.
        self.reader.jump(self.reader.pending().saturating_sub(BLOCK as u64));
        Ok(())
    }

    /// Adds what the header is of that was read last.
    fn insert(&mut self, entry: Entry) -> Result<()> {
        let Entry { path, kind, .. } = entry;
        let node = match kind {
            Kind::Directory => Node::Directory,
            Kind::File { .. } if self.reader.is_sparse() => Node::Unreadable("the member is a sparse file"),
            Kind::File { size } => Node::Regular(Member { path: path.clone(), offset: self.reader.offset(), size }),
            Kind::HardLink { target } => match self.nodes.get(&target) {
                Some(Node::Regular(member)) => Node::HardLink(member.clone()),
                None | Some(Node::Directory) => Node::Dangling(target),
                Some(node) => node.clone(),
            },
            Kind::Symlink { target } => Node::Symlink(target),
            Kind::CharDevice(_) | Kind::BlockDevice(_) => Node::Unreadable("the member is a device"),
            Kind::Fifo => Node::Unreadable("the member is a FIFO"),
        };
        let mut parent = path::split(&path);
        while let Some((directory, _)) = parent {
            if self.nodes.get(directory).is_some_and(|node| !matches!(node, Node::Directory)) {
                return Err(self.reader.invalid("a parent of the member is no directory"));
            }
            parent = path::split(directory);
        }
        let replaces = matches!(self.nodes.get(&path), None | Some(Node::Directory));
        if replaces && !matches!(node, Node::Directory) && self.has_children(&path) {
            return Err(self.reader.invalid("the member stands where a directory with members is"));
        }
        self.nodes.insert(path, node);
        Ok(())
    }

    fn has_children(&self, path: &[u8]) -> bool {
        let below = [path, b"/"].concat();
        self.nodes.range(below.clone()..).next().is_some_and(|(path, _)| path.starts_with(&below))
    }
}

#[cfg(test)]
mod tests;
