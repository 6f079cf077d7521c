//! A private directory beside the destination, in which everything is made before it appears.

use crate::error::{Error, Result};
use crate::rootfs::open_beneath;
use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags, RenameFlags};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
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
            let root = match rustix::fs::openat(&parent, &name, flags | OFlags::NOFOLLOW, Mode::empty()) {
                Err(Errno::NOENT) if attempt < 1000 => {
                    attempt += 1;
                    continue;
                }
                other => other.map_err(Error::os("open", &path))?,
            };
            // Not every file system locks; where this one does not, dead runs are not found and nothing else changes.
            let locked = rustix::fs::flock(&root, FlockOperation::NonBlockingLockExclusive);
            // Before it was locked, another run may have taken it for that of a dead one.
            if attempt < 1000 && (locked == Err(Errno::WOULDBLOCK) || !stands_at(&root, parent.as_fd(), &name)) {
                attempt += 1;
                continue;
            }
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
        let moved = match self.rename(self.root.as_fd(), name.as_ref()) {
            Err(Errno::ACCESS) => self.rename_unwritable(name),
            other => other,
        };
        moved.map_err(|error| match error {
            Errno::EXIST | Errno::NOTEMPTY | Errno::NOTDIR => Error::Destination {
                path: self.destination.clone(),
                reason: "something else was put there in the meantime".to_owned(),
            },
            error => Error::os("create", &self.destination)(error),
        })
    }

    fn rename(&self, from: BorrowedFd<'_>, name: &OsStr) -> rustix::io::Result<()> {
        let path = &self.destination;
        match rustix::fs::renameat_with(from, name, rustix::fs::CWD, path, RenameFlags::NOREPLACE) {
            // An empty directory, or a file system that knows no flags: a plain rename replaces an empty directory only.
            Err(Errno::EXIST | Errno::INVAL | Errno::NOSYS) => rustix::fs::renameat(from, name, rustix::fs::CWD, path),
            other => other,
        }
    }

    /// Who is not root may move a directory to another parent only if its mode lets them write to it, and the root of
    /// many images has mode 0555. Within one parent they may: so it is first moved, writable, to a name beside the
    /// destination that a later run takes for that of a dead one, has its mode back there, and appears with it.
    fn rename_unwritable(&self, name: &str) -> rustix::io::Result<()> {
        let mode =
            Mode::from_raw_mode(rustix::fs::statat(&self.root, name, AtFlags::SYMLINK_NOFOLLOW)?.st_mode & 0o7777);
        rustix::fs::chmodat(&self.root, name, mode | Mode::RWXU, AtFlags::empty())?;
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory = rustix::fs::openat(&self.root, name, flags, Mode::empty())?;
        // A run that removes those of the dead leaves it alone as long as this one lives.
        let _ = rustix::fs::flock(&directory, FlockOperation::NonBlockingLockExclusive);
        let beside = self.move_beside(name)?;
        let moved = rustix::fs::fchmod(&directory, mode).and_then(|()| self.rename(self.parent.as_fd(), &beside));
        if moved.is_err() {
            remove(self.parent.as_fd(), &beside, &self.path.with_file_name(&beside), directory.as_fd());
        }
        moved
    }

    /// Moves one of its directories to a name of its own in the parent.
    fn move_beside(&self, name: &str) -> rustix::io::Result<OsString> {
        let middle = self.name.as_bytes().strip_suffix(SUFFIX.as_bytes()).unwrap_or(self.name.as_bytes());
        let mut attempt = 0_u32;
        loop {
            let mut beside = OsStr::from_bytes(middle).to_owned();
            beside.push(format!("-{attempt}{SUFFIX}"));
            // A plain rename replaces an empty directory only, which nobody has under such a name.
            match rustix::fs::renameat(&self.root, name, &self.parent, &beside) {
                Err(Errno::EXIST | Errno::NOTEMPTY | Errno::NOTDIR) if attempt < 1000 => attempt += 1,
                other => return other.map(|()| beside),
            }
        }
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        remove(self.parent.as_fd(), &self.name, &self.path, self.root.as_fd());
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
        Ok(metadata) => {
            if fs::read_dir(destination).map_err(Error::io("read", destination))?.next().is_some() {
                return refused("the directory is not empty");
            }
            // Nothing can be renamed onto a mount point, and that would show only when all the work is done.
            match fs::symlink_metadata(destination.join("..")) {
                Ok(above) if above.dev() != metadata.dev() => {
                    refused("it is a mount point, which cannot be replaced; name a directory below it")
                }
                _ => Ok(()),
            }
        }
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
            remove(parent_fd.as_fd(), &name, &entry.path(), directory.as_fd());
        }
    }
}

/// Removes a staging directory. Directories of an image may have modes that lock out an owner without privileges: their
/// modes are opened first where the plain way fails.
fn remove(parent: BorrowedFd<'_>, name: &OsStr, path: &Path, root: BorrowedFd<'_>) {
    if rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW).is_err() {
        return;
    }
    if fs::remove_dir_all(path).is_err() {
        open_modes(root);
        let _ = fs::remove_dir_all(path);
    }
}

