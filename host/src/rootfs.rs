//! Carrying out the plan of a tree beneath a directory handle.
//!
//! Regular files are written as they are decoded, under numbers in a directory of their own ([`Objects`]); when all
//! layers are verified and merged, each is moved to its name ([`Rootfs`]). No path is ever resolved through a symbolic
//! link: the tree has only real directories as parents, and the kernel is asked to insist on it.

mod attributes;
mod objects;
mod parents;

use crate::error::{Error, Result};
use crate::layer::Kind;
use crate::tree::Node;
pub use attributes::{Attributes, Privileges};
pub use objects::Objects;
use parents::Parents;
pub(crate) use parents::open_beneath;
use rustix::fs::{AtFlags, FileType, Mode};
use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

/// What was made.
#[derive(Clone, Debug, Default)]
pub struct Made {
    /// Regular files, further names of one not counted.
    pub files: u64,
    /// Directories.
    pub directories: u64,
    /// Symbolic links.
    pub symlinks: u64,
    /// Further names of files.
    pub hard_links: u64,
    /// Devices and named pipes.
    pub special: u64,
    /// Bytes of content, holes included.
    pub bytes: u64,
    /// What could not be kept, one line each.
    pub lost: Vec<String>,
}

/// A root filesystem in the making.
pub struct Rootfs<'a> {
    parents: Parents,
    objects: &'a Objects,
    privileges: Privileges,
    /// Directories get their attributes last: what happens inside changes their times, and their modes may lock us out.
    directories: Vec<(Vec<u8>, Attributes)>,
    made: Made,
}

impl<'a> Rootfs<'a> {
    /// Begins in an empty directory.
    pub fn new(root: OwnedFd, objects: &'a Objects, privileges: Privileges) -> Self {
        Self { parents: Parents::new(root), objects, privileges, directories: Vec::new(), made: Made::default() }
    }

    /// Makes one node. Nodes come in the order of a walk: parents first, a file's first name before its others.
    ///
    /// # Errors
    /// What the operating system says, naming the path in the image.
    pub fn make(&mut self, node: &Node) -> Result<()> {
        if let Kind::Directory = node.kind {
            if !node.path.is_empty() {
                let (parent, name) = self.parents.open(&node.path)?;
                rustix::fs::mkdirat(parent, name, Mode::RWXU).map_err(refused(parent, &node.path))?;
                self.made.directories += 1;
            }
            self.directories.push((node.path.clone(), Attributes::of(node)));
            return Ok(());
        }
        if let Some(first) = &node.same_as {
            return self.link(node, first);
        }
        match (&node.kind, &node.source) {
            (Kind::File(size), Some(source)) => {
                let (parent, name) = self.parents.open(&node.path)?;
                self.objects.place(source, parent, name).map_err(refused(parent, &node.path))?;
                self.made.files += 1;
                self.made.bytes += size;
                self.objects.lost(source, &node.path, &mut self.made.lost);
            }
            (Kind::Symlink(target), _) => {
                let (parent, name) = self.parents.open(&node.path)?;
                rustix::fs::symlinkat(OsStr::from_bytes(target), parent, name).map_err(refused(parent, &node.path))?;
                let attributes = Attributes::of(node);
                let lost = attributes.apply_to_link(parent, name, &self.privileges);
                self.privileges.settle(lost, &node.path, &mut self.made.lost)?;
                self.made.symlinks += 1;
            }
            (Kind::Fifo, _) => self.special(node, FileType::Fifo, 0)?,
            (Kind::CharDevice(device), _) => {
                self.special(node, FileType::CharacterDevice, rustix::fs::makedev(device.major, device.minor))?;
            }
            (Kind::BlockDevice(device), _) => {
                self.special(node, FileType::BlockDevice, rustix::fs::makedev(device.major, device.minor))?;
            }
            (Kind::File(_) | Kind::HardLink(_) | Kind::Directory, _) => {
                return Err(Error::Component(wasmtime::format_err!("the tree names no content for a file")));
            }
        }
        Ok(())
    }

    /// Gives the directories their attributes and answers what was made.
    ///
    /// # Errors
    /// What the operating system says, naming the path in the image.
    pub fn finish(mut self) -> Result<Made> {
        for (path, attributes) in std::mem::take(&mut self.directories).into_iter().rev() {
            let directory = self.parents.directory(&path)?;
            let lost = attributes.apply(directory, &self.privileges).map_err(at("set the attributes", &path))?;
            self.privileges.settle(Ok(lost), &path, &mut self.made.lost)?;
        }
        Ok(self.made)
    }

    fn link(&mut self, node: &Node, first: &[u8]) -> Result<()> {
        if matches!(node.kind, Kind::CharDevice(_) | Kind::BlockDevice(_)) && self.privileges.omit_devices() {
            self.made.lost.push(format!("{}: device", crate::text::path(&node.path)));
            return Ok(());
        }
        let (directory, first_name) = split(first);
        let directory = self.parents.directory(directory)?.try_clone_to_owned();
        let directory = directory.map_err(Error::io("open", crate::text::path(first)))?;
        let (parent, name) = self.parents.open(&node.path)?;
        rustix::fs::linkat(&directory, first_name, parent, name, AtFlags::empty())
            .map_err(refused(parent, &node.path))?;
        self.made.hard_links += 1;
        Ok(())
    }

