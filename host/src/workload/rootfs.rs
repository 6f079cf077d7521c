//! The file system of a guest: a copy of its image's for it alone, gone when it ends.
//!
//! A copy and not a directory that several share: should a guest find a way to write where it may only read (row 58), it
//! reaches nothing that anybody else sees.

use crate::error::{Error, Result};
use crate::layers::Layers;
use crate::manifest;
use crate::rootfs::Privileges;
use crate::runtime::Workload;
use crate::unpack::{self, Options};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

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

    /// The directory that is to be removed when nothing else does it, such as at a signal.
    #[must_use]
    pub fn holder(&self) -> &Path {
        self.directory.path()
    }
}

/// Makes absolute links relative: WASI refuses to follow the others, and its root is this directory.
fn make_relative(directory: &Path, depth: usize) -> std::io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        if kind.is_dir() {
            // Without privileges a directory may be closed even to its owner: the guest cannot enter it either.
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
    Ok(())
}