/// Gives the owner all rights to a directory and those below. Through no link: whoever put one there would have the mode
/// of what it leads to changed (hostile input 11).
pub(crate) fn open_modes(root: BorrowedFd<'_>) {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut pending = vec![b".".to_vec()];
    while let Some(path) = pending.pop() {
        let Ok(node) = open_beneath(root, &path, flags) else { continue };
        let _ = rustix::fs::chmod(format!("/proc/self/fd/{}", node.as_raw_fd()), Mode::RWXU);
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        let Ok(directory) = rustix::fs::openat(&node, ".", flags, Mode::empty()) else { continue };
        let Ok(entries) = rustix::fs::Dir::read_from(&directory) else { continue };
        for entry in entries.flatten() {
            let name = entry.file_name().to_bytes();
            let may_be_directory = matches!(entry.file_type(), FileType::Directory | FileType::Unknown);
            if may_be_directory && name != b"." && name != b".." {
                pending.push([&path, name].join(&b'/'));
            }
        }
    }
}

/// Whether a directory still stands under a name.
fn stands_at(directory: &OwnedFd, parent: BorrowedFd<'_>, name: &OsStr) -> bool {
    let found = rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW);
    let node = |stat: rustix::fs::Stat| (stat.st_dev, stat.st_ino);
    found.ok().map(node) == rustix::fs::fstat(directory).ok().map(node)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o7777
    }

    /// Hostile input 11.
    #[test]
    fn modes_are_opened_through_no_link() {
        let scratch = tempfile::tempdir().unwrap();
        let (staging, outside) = (scratch.path().join("staging"), scratch.path().join("outside"));
        for directory in [staging.join("a/b"), outside.join("below")] {
            fs::create_dir_all(directory).unwrap();
        }
        for link in [staging.join("link"), staging.join("a/b/link")] {
            std::os::unix::fs::symlink(&outside, link).unwrap();
        }
        let closed = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o0)).unwrap();
        closed(&staging.join("a/b"));
        closed(&staging.join("a"));
        fs::set_permissions(&outside, fs::Permissions::from_mode(0o755)).unwrap();
        open_modes(fs::File::open(&staging).unwrap().as_fd());
        assert_eq!((mode(&staging.join("a")), mode(&staging.join("a/b"))), (0o700, 0o700));
        assert_eq!((mode(&outside), mode(&outside.join("below"))), (0o755, 0o755));
    }

    /// Hostile input 47: whoever kills the run at any moment finds no root, or one with its mode.
    #[test]
    fn an_unwritable_directory_appears_with_its_mode() {
        // One that no directory has on its way to its name.
        const REMOVING: u32 = 0o711;
        let scratch = tempfile::tempdir().unwrap();
        let destination = scratch.path().join("dest");
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            let watcher = scope.spawn(|| {
                let mut modes = std::collections::BTreeSet::new();
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    modes.extend(destination.symlink_metadata().map(|found| found.permissions().mode() & 0o7777));
                }
                modes
            });
            for _ in 0..500 {
                let staging = Staging::new(&destination).unwrap();
                drop(staging.directory("rootfs").unwrap());
                fs::write(staging.path().join("rootfs/file"), "").unwrap();
                fs::set_permissions(staging.path().join("rootfs"), fs::Permissions::from_mode(0o555)).unwrap();
                staging.rename_unwritable("rootfs").unwrap();
                drop(staging);
                assert_eq!(mode(&destination), 0o555);
                assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1);
                let aside = scratch.path().join("aside");
                fs::rename(&destination, &aside).unwrap();
                fs::set_permissions(&aside, fs::Permissions::from_mode(REMOVING)).unwrap();
                fs::remove_dir_all(&aside).unwrap();
            }
            done.store(true, std::sync::atomic::Ordering::Relaxed);
            let mut seen = watcher.join().unwrap();
            // Whoever has found the name before it was taken away may look at the directory after.
            seen.remove(&REMOVING);
            assert_eq!(Vec::from_iter(seen), [0o555]);
        });
    }

    #[test]
    fn an_unwritable_directory_that_cannot_appear_is_removed() {
        let scratch = tempfile::tempdir().unwrap();
        let destination = scratch.path().join("dest");
        let staging = Staging::new(&destination).unwrap();
        drop(staging.directory("rootfs").unwrap());
        fs::set_permissions(staging.path().join("rootfs"), fs::Permissions::from_mode(0o555)).unwrap();
        fs::create_dir(&destination).unwrap();
        fs::write(destination.join("theirs"), "").unwrap();
        assert!(staging.rename_unwritable("rootfs").is_err());
        drop(staging);
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1);
        assert!(destination.join("theirs").exists());
    }

    #[test]
    fn the_staging_directory_of_a_running_process_is_left_alone_and_that_of_a_dead_one_removed() {
        let scratch = tempfile::tempdir().unwrap();
        let destination = scratch.path().join("dest");
        let dead = scratch.path().join(".dest.1-0.portolan-partial");
        let foreign = scratch.path().join(".dest.x.portolan-partial");
        for directory in [dead.join("rootfs/a"), foreign.clone()] {
            fs::create_dir_all(directory).unwrap();
        }
        let running = Staging::new(&destination).unwrap();
        assert!(!dead.exists() && foreign.exists());
        let other = Staging::new(&destination).unwrap();
        assert!(running.path().exists() && other.path().exists());
        drop((running, other));
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1);
    }
}
