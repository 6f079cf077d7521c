//! A private directory beside the destination, in which everything is made before it appears.

use crate::error::{Error, Result};
use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, RenameFlags};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// What the names of staging directories end in; they begin with `.` and the destination's name.
const SUFFIX: &str = ".portolan-partial";

/// A staging directory. It is removed with all its content when dropped.
///
/// Its descriptor is locked while it is in use, so that a later run can tell the directory of a dead run from that of
/// a running one.
#[derive(Debug)]
pub struct Staging {
    parent: OwnedFd,
    name: OsString,
    path: PathBuf,
    destination: PathBuf,
    root: OwnedFd,
}

impl Staging {
    /// Makes one for a destination that must not exist yet, or be an empty directory.
    ///
    /// Directories that dead runs for the same destination left behind are removed.
    ///
    /// # Errors
    /// [`Error::Destination`] when the destination is in the way; otherwise what the operating system says.
    pub fn new(destination: &Path) -> Result<Self> {
        check_free(destination)?;
        let refused = |reason: &str| Error::Destination { path: destination.to_owned(), reason: reason.to_owned() };
        let target = destination.file_name().ok_or_else(|| refused("it has no name of its own"))?;
        let parent_path = match destination.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        let parent = rustix::fs::open(&parent_path, flags, Mode::empty()).map_err(Error::os("open", &parent_path))?;
        remove_dead(&parent_path, target);

        let mut attempt = 0_u32;
        loop {
            let mut name = prefix(target);
            name.push(format!("{}-{attempt}{SUFFIX}", std::process::id()));
            let path = parent_path.join(&name);
            match fs::DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && attempt < 1000 => {
                    attempt += 1;
                    continue;
                }
                Err(error) => return Err(Error::io("create", path)(error)),
            }
            let open = rustix::fs::openat(&parent, &name, flags | OFlags::NOFOLLOW, Mode::empty());
            let root = open.map_err(Error::os("open", &path))?;
            // Not every file system locks; where this one does not, dead runs are not found and nothing else changes.
            let _ = rustix::fs::flock(&root, FlockOperation::NonBlockingLockExclusive);
            return Ok(Self { parent, name, path, destination: destination.to_owned(), root });
        }
    }

    /// The directory itself.
    pub fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    /// Where the directory is, for messages.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes a directory in it, for its owner alone.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn directory(&self, name: &str) -> Result<OwnedFd> {
        make_directory(self.root.as_fd(), name).map_err(Error::os("create", self.path.join(name)))
    }

    /// Moves one of its directories to the destination, at once, and removes what is left.
    ///
    /// # Errors
    /// [`Error::Destination`] when something has appeared at the destination in the meantime.
    pub fn publish(self, name: &str) -> Result<()> {
        let path = &self.destination;
        match rustix::fs::renameat_with(&self.root, name, rustix::fs::CWD, path, RenameFlags::NOREPLACE) {
            // An empty directory, or a file system that knows no flags: a plain rename replaces an empty directory only.
            Err(Errno::EXIST | Errno::INVAL | Errno::NOSYS) => {
                rustix::fs::renameat(&self.root, name, rustix::fs::CWD, path).map_err(|error| match error {
                    Errno::EXIST | Errno::NOTEMPTY | Errno::NOTDIR => Error::Destination {
                        path: path.clone(),
                        reason: "something else was put there in the meantime".to_owned(),
                    },
                    error => Error::os("create", path)(error),
                })
            }
            other => other.map_err(Error::os("create", path)),
        }
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        remove(self.parent.as_fd(), &self.name, &self.path);
    }
}

/// Makes and opens a directory for its owner alone.
pub(crate) fn make_directory(at: BorrowedFd<'_>, name: &str) -> rustix::io::Result<OwnedFd> {
    rustix::fs::mkdirat(at, name, Mode::RWXU)?;
    let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(at, name, flags, Mode::empty())
}

fn prefix(target: &OsStr) -> OsString {
    let mut name = OsString::from(".");
    // The whole name may be 255 bytes; the number and suffix need some of them.
    name.push(OsStr::from_bytes(&target.as_bytes()[..target.len().min(200)]));
    name.push(".");
    name
}

/// Fails unless the destination is absent or an empty directory.
fn check_free(destination: &Path) -> Result<()> {
    let refused = |reason: &str| Err(Error::Destination { path: destination.to_owned(), reason: reason.to_owned() });
    match fs::symlink_metadata(destination) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Error::io("look at", destination)(error)),
        Ok(metadata) if !metadata.is_dir() => refused("it exists and is not a directory"),
        Ok(_) => match fs::read_dir(destination).map_err(Error::io("read", destination))?.next() {
            None => Ok(()),
            Some(_) => refused("the directory is not empty"),
        },
    }
}

/// Removes the staging directories of dead runs for a destination. What cannot be removed stays: it is not ours to fail.
fn remove_dead(parent: &Path, target: &OsStr) {
    let prefix = prefix(target);
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(middle) =
            name.as_bytes().strip_prefix(prefix.as_bytes()).and_then(|rest| rest.strip_suffix(SUFFIX.as_bytes()))
        else {
            continue;
        };
        if middle.is_empty() || !middle.iter().all(|byte| byte.is_ascii_digit() || *byte == b'-') {
            continue;
        }
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let Ok(directory) = rustix::fs::open(entry.path(), flags, Mode::empty()) else { continue };
        if rustix::fs::flock(&directory, FlockOperation::NonBlockingLockExclusive).is_ok()
            && let Ok(parent_fd) = rustix::fs::open(parent, flags & !OFlags::NOFOLLOW, Mode::empty())
        {
            remove(parent_fd.as_fd(), &name, &entry.path());
        }
    }
}

/// Removes a staging directory. Directories of an image may have modes that lock out an owner without privileges: their
/// modes are opened first where the plain way fails.
fn remove(parent: BorrowedFd<'_>, name: &OsStr, path: &Path) {
    if rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW).is_err() {
        return;
    }
    if fs::remove_dir_all(path).is_err() {
        open_modes(path);
        let _ = fs::remove_dir_all(path);
    }
}

fn open_modes(path: &Path) {
    let mut pending = vec![path.to_owned()];
    while let Some(directory) = pending.pop() {
        let _ = fs::set_permissions(&directory, fs::Permissions::from_mode(0o700));
        let Ok(entries) = fs::read_dir(&directory) else { continue };
        pending.extend(
            entries
                .flatten()
                .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
                .map(|entry| entry.path()),
        );
    }
}
