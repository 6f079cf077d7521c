//! A walk that can be put aside: what a caller across a border holds between two calls.

use super::Tree;
use super::paths::ROOT;
use super::walk::{Node, PreOrder};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// The numbers of the paths of a walk, four bytes each, and how far it has come.
///
/// It is good for the tree that made it until that tree changes; afterwards it answers what then stands at its paths.
#[derive(Clone, Debug, Default)]
pub struct Cursor {
    order: Vec<u32>,
    next: usize,
    /// The first path of each inode that has several.
    first: BTreeMap<u32, u32>,
}

impl Tree {
    /// A walk over all paths that match, and over the directories above them: again what to create, in the order in
    /// which it can be created. The first name of an inode is the first among these.
    #[must_use]
    pub fn cursor(&self, matches: impl Fn(&[u8]) -> bool) -> Cursor {
        let mut order = Vec::new();
        let mut path = Vec::new();
        let mut ends: Vec<usize> = Vec::new();
        // The directories above the path at hand that are not in the order yet: the one at depth `n` at index `n`.
        let mut above: Vec<Option<u32>> = Vec::new();
        for (id, depth) in PreOrder::new(&self.paths, ROOT) {
            if depth > 0 {
                path.truncate(ends.get(depth - 1).copied().unwrap_or_default());
                if !path.is_empty() {
                    path.push(b'/');
                }
                path.extend_from_slice(self.paths.name(id));
                ends.truncate(depth);
                above.truncate(depth);
            }
            ends.push(path.len());
            if matches(&path) {
                order.extend(above.iter_mut().filter_map(Option::take));
                order.push(id);
                above.push(None);
            } else {
                above.push(Some(id));
            }
        }
        Cursor { order, next: 0, first: BTreeMap::new() }
    }

    /// The next nodes of a walk, at most so many; none at its end.
    pub fn take_nodes<'a>(&'a self, cursor: &mut Cursor, most: usize) -> Vec<Node<'a>> {
        let mut nodes = Vec::new();
        while nodes.len() < most
            && let Some(&id) = cursor.order.get(cursor.next)
        {
            cursor.next += 1;
            // A cursor of another tree may name paths that this one never had.
            let known = (id as usize) < self.paths.len();
            let Some(mut node) = known.then(|| self.node_of(id, self.paths.path(id))).flatten() else { continue };
            if node.links > 1 {
                match cursor.first.entry(node.inode) {
                    Entry::Occupied(first) => node.link = Some(self.paths.path(*first.get())),
                    Entry::Vacant(place) => _ = place.insert(id),
                }
            }
            nodes.push(node);
        }
        nodes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::{Change, Entry, Kind, Owner, Timestamp};
    use portolan_image::Limits;

    fn entry(ordinal: u32, path: &str, kind: Kind) -> Change {
        Change::Entry(Entry {
            ordinal,
            path: path.as_bytes().to_vec(),
            kind,
            mode: 0o755,
            owner: Owner::default(),
            mtime: Timestamp::default(),
            xattrs: Vec::new(),
        })
    }

    fn tree() -> Tree {
        let mut tree = Tree::new(Limits::default());
        tree.apply([
            entry(0, "a/b/one", Kind::File { size: 1 }),
            entry(1, "a/c/two", Kind::HardLink { target: b"a/b/one".to_vec() }),
            entry(2, "d/three", Kind::HardLink { target: b"a/b/one".to_vec() }),
        ])
        .unwrap();
        tree
    }

    fn paths(tree: &Tree, cursor: &mut Cursor, most: usize) -> Vec<String> {
        tree.take_nodes(cursor, most).iter().map(|node| String::from_utf8(node.path.clone()).unwrap()).collect()
    }

    #[test]
    fn pages_make_the_same_walk() {
        let tree = tree();
        let whole: Vec<_> = tree.walk().collect();
        let mut cursor = tree.cursor(|_| true);
        let mut pages = Vec::new();
        loop {
            let page = tree.take_nodes(&mut cursor, 2);
            if page.is_empty() {
                break;
            }
            pages.extend(page);
        }
        assert_eq!(pages, whole);
    }

    #[test]
    fn what_matches_comes_with_the_directories_above_it_and_nothing_else() {
        let tree = tree();
        let mut cursor = tree.cursor(|path| path == b"a/c/two" || path == b"d/three");
        assert_eq!(paths(&tree, &mut cursor, 9), ["", "a", "a/c", "a/c/two", "d", "d/three"]);
        let mut cursor = tree.cursor(|path| path == b"a/c/two" || path == b"d/three");
        let nodes = tree.take_nodes(&mut cursor, 9);
        assert_eq!((nodes[3].link.clone(), nodes[5].link.clone()), (None, Some(b"a/c/two".to_vec())));
    }
}
