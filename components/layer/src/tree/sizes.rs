//! How much is in each directory.

use super::Tree;
use super::paths::ROOT;
use super::walk::{Node, PreOrder};
use std::collections::BTreeMap;

/// The sizes of all directories of a tree at one time, as `du` would count them.
#[derive(Clone, Debug)]
pub struct Sizes {
    /// For every path, whether in the tree or not: bytes and paths from there on.
    sums: Vec<(u64, u32)>,
}

impl Sizes {
    /// The bytes of all files at a node and beneath. A file counts once in every directory that has it, however many
    /// hard links of it are beneath.
    #[must_use]
    pub fn bytes(&self, node: &Node<'_>) -> u64 {
        self.sums.get(node.id as usize).map_or(0, |sum| sum.0)
    }

    /// The number of paths at a node and beneath, itself counted.
    #[must_use]
    pub fn paths(&self, node: &Node<'_>) -> u32 {
        self.sums.get(node.id as usize).map_or(0, |sum| sum.1)
    }
}

impl Tree {
    /// The sizes of all directories, in one pass over the tree; valid for the nodes of this tree until the next change.
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        let mut sums = vec![(0_u64, 0_u32); self.paths.len()];
        let mut order = Vec::new();
        let mut last: BTreeMap<u32, u32> = BTreeMap::new();
        for (id, _) in PreOrder::new(&self.paths, ROOT) {
            order.push(id);
            let sum = &mut sums[id as usize];
            sum.1 = 1;
            let Some(inode) = self.inode_at(id).filter(|inode| inode.bytes() > 0) else { continue };
            // Wrapping, as a number may be subtracted before what it is subtracted from has come up from below.
            sum.0 = sum.0.wrapping_add(inode.bytes());
            if inode.links > 1
                && let Some(other) = last.insert(self.paths.at(id).inode, id)
            {
                // Where two names in the order of a walk meet, their file comes twice: each directory above has one
                // more name than it has such meetings.
                let meeting = &mut sums[self.meeting(id, other) as usize];
                meeting.0 = meeting.0.wrapping_sub(inode.bytes());
            }
        }
        for id in order.into_iter().rev().filter(|&id| id != ROOT) {
            let (bytes, paths) = sums[id as usize];
            let parent = &mut sums[self.paths.at(id).parent as usize];
            *parent = (parent.0.wrapping_add(bytes), parent.1 + paths);
        }
        Sizes { sums }
    }

    /// The deepest path that is above both.
    fn meeting(&self, mut a: u32, mut b: u32) -> u32 {
        let (mut deep_a, mut deep_b) = (self.paths.extent(a).0, self.paths.extent(b).0);
        while a != b {
            if deep_a >= deep_b {
                a = self.paths.at(a).parent;
                deep_a -= 1;
            } else {
                b = self.paths.at(b).parent;
                deep_b -= 1;
            }
        }
        a
    }
}
