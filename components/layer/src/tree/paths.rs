//! Every path that ever stood in the tree, as a number.

use super::children::{Children, Iter};
use super::pages::Pages;
use super::{NONE, exceeded};
use crate::error::Result;
use portolan_image::Limits;

/// The root of the image.
pub(super) const ROOT: u32 = 0;

/// One path. It keeps its number when what stands there is removed or replaced, so that what was wasted at a path over
/// all layers is found without comparing paths.
#[derive(Clone, Debug)]
pub(super) struct Path {
    pub(super) parent: u32,
    name_at: u32,
    name_bytes: u16,
    /// Whether a hard link put the name here, so that no bytes of a layer belong to this path.
    pub(super) linked: bool,
    /// What stands here, or [`NONE`].
    pub(super) inode: u32,
    directory: u32,
    /// The layer that put it here.
    pub(super) layer: u32,
    /// The layer of what it took the place of, or [`NONE`].
    pub(super) replaced: u32,
    /// The last layer that changed something here, or [`NONE`].
    pub(super) touched: u32,
}

#[derive(Clone, Debug, Default)]
struct Directory {
    present: Children,
    /// Children that were removed: apart, so that clearing a directory again and again does not look at them.
    gone: Children,
}

/// All paths and the names of their last components.
#[derive(Clone, Debug)]
pub(super) struct Paths {
    list: Pages<Path>,
    names: Vec<u8>,
    directories: Vec<Directory>,
}

