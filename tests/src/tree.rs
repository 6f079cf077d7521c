//! A real directory as values, and the differences of two of them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The type of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A FIFO.
    Fifo,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// A socket.
    Socket,
}

/// Everything `lstat` and its relatives tell of one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The type.
    pub kind: Kind,
    /// The twelve bits of the mode.
    pub mode: u32,
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// The size in bytes; zero for directories, where it is the file system's own affair.
    pub size: u64,
    /// The mtime in seconds and nanoseconds since 1970.
    pub mtime: (i64, i64),
    /// The target of a symbolic link.
    pub target: Option<PathBuf>,
    /// The extended attributes.
    pub xattrs: BTreeMap<String, Vec<u8>>,
    /// The first path of the same inode, for what has several in this tree.
    pub link_group: Option<PathBuf>,
    /// The SHA-256 of the content of a regular file.
    pub sha256: Option<String>,
    /// Major and minor number of a device.
    pub device: Option<(u32, u32)>,
    /// Blocks of 512 bytes on the disk; never compared, since it depends on the file system.
    pub blocks: u64,
}

/// A tree by path; the root is the empty path.
pub type Tree = BTreeMap<PathBuf, Node>;

/// Reads a directory with everything below it, following no link.
///
/// # Panics
///
/// When something cannot be read; it takes root's rights to read every mode.
#[must_use]
pub fn snapshot(root: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut inodes: BTreeMap<(u64, u64), Vec<PathBuf>> = BTreeMap::new();
    let mut waiting = vec![PathBuf::new()];
    while let Some(path) = waiting.pop() {
        // `join` of an empty path would end in a slash.
        let full = if path.as_os_str().is_empty() { root.to_owned() } else { root.join(&path) };
        let (node, metadata) = node(&full).unwrap_or_else(|error| panic!("read {}: {error}", full.display()));
        if node.kind == Kind::Directory {
            let entries = fs::read_dir(&full).unwrap_or_else(|error| panic!("list {}: {error}", full.display()));
            waiting.extend(entries.map(|entry| path.join(entry.expect("a directory can be listed").file_name())));
        } else if metadata.nlink() > 1 {
            inodes.entry((metadata.dev(), metadata.ino())).or_default().push(path.clone());
        }
        tree.insert(path, node);
    }
    for mut paths in inodes.into_values().filter(|paths| paths.len() > 1) {
        paths.sort();
        for path in &paths {
            if let Some(node) = tree.get_mut(path) {
                node.link_group = Some(paths[0].clone());
            }
        }
    }
    tree
}

fn node(path: &Path) -> std::io::Result<(Node, fs::Metadata)> {
    let metadata = fs::symlink_metadata(path)?;
    let file_type = metadata.file_type();
    let kind = match () {
        () if file_type.is_dir() => Kind::Directory,
        () if file_type.is_symlink() => Kind::Symlink,
        () if file_type.is_fifo() => Kind::Fifo,
        () if file_type.is_char_device() => Kind::CharDevice,
        () if file_type.is_block_device() => Kind::BlockDevice,
        () if file_type.is_socket() => Kind::Socket,
        () => Kind::File,
    };
    let device = matches!(kind, Kind::CharDevice | Kind::BlockDevice)
        .then(|| (rustix::fs::major(metadata.rdev()), rustix::fs::minor(metadata.rdev())));
    let node = Node {
        kind,
        mode: metadata.mode() & 0o7777,
        uid: metadata.uid(),
        gid: metadata.gid(),
        size: if kind == Kind::Directory { 0 } else { metadata.size() },
        mtime: (metadata.mtime(), metadata.mtime_nsec()),
        target: if kind == Kind::Symlink { Some(fs::read_link(path)?) } else { None },
        xattrs: xattrs(path)?,
        link_group: None,
        sha256: if kind == Kind::File { Some(sha256(path)?) } else { None },
        device,
        blocks: metadata.blocks(),
    };
    Ok((node, metadata))
}

