//! One entry of an archive, and the choices of how it is written.

use super::{BLOCK, Builder, header, pax};
use std::fmt;

/// How a name or link target that exceeds its 100 bytes is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Long {
    /// As a PAX record `path` or `linkpath`; the header holds a cut form.
    #[default]
    Pax,
    /// As a GNU `L` or `K` entry before the header.
    Gnu,
    /// In the ustar prefix field, where a slash allows it.
    Prefix,
    /// Cut off at 100 bytes, with nothing to tell the rest.
    Cut,
}

/// How a number that exceeds its octal field is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Numbers {
    /// As a PAX record; the header holds zero.
    #[default]
    Pax,
    /// In base 256, as GNU tar does; every number that fits stays octal.
    Base256,
    /// In base 256, even where octal would do.
    AlwaysBase256,
}

/// The eight bytes that name the dialect of a header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Magic {
    /// POSIX: `ustar\0` `00`.
    #[default]
    Ustar,
    /// Old GNU: `ustar  \0`.
    Gnu,
    /// Nothing, as before POSIX.
    V7,
    /// Any other.
    Raw([u8; 8]),
}

impl Magic {
    /// The bytes at offset 257.
    #[must_use]
    pub fn bytes(self) -> [u8; 8] {
        match self {
            Self::Ustar => *b"ustar\x0000",
            Self::Gnu => *b"ustar  \0",
            Self::V7 => [0; 8],
            Self::Raw(bytes) => bytes,
        }
    }
}

/// The checksum of a header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Checksum {
    /// The sum of the bytes, which every reader accepts.
    #[default]
    Right,
    /// The sum of the bytes taken as signed, as some old writers made it.
    Signed,
    /// The right sum plus one.
    Wrong,
    /// Eight bytes as given.
    Raw([u8; 8]),
}

type Change = Box<dyn FnOnce(&mut [u8; BLOCK])>;

/// One entry; the short constructors give an ordinary one, every method changes one thing about it.
#[derive(Default)]
pub struct Entry {
    pub(super) name: Vec<u8>,
    pub(super) typeflag: u8,
    pub(super) mode: u64,
    pub(super) uid: u64,
    pub(super) gid: u64,
    pub(super) size: Option<i128>,
    pub(super) mtime: i64,
    pub(super) link: Vec<u8>,
    pub(super) device: Option<(u32, u32)>,
    pub(super) uname: Vec<u8>,
    pub(super) gname: Vec<u8>,
    pub(super) magic: Magic,
    pub(super) numbers: Numbers,
    pub(super) long: Long,
    pub(super) checksum: Checksum,
    pub(super) between: Vec<u8>,
    content: Vec<u8>,
    pax: Vec<(Vec<u8>, Vec<u8>)>,
    pax_raw: Option<Vec<u8>>,
    unpadded: bool,
    change: Option<Change>,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (flag, name) = (char::from(self.typeflag), String::from_utf8_lossy(&self.name));
        write!(f, "Entry({flag:?} {name:?}, {} bytes)", self.content.len())
    }
}

impl Entry {
    /// An entry of any type flag.
    #[must_use]
    pub fn new(typeflag: u8, name: impl AsRef<[u8]>) -> Self {
        let mode = match typeflag {
            b'5' => 0o755,
            b'2' => 0o777,
            _ => 0o644,
        };
        Self { name: name.as_ref().to_vec(), typeflag, mode, mtime: Builder::EPOCH, ..Self::default() }
    }

