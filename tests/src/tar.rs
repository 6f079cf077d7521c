//! Tar archives with every byte under the test's control: ordinary ones in few words, hostile ones just as well.

mod entry;
mod header;
mod pax;
mod sparse;

pub use entry::{Checksum, Entry, Long, Magic, Numbers};
pub use header::checksum;
pub use pax::{record, records};
pub use sparse::Sparse;

/// The unit of a tar archive, in bytes.
pub const BLOCK: usize = 512;

/// A tar archive under construction; each call appends.
///
/// What a short call makes belongs to uid 0 and gid 0, has mode 0644 (directories 0755, links 0777) and the mtime
/// [`Builder::EPOCH`]; [`Builder::entry`] takes an [`Entry`] for anything else.
///
/// ```
/// use portolan_tests::tar::{Builder, Entry};
/// let bytes = Builder::new()
///     .dir("bin")
///     .entry(Entry::file("bin/su", b"#!").mode(0o4755).xattr("user.origin", b"here"))
///     .symlink("bin/sh", "su")
///     .build();
/// assert_eq!(bytes.len() % 512, 0);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Builder {
    out: Vec<u8>,
    end_blocks: Option<usize>,
    record: Option<usize>,
}

impl Builder {
    /// The mtime of entries that name none: 2024-01-01T00:00:00Z.
    pub const EPOCH: i64 = 1_704_067_200;

    /// An archive without entries.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends an entry.
    #[must_use]
    pub fn entry(mut self, entry: Entry) -> Self {
        entry.write(&mut self.out);
        self
    }

    /// Appends many entries.
    #[must_use]
    pub fn entries(self, entries: impl IntoIterator<Item = Entry>) -> Self {
        entries.into_iter().fold(self, Self::entry)
    }

    /// Appends a regular file.
    #[must_use]
    pub fn file(self, name: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Self {
        self.entry(Entry::file(name, content))
    }

    /// Appends a directory; the name is written as given, with or without a slash at its end.
    #[must_use]
    pub fn dir(self, name: impl AsRef<[u8]>) -> Self {
        self.entry(Entry::dir(name))
    }

    /// Appends a symbolic link.
    #[must_use]
    pub fn symlink(self, name: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Self {
        self.entry(Entry::symlink(name, target))
    }

    /// Appends a hard link; the target is a name from the archive's root (R-12).
    #[must_use]
    pub fn hardlink(self, name: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Self {
        self.entry(Entry::hardlink(name, target))
    }

    /// Appends the whiteout of a path: `a/f` becomes the empty file `a/.wh.f`.
    #[must_use]
    pub fn whiteout(self, path: impl AsRef<[u8]>) -> Self {
        let path = path.as_ref();
        let start = path.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
        let name = [&path[..start], b".wh.", &path[start..]].concat();
        self.entry(Entry::file(name, b""))
    }

    /// Appends the opaque whiteout of a directory: `a` becomes `a/.wh..wh..opq`, an empty name the root's.
    #[must_use]
    pub fn opaque(self, dir: impl AsRef<[u8]>) -> Self {
        let dir = dir.as_ref();
        let slash: &[u8] = if dir.is_empty() || dir.ends_with(b"/") { b"" } else { b"/" };
        self.entry(Entry::file([dir, slash, b".wh..wh..opq"].concat(), b""))
    }

    /// Appends a FIFO.
    #[must_use]
    pub fn fifo(self, name: impl AsRef<[u8]>) -> Self {
        self.entry(Entry::fifo(name))
    }

    /// Appends a character device.
    #[must_use]
    pub fn char_device(self, name: impl AsRef<[u8]>, major: u32, minor: u32) -> Self {
        self.entry(Entry::char_device(name, major, minor))
    }

    /// Appends a block device.
    #[must_use]
    pub fn block_device(self, name: impl AsRef<[u8]>, major: u32, minor: u32) -> Self {
        self.entry(Entry::block_device(name, major, minor))
    }

    /// Appends a global PAX header (type flag `g`) of these records.
    #[must_use]
    pub fn pax_global<K: AsRef<[u8]>, V: AsRef<[u8]>>(self, pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        self.entry(Entry::extension(b'g', records(pairs)))
    }

    /// Appends a PAX header (type flag `x`) with this body, good or malformed, for whatever comes next.
    #[must_use]
    pub fn pax_raw(self, body: impl AsRef<[u8]>) -> Self {
        self.entry(Entry::extension(b'x', body))
    }

    /// Appends bytes as they are: half headers, padding runs, a second archive.
    #[must_use]
    pub fn raw(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.out.extend_from_slice(bytes.as_ref());
        self
    }

    /// Sets the number of zero blocks at the end; two when not called.
    #[must_use]
    pub fn end_blocks(mut self, blocks: usize) -> Self {
        self.end_blocks = Some(blocks);
        self
    }

    /// Pads the end with zeros to a multiple of `bytes`, as GNU tar does to 10240.
    #[must_use]
    pub fn record_size(mut self, bytes: usize) -> Self {
        self.record = Some(bytes);
        self
    }

    /// The bytes so far, without any end.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.out
    }

    /// Ends the archive.
    #[must_use]
    pub fn build(mut self) -> Vec<u8> {
        let end = self.out.len() + self.end_blocks.unwrap_or(2) * BLOCK;
        self.out.resize(self.record.map_or(end, |record| end.next_multiple_of(record)), 0);
        self.out
    }
}
