//! Owners, extended attributes, modes and times, in the order in which none undoes another.

use crate::error::{Error, Result};
use crate::layer::{Entry, Kind, Timestamp, Xattr};
use crate::tree::Node;
use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Timespec, Timestamps, Uid, XattrFlags};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;

/// Where owners are recorded that cannot be given, as umoci and rootless containers read them.
const ROOTLESS_XATTR: &str = "user.rootlesscontainers";

/// What may be done with the privileges at hand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Privileges {
    /// Owners are recorded rather than given, and devices left out.
    pub rootless: bool,
    /// What privileges are missing for is left out and reported, instead of an error.
    pub keep_going: bool,
    /// Nothing that would give rights to whoever comes across it is made: no setuid and setgid bits, no capabilities and
    /// no devices (hostile input 45). What is left out is reported.
    pub strip: bool,
}

/// What could not be set, in a word each; or what failed.
pub(super) type Lost = std::result::Result<Vec<&'static str>, (&'static str, Errno)>;

/// What failed, if anything.
type Done = std::result::Result<(), (&'static str, Errno)>;

impl Privileges {
    /// Whether no devices are made.
    pub(super) fn omit_devices(&self) -> bool {
        self.rootless || self.strip
    }

    /// Reports what was lost, or fails for it.
    pub(super) fn settle(&self, lost: Lost, path: &[u8], report: &mut Vec<String>) -> Result<()> {
        let path = crate::text::path(path);
        match lost {
            Ok(lost) => report.extend(lost.into_iter().map(|what| format!("{path}: {what}"))),
            Err((what, Errno::PERM | Errno::ACCESS | Errno::OPNOTSUPP)) if self.keep_going => {
                report.push(format!("{path}: {what}"));
            }
            Err((action, error)) => return Err(Error::Privilege { path, action, source: error.into() }),
        }
        Ok(())
    }
}

/// Everything about a file beside its type and content.
#[derive(Clone, Debug)]
pub struct Attributes {
    uid: u32,
    gid: u32,
    mode: u32,
    mtime: Timestamp,
    xattrs: Vec<Xattr>,
}

impl Attributes {
    /// Those of a node of a tree.
    #[must_use]
    pub fn of(node: &Node) -> Self {
        Self { uid: node.uid, gid: node.gid, mode: node.mode, mtime: node.mtime, xattrs: node.xattrs.clone() }
    }

    /// Those of an entry of a layer.
    #[must_use]
    pub fn of_entry(entry: &Entry) -> Self {
        debug_assert!(!matches!(entry.kind, Kind::HardLink(_)));
        Self { uid: entry.uid, gid: entry.gid, mode: entry.mode, mtime: entry.mtime, xattrs: entry.xattrs.clone() }
    }

    /// Sets them on an open file or directory. A change of owner clears setuid bits and capabilities, so the owner
    /// comes first, and writing attributes needs a mode that allows it, so the mode comes late.
    ///
    /// # Errors
    /// What the operating system says and is no matter of privileges.
    pub(super) fn apply(&self, file: BorrowedFd<'_>, privileges: &Privileges) -> rustix::io::Result<Vec<&'static str>> {
        let mut lost = Vec::new();
        if privileges.rootless {
            if let Some(record) = self.rootless_record()
                && tolerate(rustix::fs::fsetxattr(file, ROOTLESS_XATTR, &record, XattrFlags::empty()))?.is_none()
            {
                lost.push("owner");
            }
        } else if (self.uid, self.gid) != (0, 0) {
            let owned = rustix::fs::fchown(file, Some(Uid::from_raw(self.uid)), Some(Gid::from_raw(self.gid)));
            if privileged(owned, privileges)?.is_none() {
                lost.push("owner");
            }
        }
        for xattr in self.kept_xattrs(privileges, &mut lost) {
            let set = rustix::fs::fsetxattr(file, name(xattr), &xattr.value, XattrFlags::empty());
            if allowed(set, xattr, privileges)?.is_none() {
                lost.push("extended attribute");
            }
        }
        rustix::fs::fchmod(file, self.kept_mode(privileges, &mut lost))?;
        rustix::fs::futimens(file, &self.times())?;
        Ok(lost)
    }

    /// Sets those that a symbolic link has: owner, privileged attributes and times.
    pub(super) fn apply_to_link(&self, parent: BorrowedFd<'_>, link: &OsStr, privileges: &Privileges) -> Lost {
        let mut lost = Vec::new();
        self.owner_by_name(parent, link, privileges)?;
        self.xattrs_by_name(parent, link, privileges, &mut lost)?;
        self.times_by_name(parent, link)?;
        Ok(lost)
    }

    /// Sets those of a device or named pipe, which cannot be opened without effect.
    pub(super) fn apply_to_special(&self, parent: BorrowedFd<'_>, special: &OsStr, privileges: &Privileges) -> Lost {
        let mut lost = Vec::new();
        self.owner_by_name(parent, special, privileges)?;
        self.xattrs_by_name(parent, special, privileges, &mut lost)?;
        set_mode(parent, special, self.kept_mode(privileges, &mut lost)).map_err(|error| ("set the mode", error))?;
        self.times_by_name(parent, special)?;
        Ok(lost)
    }

    fn owner_by_name(&self, parent: BorrowedFd<'_>, name: &OsStr, privileges: &Privileges) -> Done {
        if privileges.rootless || (self.uid, self.gid) == (0, 0) {
            return Ok(());
        }
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
        rustix::fs::chownat(parent, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|error| ("set the owner", error))
    }

    fn times_by_name(&self, parent: BorrowedFd<'_>, name: &OsStr) -> Done {
        rustix::fs::utimensat(parent, name, &self.times(), AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|error| ("set the time", error))
    }

    fn xattrs_by_name(
        &self,
        parent: BorrowedFd<'_>,
        file: &OsStr,
        privileges: &Privileges,
        lost: &mut Vec<&'static str>,
    ) -> Done {
        if self.xattrs.is_empty() {
            return Ok(());
        }
        let mut path = format!("/proc/self/fd/{}/", parent.as_raw_fd()).into_bytes();
        path.extend_from_slice(file.as_bytes());
        for xattr in self.kept_xattrs(privileges, lost) {
            let set = rustix::fs::lsetxattr(OsStr::from_bytes(&path), name(xattr), &xattr.value, XattrFlags::empty());
            match allowed(set, xattr, privileges) {
                Ok(Some(())) => {}
                Ok(None) => lost.push("extended attribute"),
                Err(error) => return Err(("set an extended attribute", error)),
            }
        }
        Ok(())
    }

    /// The mode that is given, and what is left out of it.
    fn kept_mode(&self, privileges: &Privileges, lost: &mut Vec<&'static str>) -> Mode {
        let mut mode = self.mode & 0o7777;
        if privileges.strip {
            for (bit, what) in [(0o4000, "setuid"), (0o2000, "setgid")] {
                if mode & bit != 0 {
                    mode &= !bit;
                    lost.push(what);
                }
            }
        }
        Mode::from_raw_mode(mode)
    }

    /// The attributes that are given, and what is left out of them.
    fn kept_xattrs(
        &self,
        privileges: &Privileges,
        lost: &mut Vec<&'static str>,
    ) -> impl Iterator<Item = &Xattr> + use<'_> {
        let strip = privileges.strip;
        let is_privilege = move |xattr: &Xattr| strip && xattr.name == b"security.capability";
        if self.xattrs.iter().any(is_privilege) {
            lost.push("security.capability");
        }
        self.xattrs.iter().filter(move |xattr| !is_privilege(xattr))
    }

    fn times(&self) -> Timestamps {
        let time = Timespec { tv_sec: self.mtime.seconds, tv_nsec: self.mtime.nanoseconds.into() };
        Timestamps { last_access: time, last_modification: time }
    }

    /// The owner as the message `Resource { uint32 uid = 1; uint32 gid = 2; }` of rootlesscontainers.proto; nothing for
    /// root, which is the default.
    fn rootless_record(&self) -> Option<Vec<u8>> {
        let mut record = Vec::new();
        for (tag, mut value) in [(0x08, self.uid), (0x10, self.gid)] {
            if value != 0 {
                record.push(tag);
                while value >= 0x80 {
                    record.push(0x80 | (value & 0x7f) as u8);
                    value >>= 7;
                }
                record.push(value as u8);
            }
        }
        (!record.is_empty()).then_some(record)
    }
}

/// Sets the mode of a device or named pipe. There is no call that takes a name and does not follow a link there, and no
/// opening of such a file for its content; so the node itself is held, and must still be none that leads elsewhere.
fn set_mode(parent: BorrowedFd<'_>, name: &OsStr, mode: Mode) -> rustix::io::Result<()> {
    let node = rustix::fs::openat(parent, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
    match FileType::from_raw_mode(rustix::fs::fstat(&node)?.st_mode) {
        FileType::Fifo | FileType::CharacterDevice | FileType::BlockDevice => {
            rustix::fs::chmod(format!("/proc/self/fd/{}", node.as_raw_fd()), mode)
        }
        _ => Err(Errno::LOOP),
    }
}

fn name(xattr: &Xattr) -> &OsStr {
    OsStr::from_bytes(&xattr.name)
}

/// Nothing where an attribute could not be set and that is to be reported. That holds for all `user.` ones: a file system
/// may have none, and the kernel allows none on a link.
fn allowed(set: rustix::io::Result<()>, xattr: &Xattr, privileges: &Privileges) -> rustix::io::Result<Option<()>> {
    if privileges.rootless || xattr.name.starts_with(b"user.") { tolerate(set) } else { privileged(set, privileges) }
}

/// Nothing where a privilege is missing and that is to be reported.
fn privileged<T>(result: rustix::io::Result<T>, privileges: &Privileges) -> rustix::io::Result<Option<T>> {
    if privileges.keep_going { tolerate(result) } else { result.map(Some) }
}

/// Nothing where a privilege or a feature of the file system is missing.
fn tolerate<T>(result: rustix::io::Result<T>) -> rustix::io::Result<Option<T>> {
    match result {
        Err(Errno::PERM | Errno::ACCESS | Errno::OPNOTSUPP) => Ok(None),
        other => other.map(Some),
    }
}

/// The handle of a file for the calls above.
pub(super) fn handle(file: &std::fs::File) -> BorrowedFd<'_> {
    file.as_fd()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(uid: u32, gid: u32) -> Option<Vec<u8>> {
        let mtime = Timestamp { seconds: 0, nanoseconds: 0 };
        Attributes { uid, gid, mode: 0, mtime, xattrs: Vec::new() }.rootless_record()
    }

    #[test]
    fn owners_are_recorded_as_protocol_buffers() {
        assert_eq!(record(0, 0), None);
        assert_eq!(record(1, 0), Some(vec![0x08, 1]));
        assert_eq!(record(0, 300), Some(vec![0x10, 0xac, 0x02]));
        assert_eq!(record(1000, 100), Some(vec![0x08, 0xe8, 0x07, 0x10, 100]));
    }
}
