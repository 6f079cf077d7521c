//! A place to run in, with something to be harmed wherever an attack could reach.

use crate::Source;
use crate::cases::{Is, Place};
use portolan_tests::image::Layout;
use portolan_tests::tree::{self, Kind, Node, Tree};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// | path | what for |
/// |---|---|
/// | `parent/dest` | the destination |
/// | `parent/outside` | beside the destination |
/// | `outside` | where absolute links point to, and relative ones from the staging directory |
/// | `cwd` | the working directory |
/// | `tmp` | for temporary files |
/// | `image...` | the image |
pub struct Sandbox {
    directory: tempfile::TempDir,
}

impl Sandbox {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let sandbox = Self { directory };
        // Other users run here too.
        fs::set_permissions(sandbox.path(), fs::Permissions::from_mode(0o755)).unwrap();
        for path in ["parent", "tmp", "cwd/etc"] {
            fs::create_dir_all(sandbox.path().join(path)).unwrap();
        }
        for path in ["outside", "parent/outside", "cwd/outside"] {
            fs::create_dir(sandbox.path().join(path)).unwrap();
            for file in ["secret", "run"] {
                fs::write(sandbox.path().join(path).join(file), format!("{file} of {path}")).unwrap();
            }
        }
        for path in ["cwd/secret", "cwd/f", "cwd/etc/passwd", "parent/sentinel"] {
            fs::write(sandbox.path().join(path), path).unwrap();
        }
        for path in ["parent", "tmp"] {
            fs::set_permissions(sandbox.path().join(path), fs::Permissions::from_mode(0o777)).unwrap();
        }
        sandbox
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub fn place(&self) -> Place {
        Place { outside: self.path().join("outside").to_str().unwrap().to_owned() }
    }

    pub fn working_directory(&self) -> PathBuf {
        self.path().join("cwd")
    }

    pub fn temporary(&self) -> PathBuf {
        self.path().join("tmp")
    }

    pub fn parent(&self) -> PathBuf {
        self.path().join("parent")
    }

    pub fn destination(&self) -> PathBuf {
        self.parent().join("dest")
    }

    /// Writes an image and answers the reference to it.
    pub fn image(&self, layout: &Layout, source: Source) -> String {
        let path = self.path().join(format!("image-{source:?}"));
        match source {
            Source::Layout => {
                layout.write(&path);
                format!("oci:{}:latest", path.display())
            }
            Source::LayoutArchive => {
                fs::write(&path, layout.oci_archive()).unwrap();
                format!("oci-archive:{}:latest", path.display())
            }
            Source::DockerArchive => {
                fs::write(&path, layout.docker_archive("localhost/image")).unwrap();
                format!("docker-archive:{}", path.display())
            }
        }
    }

    /// Everything but the destination.
    pub fn snapshot(&self) -> Tree {
        let mut tree = Tree::new();
        for path in fs::read_dir(self.path()).unwrap().map(|entry| entry.unwrap().path()) {
            let name = PathBuf::from(path.file_name().unwrap());
            if name.as_os_str() == "parent" {
                // Only its mtime may change.
                for path in fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()) {
                    if path.file_name().unwrap() != "dest" {
                        add(&mut tree, name.join(path.file_name().unwrap()), &path);
                    }
                }
            } else {
                add(&mut tree, name, &path);
            }
        }
        // Unnamed temporary files count as changes of the directory on some file systems.
        if let Some(node) = tree.get_mut(Path::new("tmp")) {
            node.mtime = (0, 0);
        }
        tree
    }

    /// Whether all but the destination is as it was.
    pub fn unharmed(&self, before: &Tree) -> Result<(), String> {
        let differences = tree::compare(before, &self.snapshot());
        if differences.is_empty() {
            return Ok(());
        }
        Err(format!("harm done: {}", differences.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")))
    }

    /// Names in the parent of the destination that staging directories have.
    pub fn partial(&self) -> Vec<String> {
        let names = fs::read_dir(self.parent()).unwrap().map(|entry| entry.unwrap().file_name());
        names.map(|name| name.to_string_lossy().into_owned()).filter(|name| name.contains("portolan-partial")).collect()
    }

    /// Removes the destination.
    pub fn clear(&self) {
        if self.destination().symlink_metadata().is_ok() {
            fs::remove_dir_all(self.destination()).unwrap();
        }
    }

    /// Whether the destination holds exactly a tree. The root is looked at only where the tree names it.
    pub fn holds(&self, expected: &[(String, Is)]) -> Result<(), String> {
        let found = tree::snapshot(&self.destination());
        let mut failures: Vec<String> = Vec::new();
        for (path, is) in expected {
            match found.get(Path::new(path)) {
                None => failures.push(format!("{path:?} is missing")),
                Some(node) if !matches(node, is, &found) => failures.push(format!("{path:?} is {node:?}, not {is:?}")),
                Some(_) => {}
            }
        }
        let mut known: Vec<&[u8]> = expected.iter().map(|(path, _)| path.as_bytes()).collect();
        known.sort_unstable();
        for path in found.keys().map(|path| path.as_os_str().as_bytes()).filter(|path| !path.is_empty()) {
            if known.binary_search(&path).is_err() {
                failures.push(format!("{:?} should not be there", String::from_utf8_lossy(path)));
            }
        }
        failures.truncate(20);
        if failures.is_empty() { Ok(()) } else { Err(failures.join(", ")) }
    }
}

fn add(tree: &mut Tree, name: PathBuf, path: &Path) {
    for (below, node) in tree::snapshot(path) {
        let path = if below.as_os_str().is_empty() { name.clone() } else { name.join(below) };
        tree.insert(path, node);
    }
}

fn matches(node: &Node, is: &Is, tree: &Tree) -> bool {
    match is {
        Is::Directory => node.kind == Kind::Directory,
        Is::DirectoryMode(mode) => node.kind == Kind::Directory && node.mode == *mode,
        Is::File(content) => {
            let digest = portolan_tests::image::Algorithm::Sha256.digest(content);
            node.kind == Kind::File && node.sha256.as_deref() == digest.strip_prefix("sha256:")
        }
        Is::FileMode(mode) => node.kind == Kind::File && node.mode == *mode,
        Is::Symlink(target) => node.kind == Kind::Symlink && node.target.as_deref() == Some(Path::new(target)),
        Is::Same(other) => {
            node.link_group.is_some()
                && tree.get(Path::new(other)).is_some_and(|other| other.link_group == node.link_group)
        }
        Is::Fifo => node.kind == Kind::Fifo,
        Is::CharDevice => node.kind == Kind::CharDevice,
        Is::BlockDevice => node.kind == Kind::BlockDevice,
        Is::Sized(size) => node.kind == Kind::File && node.size == *size,
        Is::Time(seconds) => node.mtime.0 == *seconds,
    }
}