    fn special(&mut self, node: &Node, kind: FileType, device: u64) -> Result<()> {
        if self.privileges.omit_devices() && kind != FileType::Fifo {
            self.made.lost.push(format!("{}: device", crate::text::path(&node.path)));
            return Ok(());
        }
        let (parent, name) = self.parents.open(&node.path)?;
        match rustix::fs::mknodat(parent, name, kind, Mode::RUSR | Mode::WUSR, device) {
            Ok(()) => {}
            Err(rustix::io::Errno::EXIST) => return Err(refused(parent, &node.path)(rustix::io::Errno::EXIST)),
            Err(error) => {
                let lost = Err(("create the device", error));
                return self.privileges.settle(lost, &node.path, &mut self.made.lost);
            }
        }
        let attributes = Attributes::of(node);
        let lost = attributes.apply_to_special(parent, name, &self.privileges);
        self.privileges.settle(lost, &node.path, &mut self.made.lost)?;
        self.made.special += 1;
        Ok(())
    }
}

/// An error of the operating system about a path of the image.
fn at(action: &'static str, path: &[u8]) -> impl FnOnce(rustix::io::Errno) -> Error {
    let path = crate::text::path(path);
    move |error| Error::os(action, path)(error)
}

/// The same of a path that could not be made. The tree has no path twice, so where something is in the way, the file
/// system takes two names for one: it ignores case, or composes characters (hostile input 49).
fn refused(parent: BorrowedFd<'_>, path: &[u8]) -> impl FnOnce(rustix::io::Errno) -> Error {
    move |error| {
        if error != rustix::io::Errno::EXIST {
            return at("create", path)(error);
        }
        let (directory, name) = split(path);
        let slash: &[u8] = if directory.is_empty() { b"" } else { b"/" };
        let other = taken_for(parent, name).map(|other| crate::text::path(&[directory, slash, &other].concat()));
        Error::Collision { path: crate::text::path(path), other }
    }
}

/// The name that a directory has for what it answers to another name.
fn taken_for(directory: BorrowedFd<'_>, name: &OsStr) -> Option<Vec<u8>> {
    let node = |name: &OsStr| {
        let found = rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        Some((found.st_dev, found.st_ino))
    };
    let wanted = node(name)?;
    let names = rustix::fs::Dir::read_from(directory).ok()?.flatten();
    let mut names = names.map(|entry| entry.file_name().to_bytes().to_vec());
    names.find(|other| os_str(other) != name && node(os_str(other)) == Some(wanted))
}

/// The directory in which a path of the image stands, and its name there.
fn split(path: &[u8]) -> (&[u8], &OsStr) {
    match path.iter().rposition(|&byte| byte == b'/') {
        Some(slash) => (&path[..slash], os_str(&path[slash + 1..])),
        None => (&path[..0], os_str(path)),
    }
}

/// A name of the image as the operating system takes it.
fn os_str(bytes: &[u8]) -> &OsStr {
    OsStr::from_bytes(bytes)
}

/// The handle that a borrowed one stands for.
fn borrow(fd: &OwnedFd) -> BorrowedFd<'_> {
    fd.as_fd()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hostile input 49. A second link stands for a file system that ignores case, which few machines have.
    #[test]
    fn what_is_in_the_way_is_told_by_the_name_it_has() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("readme"), "").unwrap();
        std::fs::write(directory.path().join("other"), "").unwrap();
        std::fs::hard_link(directory.path().join("readme"), directory.path().join("README")).unwrap();
        let handle = std::fs::File::open(directory.path()).unwrap();
        assert_eq!(taken_for(handle.as_fd(), OsStr::new("README")).unwrap(), b"readme");
        let error = refused(handle.as_fd(), b"doc/README")(rustix::io::Errno::EXIST).to_string();
        assert!(error.contains("doc/README") && error.contains("doc/readme"), "{error}");
    }

    /// Hostile input 49: the same, for whatever is made, and nothing that was there is changed.
    #[test]
    fn nothing_is_made_where_the_file_system_has_another_name_already() {
        let scratch = tempfile::tempdir().unwrap();
        for name in ["objects", "root"] {
            std::fs::create_dir(scratch.path().join(name)).unwrap();
        }
        let open = |name: &str| OwnedFd::from(std::fs::File::open(scratch.path().join(name)).unwrap());
        let objects = Objects::new(open("objects").as_fd(), 1, Privileges::default()).unwrap();
        let root = scratch.path().join("root");
        std::fs::write(root.join("readme"), "first").unwrap();
        std::fs::hard_link(root.join("readme"), root.join("README")).unwrap();
        std::fs::write(scratch.path().join("objects/0/7"), "second").unwrap();
        let device = crate::layer::Device { major: 1, minor: 3 };
        for (kind, same_as) in [
            (Kind::Directory, None),
            (Kind::File(6), None),
            (Kind::File(6), Some(b"readme".to_vec())),
            (Kind::Symlink(b"elsewhere".to_vec()), None),
            (Kind::Fifo, None),
            (Kind::CharDevice(device), None),
        ] {
            let mut rootfs = Rootfs::new(open("root"), &objects, Privileges::default());
            let source = Some(crate::tree::Source { layer: 0, ordinal: 7 });
            let mtime = crate::layer::Timestamp { seconds: 0, nanoseconds: 0 };
            let (path, xattrs) = (b"README".to_vec(), Vec::new());
            let (uid, gid, mode, layer, links) = (0, 0, 0o644, 0, 1);
            let node = Node { path, kind, mode, uid, gid, mtime, xattrs, layer, source, same_as, links };
            let error = rootfs.make(&node).unwrap_err();
            assert!(matches!(&error, Error::Collision { other: Some(other), .. } if other == "readme"), "{error:?}");
        }
        assert_eq!(std::fs::read(root.join("readme")).unwrap(), b"first");
        assert_eq!(std::fs::read_dir(&root).unwrap().count(), 2);
    }
}