fn sha256(path: &Path) -> std::io::Result<String> {
    use sha2::Digest;
    let mut hasher = sha2::Sha256::new();
    let mut file = fs::File::open(path)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = std::io::Read::read(&mut file, &mut buffer)?;
        if read == 0 {
            return Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect());
        }
        hasher.update(&buffer[..read]);
    }
}

fn xattrs(path: &Path) -> std::io::Result<BTreeMap<String, Vec<u8>>> {
    let mut names = vec![0; 1 << 16];
    let len = match rustix::fs::llistxattr(path, &mut names[..]) {
        Err(rustix::io::Errno::NOTSUP) => 0,
        other => other?,
    };
    let mut out = BTreeMap::new();
    for name in names[..len].split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let mut value = vec![0; 1 << 16];
        let len = rustix::fs::lgetxattr(path, OsStr::from_bytes(name), &mut value[..])?;
        value.truncate(len);
        out.insert(String::from_utf8_lossy(name).into_owned(), value);
    }
    Ok(out)
}

/// One thing two trees do not agree in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The path.
    pub path: PathBuf,
    /// What differs: a member of [`Node`], or `presence`.
    pub what: &'static str,
    /// The left tree's value.
    pub left: String,
    /// The right tree's value.
    pub right: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}: {} / {}", self.path, self.what, self.left, self.right)
    }
}

/// The differences of two trees in order of path; [`Node::blocks`] does not count.
///
/// A type that differs is told alone, without what follows from it.
#[must_use]
pub fn compare(left: &Tree, right: &Tree) -> Vec<Difference> {
    let mut out = Vec::new();
    let mut paths: Vec<&PathBuf> = left.keys().chain(right.keys()).collect();
    paths.sort();
    paths.dedup();
    for path in paths {
        match (left.get(path), right.get(path)) {
            (Some(a), Some(b)) => compare_nodes(path, a, b, &mut out),
            (a, b) => {
                let say = |node: Option<&Node>| node.map_or("missing".to_owned(), |node| format!("{:?}", node.kind));
                out.push(Difference { path: path.clone(), what: "presence", left: say(a), right: say(b) });
            }
        }
    }
    out
}

fn compare_nodes(path: &Path, a: &Node, b: &Node, out: &mut Vec<Difference>) {
    fn text<T: fmt::Debug>(value: &T) -> String {
        format!("{value:?}")
    }
    let mut fields = vec![("kind", text(&a.kind), text(&b.kind))];
    if a.kind == b.kind {
        fields.extend([
            ("mode", format!("{:04o}", a.mode), format!("{:04o}", b.mode)),
            ("uid", text(&a.uid), text(&b.uid)),
            ("gid", text(&a.gid), text(&b.gid)),
            ("size", text(&a.size), text(&b.size)),
            ("mtime", text(&a.mtime), text(&b.mtime)),
            ("target", text(&a.target), text(&b.target)),
            ("link_group", text(&a.link_group), text(&b.link_group)),
            ("sha256", text(&a.sha256), text(&b.sha256)),
            ("device", text(&a.device), text(&b.device)),
        ]);
        let show = |node: &Node| {
            let list = node.xattrs.iter().map(|(name, value)| format!("{name}={}", value.escape_ascii()));
            list.collect::<Vec<_>>().join(", ")
        };
        fields.push(("xattrs", show(a), show(b)));
    }
    out.extend(fields.into_iter().filter(|(_, left, right)| left != right).map(|(what, left, right)| Difference {
        path: path.to_owned(),
        what,
        left,
        right,
    }));
}

/// Stops the test when two trees differ, with every difference on a line.
///
/// # Panics
///
/// When they differ.
#[track_caller]
pub fn assert_same(left: &Tree, right: &Tree) {
    let differences = compare(left, right);
    let lines: Vec<String> = differences.iter().map(ToString::to_string).collect();
    assert!(differences.is_empty(), "{} differences (left / right):\n{}", lines.len(), lines.join("\n"));
}
