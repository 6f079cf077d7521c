//! What holds of every tree.

use portolan_layer::tree::{Node, Tree};
use portolan_layer::{Change, Kind};
use std::collections::{HashMap, HashSet};

/// Applies the same layer several times, as far as it goes, and checks the tree after each.
pub fn apply<'a>(mut tree: Tree, changes: impl Iterator<Item = &'a Change> + Clone) {
    for _ in 0..2 {
        if tree.apply(changes.clone().cloned()).is_err() {
            assert!(tree.finish_layer().is_err(), "a tree goes on after an error");
            return;
        }
        check(&tree);
    }
}

/// Walks, lists, diffs and weighs a tree.
pub fn check(tree: &Tree) {
    let nodes: Vec<Node<'_>> = tree.walk().collect();
    walk(tree, &nodes);
    let sizes = tree.sizes();
    assert_eq!(sizes.paths(&nodes[0]) as usize, nodes.len(), "the root has not all paths");
    let inodes: HashMap<u32, u64> = nodes.iter().map(|node| (node.inode, node.bytes())).collect();
    assert_eq!(sizes.bytes(&nodes[0]), inodes.values().sum::<u64>(), "the root has not all bytes");

    for layer in 0..tree.layers() {
        let (diff, summary) = (tree.diff(layer), tree.summary(layer).unwrap());
        let count = |before: bool, after: bool| {
            diff.iter().filter(|one| one.before.is_some() == before && one.after.is_some() == after).count() as u32
        };
        assert_eq!(
            (count(false, true), count(true, true), count(true, false)),
            (summary.added, summary.modified, summary.removed)
        );
        assert_eq!(count(false, false), 0, "a difference of nothing");
    }
    let waste = tree.waste(usize::MAX);
    assert!(waste.wasted_bytes <= waste.total_bytes, "{waste:?}");
    assert_eq!(waste.wasted_bytes, waste.paths.iter().map(|path| path.bytes).sum::<u64>(), "{waste:?}");
    assert!((0.0..=1.0).contains(&waste.efficiency), "{waste:?}");
}

fn walk(tree: &Tree, nodes: &[Node<'_>]) {
    let mut directories = HashSet::new();
    let mut links: HashMap<u32, (u32, &[u8])> = HashMap::new();
    for (at, node) in nodes.iter().enumerate() {
        assert!(!matches!(node.kind, Kind::HardLink { .. }), "a hard link in the tree");
        match portolan_layer::path::split(&node.path) {
            Some((parent, _)) => assert!(directories.contains(parent), "a child before its parent"),
            None => assert_eq!(at, 0, "the root is not the first"),
        }
        if *node.kind == Kind::Directory {
            assert!(directories.insert(node.path.as_slice()), "a directory twice");
        }
        let first = links.entry(node.inode).or_insert((0, &node.path));
        first.0 += 1;
        assert_eq!(node.link.as_deref(), (first.0 > 1).then_some(first.1), "the first name of an inode");
        let mut alone = node.clone();
        alone.link = None;
        assert_eq!(tree.node(&node.path).unwrap(), alone);
    }
    for node in nodes {
        assert_eq!(links[&node.inode].0, node.links, "the names of an inode");
    }
    let mut cursor = tree.cursor(|_| true);
    let mut paged = Vec::new();
    loop {
        let page = tree.take_nodes(&mut cursor, 7);
        if page.is_empty() {
            break;
        }
        paged.extend(page);
    }
    assert_eq!(paged, nodes, "pages are not the walk");
}