    /// A regular file.
    #[must_use]
    pub fn file(name: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Self {
        Self::new(b'0', name).content(content)
    }

    /// A directory.
    #[must_use]
    pub fn dir(name: impl AsRef<[u8]>) -> Self {
        Self::new(b'5', name)
    }

    /// A symbolic link.
    #[must_use]
    pub fn symlink(name: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Self {
        Self::new(b'2', name).link(target)
    }

    /// A hard link.
    #[must_use]
    pub fn hardlink(name: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Self {
        Self::new(b'1', name).link(target)
    }

    /// A FIFO.
    #[must_use]
    pub fn fifo(name: impl AsRef<[u8]>) -> Self {
        Self::new(b'6', name)
    }

    /// A character device.
    #[must_use]
    pub fn char_device(name: impl AsRef<[u8]>, major: u32, minor: u32) -> Self {
        Self::new(b'3', name).device(major, minor)
    }

    /// A block device.
    #[must_use]
    pub fn block_device(name: impl AsRef<[u8]>, major: u32, minor: u32) -> Self {
        Self::new(b'4', name).device(major, minor)
    }

    /// An entry that only carries data for the next one: `x`, `g`, `L`, `K`.
    #[must_use]
    pub fn extension(typeflag: u8, body: impl AsRef<[u8]>) -> Self {
        let (name, magic): (&[u8], _) = match typeflag {
            b'L' | b'K' => (b"././@LongLink", Magic::Gnu),
            b'g' => (b"pax_global_header", Magic::Ustar),
            _ => (b"PaxHeaders/entry", Magic::Ustar),
        };
        Self::new(typeflag, name).magic(magic).mtime(0).content(body)
    }

    /// Sets the data.
    #[must_use]
    pub fn content(mut self, content: impl AsRef<[u8]>) -> Self {
        self.content = content.as_ref().to_vec();
        self
    }

    /// Sets the mode field, all of it.
    #[must_use]
    pub fn mode(mut self, mode: u64) -> Self {
        self.mode = mode;
        self
    }

    /// Sets uid and gid.
    #[must_use]
    pub fn owner(mut self, uid: u64, gid: u64) -> Self {
        (self.uid, self.gid) = (uid, gid);
        self
    }

    /// Sets the names of owner and group.
    #[must_use]
    pub fn names(mut self, uname: impl AsRef<[u8]>, gname: impl AsRef<[u8]>) -> Self {
        (self.uname, self.gname) = (uname.as_ref().to_vec(), gname.as_ref().to_vec());
        self
    }

    /// Sets the size the header states, whatever the data; the data is still written in full.
    #[must_use]
    pub fn size(mut self, size: i128) -> Self {
        self.size = Some(size);
        self
    }

    /// Sets the mtime in seconds since 1970; before that and beyond year 2242 it needs [`Numbers`].
    #[must_use]
    pub fn mtime(mut self, seconds: i64) -> Self {
        self.mtime = seconds;
        self
    }

    /// Sets the mtime with nanoseconds, by a PAX record.
    ///
    /// The value is `seconds + nanos / 10^9`, so -1.25 s is `(-2, 750_000_000)`.
    #[must_use]
    pub fn mtime_nanos(self, seconds: i64, nanos: u32) -> Self {
        let value = if seconds < 0 && nanos > 0 {
            format!("-{}.{:09}", -(seconds + 1), 1_000_000_000 - nanos)
        } else {
            format!("{seconds}.{nanos:09}")
        };
        self.mtime(seconds.max(0)).pax("mtime", value)
    }

    /// Sets the link target.
    #[must_use]
    pub fn link(mut self, target: impl AsRef<[u8]>) -> Self {
        self.link = target.as_ref().to_vec();
        self
    }

    /// Sets the device numbers.
    #[must_use]
    pub fn device(mut self, major: u32, minor: u32) -> Self {
        self.device = Some((major, minor));
        self
    }

    /// Sets the dialect.
    #[must_use]
    pub fn magic(mut self, magic: Magic) -> Self {
        self.magic = magic;
        self
    }

    /// Sets how great numbers are written.
    #[must_use]
    pub fn numbers(mut self, numbers: Numbers) -> Self {
        self.numbers = numbers;
        self
    }

    /// Sets how long names are written.
    #[must_use]
    pub fn long(mut self, long: Long) -> Self {
        self.long = long;
        self
    }

    /// Adds a PAX record; key and value are bytes, so that wrong ones can be made.
    #[must_use]
    pub fn pax(mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.pax.push((key.as_ref().to_vec(), value.as_ref().to_vec()));
        self
    }

    /// Replaces the PAX body by these bytes.
    #[must_use]
    pub fn pax_raw(mut self, body: impl AsRef<[u8]>) -> Self {
        self.pax_raw = Some(body.as_ref().to_vec());
        self
    }

    /// Adds an extended attribute as `SCHILY.xattr.NAME`, the value raw.
    #[must_use]
    pub fn xattr(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.pax(format!("SCHILY.xattr.{name}"), value)
    }

    /// Adds an extended attribute as `LIBARCHIVE.xattr.NAME`, the value in Base64 without padding.
    #[must_use]
    pub fn xattr_libarchive(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.pax(format!("LIBARCHIVE.xattr.{name}"), pax::base64(value.as_ref()))
    }

    /// Leaves out the zeros that fill the data's last block.
    #[must_use]
    pub fn unpadded(mut self) -> Self {
        self.unpadded = true;
        self
    }

    /// Sets the checksum.
    #[must_use]
    pub fn checksum(mut self, checksum: Checksum) -> Self {
        self.checksum = checksum;
        self
    }

    /// Changes the finished header block; the checksum is made after it.
    #[must_use]
    pub fn header(mut self, change: impl FnOnce(&mut [u8; BLOCK]) + 'static) -> Self {
        self.change = Some(Box::new(change));
        self
    }

    /// The bytes of the entry with its extension entries and padding.
    #[must_use]
    pub fn to_bytes(self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    pub(super) fn write(mut self, out: &mut Vec<u8>) {
        let mut records = std::mem::take(&mut self.pax);
        let size = self.size.unwrap_or(self.content.len() as i128);
        let (mut block, extensions) = header::block(&self, size, &mut records);
        for (flag, body) in extensions {
            Self::extension(flag, body).write(out);
        }
        if let Some(body) = self.pax_raw.take() {
            Self::extension(b'x', body).write(out);
        } else if !records.is_empty() {
            Self::extension(b'x', pax::records(records)).write(out);
        }
        if let Some(change) = self.change.take() {
            change(&mut block);
        }
        header::seal(&mut block, self.checksum);
        out.extend_from_slice(&block);
        out.extend_from_slice(&self.between);
        out.extend_from_slice(&self.content);
        if !self.unpadded {
            out.resize(out.len() + self.content.len().next_multiple_of(BLOCK) - self.content.len(), 0);
        }
    }
}
