//! What a layer changes, in the order of its archive.

use std::ops::Range;

/// One step of a layer.
///
/// Paths are bytes, relative to the root of the image, components joined by single `/`, with no `.`, `..` or empty
/// component; the root itself is the empty path. They are *not* resolved: a component may be a symlink of a lower
/// layer, and only the merged tree knows where it leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Something is added, or replaces what was there.
    Entry(Entry),
    /// Bytes of the last regular file; see [`Content`].
    Content(Content),
    /// A whiteout: the path of lower layers is removed, with everything below.
    Remove(Vec<u8>),
    /// An opaque whiteout: the children that lower layers put into the directory are removed.
    Clear(Vec<u8>),
}

/// An entry of a layer with everything that is known about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The number of this entry among the entries of its layer, from 0. Whiteouts are not counted.
    pub ordinal: u32,
    /// Where it stands; see [`Change`].
    pub path: Vec<u8>,
    /// What it is.
    pub kind: Kind,
    /// The twelve permission bits, setuid, setgid and sticky included. No file type.
    pub mode: u32,
    /// To whom it belongs.
    pub owner: Owner,
    /// When its content was last changed.
    pub mtime: Timestamp,
    /// Extended attributes in the order of the archive, with the names that may not enter an image left out.
    pub xattrs: Vec<Xattr>,
}

/// The type of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file of so many bytes; bytes that no [`Content`] gives are holes and read as zero.
    File {
        /// The length in bytes, holes included.
        size: u64,
    },
    /// A directory.
    Directory,
    /// A symbolic link with its target as it is written; it may point anywhere and is never followed by an unpacker.
    Symlink {
        /// The target, at least one byte.
        target: Vec<u8>,
    },
    /// Another name of an entry that stands earlier in this layer or in a lower one.
    HardLink {
        /// The path of that entry, as a path of the image; see [`Change`].
        target: Vec<u8>,
    },
    /// A character device.
    CharDevice(Device),
    /// A block device.
    BlockDevice(Device),
    /// A named pipe.
    Fifo,
}

/// Bytes of a regular file.
///
/// The bytes themselves stand in the batch that the change came with, so that they are copied once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Where in the file the bytes belong; what is skipped is a hole.
    pub offset: u64,
    /// Where in the batch's bytes they are.
    pub range: Range<usize>,
}

/// The numbers of a device node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Device {
    /// The major number.
    pub major: u32,
    /// The minor number.
    pub minor: u32,
}

/// The numeric owner of an entry; names in the archive are ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// The user.
    pub uid: u32,
    /// The group.
    pub gid: u32,
}

/// A point in time since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp {
    /// Whole seconds, rounded towards the past.
    pub seconds: i64,
    /// Nanoseconds after `seconds`, below 1,000,000,000.
    pub nanoseconds: u32,
}

/// An extended attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Xattr {
    /// The full name with its namespace, such as `user.mime_type`.
    pub name: Vec<u8>,
    /// The value, of any bytes.
    pub value: Vec<u8>,
}