impl Paths {
    /// The root alone.
    pub(super) fn new(inode: u32) -> Self {
        let root = Path {
            parent: ROOT,
            name_at: 0,
            name_bytes: 0,
            linked: false,
            inode,
            directory: NONE,
            layer: 0,
            replaced: NONE,
            touched: NONE,
        };
        Self { list: Pages::new(root), names: Vec::new(), directories: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn at(&self, id: u32) -> &Path {
        &self.list[id]
    }

    pub(super) fn at_mut(&mut self, id: u32) -> &mut Path {
        &mut self.list[id]
    }

    pub(super) fn name(&self, id: u32) -> &[u8] {
        name(&self.list, &self.names, id)
    }

    /// The child of that name that is in the tree now.
    pub(super) fn child(&self, parent: u32, wanted: &[u8]) -> Option<u32> {
        let directory = self.directories.get(self.at(parent).directory as usize)?;
        directory.present.find(|id| self.name(id).cmp(wanted))
    }

    /// The children that are in the tree now, in byte order of their names.
    pub(super) fn children(&self, parent: u32) -> Iter<'_> {
        static NOTHING: Directory = Directory { present: Children::new(), gone: Children::new() };
        self.directories.get(self.at(parent).directory as usize).unwrap_or(&NOTHING).present.iter()
    }

    /// Adds a child whose name is not in the tree now.
    pub(super) fn add(&mut self, parent: u32, wanted: &[u8], limits: &Limits) -> Result<u32> {
        let at = self.directory(parent);
        let Self { list, names, directories } = self;
        let directory = &mut directories[at];
        let id = match directory.gone.remove(|id| name(list, names, id).cmp(wanted)) {
            Some(id) => id,
            None => {
                let id = u32::try_from(list.len()).unwrap_or(NONE);
                let limit = limits.tree_entries.min(u64::from(NONE - 1));
                // The root counts for nothing.
                if u64::from(id) > limit {
                    return Err(exceeded("tree-entries", limit, format!("path {id} of the image")));
                }
                let limit = limits.name_bytes.min(u64::from(u16::MAX));
                let (Ok(name_at), Ok(name_bytes)) = (u32::try_from(names.len()), u16::try_from(wanted.len())) else {
                    return Err(exceeded("name-bytes", limit, format!("a name of {} bytes", wanted.len())));
                };
                names.extend_from_slice(wanted);
                list.push(Path {
                    parent,
                    name_at,
                    name_bytes,
                    linked: false,
                    inode: NONE,
                    directory: NONE,
                    layer: 0,
                    replaced: NONE,
                    touched: NONE,
                });
                id
            }
        };
        directory.present.insert(id, |other| name(list, names, other).cmp(wanted));
        Ok(id)
    }

    /// Takes one path out of its directory.
    pub(super) fn detach(&mut self, id: u32) {
        let Self { list, names, directories } = self;
        let wanted = name(list, names, id);
        if let Some(directory) = directories.get_mut(list[list[id].parent].directory as usize)
            && directory.present.remove(|other| name(list, names, other).cmp(wanted)).is_some()
        {
            directory.gone.insert(id, |other| name(list, names, other).cmp(wanted));
        }
    }

    /// Takes all children out of a directory, appending them to `taken`.
    pub(super) fn detach_children(&mut self, parent: u32, taken: &mut Vec<u32>) {
        let Self { list, names, directories } = self;
        let Some(directory) = directories.get_mut(list[parent].directory as usize) else { return };
        let present = std::mem::take(&mut directory.present);
        taken.extend(present.iter());
        if directory.gone.is_empty() {
            directory.gone = present;
        } else {
            for id in present.iter() {
                let wanted = name(list, names, id);
                directory.gone.insert(id, |other| name(list, names, other).cmp(wanted));
            }
        }
    }

    /// The whole path of a number.
    pub(super) fn path(&self, id: u32) -> Vec<u8> {
        let (_, bytes) = self.extent(id);
        let mut path = vec![b'/'; bytes];
        let (mut end, mut id) = (bytes, id);
        while id != ROOT {
            let name = self.name(id);
            path[end - name.len()..end].copy_from_slice(name);
            end = (end - name.len()).saturating_sub(1);
            id = self.at(id).parent;
        }
        path
    }

    /// How many components a path has, and how many bytes.
    pub(super) fn extent(&self, mut id: u32) -> (usize, usize) {
        let (mut depth, mut bytes) = (0, 0);
        while id != ROOT {
            depth += 1;
            bytes += usize::from(self.at(id).name_bytes) + 1;
            id = self.at(id).parent;
        }
        (depth, bytes.saturating_sub(1))
    }

    /// The same numbers in the order of a walk: parents first, siblings in byte order.
    ///
    /// Groups siblings instead of comparing paths, so that deep paths cost nothing extra.
    pub(super) fn in_order(&self, ids: impl IntoIterator<Item = u32>) -> Vec<u32> {
        let mut wanted = vec![false; self.len()];
        let mut known = vec![false; self.len()];
        let mut family = Vec::new();
        for id in ids {
            wanted[id as usize] = true;
            let mut id = id;
            while id != ROOT && !std::mem::replace(&mut known[id as usize], true) {
                family.push(id);
                id = self.at(id).parent;
            }
        }
        family.sort_unstable_by(|&a, &b| (self.at(a).parent, self.name(a)).cmp(&(self.at(b).parent, self.name(b))));
        let mut ordered = Vec::new();
        let mut stack = vec![ROOT];
        while let Some(id) = stack.pop() {
            if wanted[id as usize] {
                ordered.push(id);
            }
            let start = family.partition_point(|&other| self.at(other).parent < id);
            let children = family[start..].iter().take_while(|&&other| self.at(other).parent == id);
            let below = stack.len();
            stack.extend(children);
            stack[below..].reverse();
        }
        ordered
    }

    /// The record of a directory's children, made when there is none.
    fn directory(&mut self, id: u32) -> usize {
        let at = self.at(id).directory;
        if at != NONE {
            return at as usize;
        }
        let at = self.directories.len();
        self.directories.push(Directory::default());
        // There are never more directories than paths, whose number is checked.
        self.list[id].directory = u32::try_from(at).unwrap_or(NONE);
        at
    }
}

fn name<'a>(list: &Pages<Path>, names: &'a [u8], id: u32) -> &'a [u8] {
    let path = &list[id];
    &names[path.name_at as usize..path.name_at as usize + usize::from(path.name_bytes)]
}
