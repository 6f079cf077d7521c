//! Opening the parents of paths, beneath the root and never through a symbolic link.

use super::{at, borrow, os_str, split};
use crate::error::Result;
use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::os::fd::{BorrowedFd, OwnedFd};

/// The root and the directory that was opened last: a walk stays in one directory for many names.
pub(super) struct Parents {
    root: OwnedFd,
    last: Option<(Vec<u8>, OwnedFd)>,
}

impl Parents {
    pub(super) fn new(root: OwnedFd) -> Self {
        Self { root, last: None }
    }

    /// The directory in which a path stands, and its name there.
    pub(super) fn open<'p>(&mut self, path: &'p [u8]) -> Result<(BorrowedFd<'_>, &'p OsStr)> {
        let (directory, name) = split(path);
        Ok((self.directory(directory)?, name))
    }

    /// A directory by its path.
    pub(super) fn directory(&mut self, path: &[u8]) -> Result<BorrowedFd<'_>> {
        if path.is_empty() {
            return Ok(borrow(&self.root));
        }
        if self.last.as_ref().is_none_or(|(last, _)| last != path) {
            let fd = open_beneath(borrow(&self.root), path, DIRECTORY).map_err(at("open", path))?;
            self.last = Some((path.to_owned(), fd));
        }
        Ok(self.last.as_ref().map_or(borrow(&self.root), |(_, fd)| borrow(fd)))
    }
}

const DIRECTORY: OFlags = OFlags::DIRECTORY.union(OFlags::RDONLY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// To be passed through takes no right to read.
const ABOVE: OFlags = OFlags::DIRECTORY.union(OFlags::PATH).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Opens something beneath a directory, with every component on the way a real directory and no link at its end.
pub(crate) fn open_beneath(root: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let resolve =
        ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV;
    let flags = flags | OFlags::NOFOLLOW;
    match rustix::fs::openat2(root, os_str(path), flags, Mode::empty(), resolve) {
        // Kernels before 5.6, sandboxes that do not know the call, and paths longer than the kernel takes at once.
        Err(Errno::NOSYS | Errno::PERM | Errno::NAMETOOLONG) => walk(root, path, flags),
        other => other,
    }
}

/// The same, one component at a time.
fn walk(root: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let mut directory: Option<OwnedFd> = None;
    let (above, name) = split(path);
    for component in above.split(|&byte| byte == b'/').filter(|component| !component.is_empty()) {
        let at = directory.as_ref().map_or(root, borrow);
        directory = Some(rustix::fs::openat(at, os_str(component), ABOVE, Mode::empty())?);
    }
    let at = directory.as_ref().map_or(root, borrow);
    rustix::fs::openat(at, name, flags | OFlags::NOFOLLOW, Mode::empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both ways refuse a symbolic link in the middle and at the end, and reach a real directory.
    #[test]
    fn no_way_follows_a_symbolic_link() {
        let scratch = std::env::temp_dir().join(format!("portolan-parents-{}", std::process::id()));
        std::fs::create_dir_all(scratch.join("root/a/b")).unwrap();
        std::fs::create_dir_all(scratch.join("outside/b")).unwrap();
        std::fs::write(scratch.join("root/a/b/file"), "").unwrap();
        std::fs::write(scratch.join("outside/b/file"), "").unwrap();
        std::os::unix::fs::symlink("../outside", scratch.join("root/link")).unwrap();
        std::os::unix::fs::symlink("file", scratch.join("root/a/b/file-link")).unwrap();
        let root = rustix::fs::open(scratch.join("root"), DIRECTORY, Mode::empty()).unwrap();
        for way in [open_beneath, walk] {
            assert!(way(borrow(&root), b"a/b", DIRECTORY).is_ok());
            assert!(way(borrow(&root), b"link", DIRECTORY).is_err());
            assert!(way(borrow(&root), b"link/b", DIRECTORY).is_err());
            let file = OFlags::RDONLY | OFlags::CLOEXEC;
            assert!(way(borrow(&root), b"a/b/file", file).is_ok());
            assert!(way(borrow(&root), b"a/b/file-link", file).is_err());
            assert!(way(borrow(&root), b"link/b/file", file).is_err());
        }
        assert_eq!(open_beneath(borrow(&root), b"../outside", DIRECTORY).unwrap_err(), Errno::XDEV);
        std::fs::remove_dir_all(scratch).unwrap();
    }
}
