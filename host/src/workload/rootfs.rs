//! The file system of a guest: a copy of its image's for it alone, gone when it ends.
//!
//! A copy and not a directory that several share: should a guest find a way to write where it may only read (row 58), it
//! reaches nothing that anybody else sees.

use super::Workload;
use crate::error::{Error, Result};
use crate::layers::Layers;
use crate::manifest;
use crate::rootfs::Privileges;
use crate::staging;
use crate::unpack::{self, Options};
use std::fs::{File, Permissions};
use std::os::fd::AsFd as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The rights of an owner to a directory.
const OWNER: u32 = 0o700;

/// A directory that is removed with this.
#[derive(Debug)]
pub struct Rootfs {
    directory: TempDir,
    pub(super) is_writable: bool,
}

impl Rootfs {
    /// The file system that a workload asks for; nothing for a program that comes alone.
    pub(super) fn of(layers: &Layers<'_>, workload: &Workload, is_writable: bool) -> Result<Option<Self>> {
        if !workload.rootfs && workload.files.is_empty() && !is_writable {
            return Ok(None);
        }
        // Made for this user alone, mode 0700.
        let directory = TempDir::with_prefix("portolan-").map_err(Error::io("create", std::env::temp_dir()))?;
        let rootfs = Self { directory, is_writable };
        let path = rootfs.path();
        if workload.rootfs {
            let privileges = Privileges { rootless: true, keep_going: true, strip: true };
            unpack::unpack(layers, &path, &Options { bundle: false, privileges, only: None })?;
            make_relative(&path, 0).map_err(Error::io("read", &path))?;
        } else {
            std::fs::create_dir(&path).map_err(Error::io("create", &path))?;
        }
        for file in &workload.files {
            let bytes = manifest::fetch(layers.toolkit, layers.source, &file.content, "wasm-bytes")?;
            let target = path.join(&file.path);
            let parent = target.parent().unwrap_or(&path);
            std::fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
            std::fs::write(&target, bytes).map_err(Error::io("write", &target))?;
        }
        Ok(Some(rootfs))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.directory.path().join("rootfs")
    }

    /// Removes it before its time, as when a signal ends the process and nothing else would.
    pub fn remove(&self) {
        let directory = self.directory.path();
        if std::fs::remove_dir_all(directory).is_ok() {
            return;
        }
        // An image may close directories even to their owner.
        if let Ok(root) = File::open(directory) {
            staging::open_modes(root.as_fd());
        }
        let _ = std::fs::remove_dir_all(directory);
    }
}

impl Drop for Rootfs {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Makes absolute links relative: WASI refuses to follow the others, and its root is this directory.
///
/// A directory that is closed to its owner is open meanwhile. Nobody else works in this one, and no guest yet.
fn make_relative(directory: &Path, depth: usize) -> std::io::Result<()> {
    let mode = std::fs::symlink_metadata(directory)?.mode() & 0o7777;
    let is_closed = mode & OWNER != OWNER;
    if is_closed {
        std::fs::set_permissions(directory, Permissions::from_mode(mode | OWNER))?;
    }
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        if kind.is_dir() {
            // What lies too deep to be named cannot be reached by the guest either.
            let _ = make_relative(&path, depth + 1);
        } else if kind.is_symlink() {
            let target = std::fs::read_link(&path)?;
            if let Ok(inside) = target.strip_prefix("/") {
                let up: PathBuf = std::iter::repeat_n("..", depth).collect();
                let relative = up.join(inside);
                let relative = if relative.as_os_str().is_empty() { PathBuf::from(".") } else { relative };
                std::fs::remove_file(&path)?;
                std::os::unix::fs::symlink(relative, &path)?;
            }
        }
    }
    if is_closed {
        std::fs::set_permissions(directory, Permissions::from_mode(mode))?;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_the_same_place_from_directories_that_are_closed_too() {
        let scratch = tempfile::tempdir().unwrap();
        let closed = scratch.path().join("a/closed");
        std::fs::create_dir_all(&closed).unwrap();
        for (link, target) in [("absolute", "/a/file"), ("root", "/"), ("relative", "../file")] {
            std::os::unix::fs::symlink(target, closed.join(link)).unwrap();
        }
        std::fs::set_permissions(&closed, Permissions::from_mode(0o555)).unwrap();
        make_relative(scratch.path(), 0).unwrap();
        let target = |link: &str| std::fs::read_link(closed.join(link)).unwrap();
        assert_eq!(target("absolute"), Path::new("../../a/file"));
        assert_eq!(target("root"), Path::new("../../"));
        assert_eq!(target("relative"), Path::new("../file"));
        assert_eq!(closed.metadata().unwrap().mode() & 0o7777, 0o555);
    }

    #[test]
    fn nothing_stays_of_directories_that_are_closed_to_their_owner() {
        let directory = TempDir::new().unwrap();
        let rootfs = Rootfs { directory, is_writable: false };
        std::fs::create_dir_all(rootfs.path().join("a/b")).unwrap();
        std::fs::write(rootfs.path().join("a/b/file"), "").unwrap();
        std::fs::set_permissions(rootfs.path().join("a/b"), Permissions::from_mode(0o0)).unwrap();
        std::fs::set_permissions(rootfs.path().join("a"), Permissions::from_mode(0o555)).unwrap();
        let holder = rootfs.directory.path().to_owned();
        drop(rootfs);
        assert!(!holder.exists());
    }
}
