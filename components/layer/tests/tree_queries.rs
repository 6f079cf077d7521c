//! What the merged tree answers: paths, provenance, differences, waste and sizes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use portolan_image::{Code, Limits};
use portolan_layer::tree::{Difference, Node, Tree, Type};
use portolan_layer::{Change, Entry, Kind, Owner, Timestamp, Xattr};

fn entry(ordinal: u32, path: &str, kind: Kind) -> Change {
    let (owner, mtime) = (Owner::default(), Timestamp::default());
    Change::Entry(Entry { ordinal, path: path.into(), kind, mode: 0o644, owner, mtime, xattrs: vec![] })
}

fn file(path: &str, size: u64) -> Change {
    entry(0, path, Kind::File { size })
}

fn symlink(path: &str, target: &str) -> Change {
    entry(0, path, Kind::Symlink { target: target.into() })
}

fn link(path: &str, target: &str) -> Change {
    entry(0, path, Kind::HardLink { target: target.into() })
}

fn remove(path: &str) -> Change {
    Change::Remove(path.into())
}

fn tree<const N: usize>(layers: [Vec<Change>; N]) -> Tree {
    let mut tree = Tree::new(Limits::default());
    for layer in layers {
        tree.apply(layer).unwrap();
    }
    tree
}

fn text(path: &[u8]) -> &str {
    std::str::from_utf8(path).unwrap()
}

fn paths<'a>(nodes: impl Iterator<Item = Node<'a>>) -> String {
    nodes.map(|node| text(&node.path).to_owned()).collect::<Vec<_>>().join(" ")
}

fn linked() -> Tree {
    tree([vec![
        file("usr/lib/a.so", 1),
        symlink("lib", "usr/lib"),
        symlink("l", "/lib/a.so"),
        symlink("up", "../../usr"),
        symlink("d", "none"),
        symlink("o", "o"),
    ]])
}

#[test]
fn a_node_is_found_without_following_the_last_symlink() {
    let tree = linked();
    assert_eq!(tree.node(b"lib").unwrap().kind, &Kind::Symlink { target: b"usr/lib".to_vec() });
    assert_eq!(tree.node(b"lib/a.so").unwrap().path, b"usr/lib/a.so");
    assert_eq!(tree.node(b"/lib/../lib/./a.so").unwrap().name(), b"a.so");
    assert_eq!(tree.node(b"o").unwrap().path, b"o");
    assert_eq!((tree.node(b"").unwrap().path, tree.node(b"/../..").unwrap().name()), (vec![], &b""[..]));
    let error = tree.node(b"usr/lib/b.so").unwrap_err();
    assert_eq!(
        (error.code(), error.to_string().as_str()),
        (Code::PathNotFound, "\"usr/lib/b.so\": there is no such path in the image")
    );
    assert_eq!(
        tree.node(b"lib/a.so/x").unwrap_err().to_string(),
        "\"lib/a.so/x\": a component on the way is not a directory"
    );
}

#[test]
fn resolving_follows_every_symlink_inside_the_root() {
    let tree = linked();
    assert_eq!(tree.resolve(b"l").unwrap().path, b"usr/lib/a.so");
    assert_eq!(tree.resolve(b"up/../up/lib").unwrap().path, b"usr/lib");
    assert_eq!(tree.resolve(b"d").unwrap_err().to_string(), "\"d\": there is no such path in the image");
    assert_eq!(tree.resolve(b"o").unwrap_err().to_string(), "\"o\": more than 40 symbolic links on the way");
}

#[test]
fn children_are_listed_in_byte_order_of_their_names() {
    let tree = tree([vec![file("a.b/x", 1), file("a/b/c", 1), file("a/B", 1), file("a/b-c", 1), symlink("s", "a")]]);
    assert_eq!(paths(tree.list(b"").unwrap()), "a a.b s");
    assert_eq!(paths(tree.list(b"s").unwrap()), "a/B a/b a/b-c");
    assert_eq!(tree.list(b"a/B").err().unwrap().to_string(), "\"a/B\": it is not a directory");
    assert_eq!(paths(tree.walk().skip(1)), "a a/B a/b a/b/c a/b-c a.b a.b/x s");
    assert_eq!(paths(tree.walk_at(b"s/b").unwrap()), "a/b a/b/c");
    assert_eq!(paths(tree.find(|path| path.ends_with(b"b"))), "a/b a.b");
}

// what a driver needs to give an inode its content and its names.
#[test]
fn a_walk_names_the_entry_of_each_inode_and_the_first_of_its_paths() {
    let tree = tree([
        vec![entry(0, "z", Kind::File { size: 3 }), entry(1, "y", Kind::HardLink { target: b"z".to_vec() })],
        vec![entry(7, "a/x", Kind::HardLink { target: b"z".to_vec() }), remove("y")],
    ]);
    let nodes: Vec<_> = tree.walk().filter(|node| node.links > 1).collect();
    assert_eq!(nodes.iter().map(|node| text(&node.path)).collect::<Vec<_>>(), ["a/x", "z"]);
    assert!(nodes.iter().all(|node| (node.layer, node.ordinal, node.links) == (0, Some(0), 2)));
    assert_eq!((nodes[0].named, nodes[1].named), (1, 0));
    assert_eq!((&nodes[0].link, nodes[1].link.as_deref()), (&None, Some(&b"a/x"[..])));
}

#[test]
fn a_path_knows_the_layer_it_is_from_and_the_one_it_replaced() {
    let tree = tree([
        vec![file("a", 1), file("b", 1), file("d/c", 1)],
        vec![file("a", 2)],
        vec![remove("b"), file("a", 3), file("d/c", 1)],
        vec![file("b", 1)],
    ]);
    let origin = |path: &[u8]| tree.node(path).map(|node| (node.layer, node.replaced)).unwrap();
    assert_eq!(origin(b"a"), (2, Some(1)));
    assert_eq!(origin(b"b"), (3, None));
    assert_eq!(origin(b"d/c"), (2, Some(0)));
    assert_eq!(origin(b"d"), (0, None));
}

#[test]
fn attributes_of_entries_come_out_as_they_went_in() {
    let xattrs = vec![
        Xattr { name: b"user.b".to_vec(), value: vec![0, 255] },
        Xattr { name: b"user.a".to_vec(), value: vec![] },
    ];
    let (owner, mtime) = (Owner { uid: 1, gid: u32::MAX }, Timestamp { seconds: -5, nanoseconds: 9 });
    let full =
        Entry { ordinal: 3, path: b"f".to_vec(), kind: Kind::Fifo, mode: 0o7777, owner, mtime, xattrs: xattrs.clone() };
    let tree = tree([vec![Change::Entry(full)]]);
    let node = tree.node(b"f").unwrap();
    assert_eq!((node.mode, node.owner, node.mtime, node.xattrs), (0o7777, owner, mtime, xattrs.as_slice()));
}

// As umoci: the headers of links are often not filled in.
#[test]
fn a_hard_link_entry_leaves_the_attributes_of_its_target_alone() {
    let Change::Entry(bare) = link("b", "a") else { panic!() };
    let bare = Entry { mode: 0, owner: Owner { uid: 9, gid: 9 }, ..bare };
    let tree = tree([vec![file("a", 1)], vec![Change::Entry(bare)]]);
    for path in [b"a", b"b"] {
        assert_eq!((tree.node(path).unwrap().mode, tree.node(path).unwrap().owner.uid), (0o644, 0));
    }
}

fn show(difference: &Difference) -> String {
    let sign = match (difference.before, difference.after) {
        (None, _) => '+',
        (Some(_), Some(_)) => '~',
        (Some(_), None) => '-',
    };
    let root = if difference.beneath_removed { "." } else { "" };
    format!("{sign}{root}{}", text(&difference.path))
}

#[test]
fn a_layer_is_compared_with_all_the_layers_below() {
    let tree = tree([
        vec![file("bin/sh", 9), file("d/a", 1), file("d/e/b", 2), file("d/e/c", 4), file("d.x", 8)],
        vec![
            remove("d"),
            file("bin/sh", 5),
            file("bin/ls", 7),
            remove("none"),
            symlink("d.x", "bin"),
            file("tmp", 1),
            symlink("tmp", "x"),
        ],
        vec![file("d/a", 1)],
    ]);
    let diff = tree.diff(1);
    assert_eq!(
        diff.iter().map(show).collect::<Vec<_>>(),
        ["+bin/ls", "~bin/sh", "-d", "-.d/a", "-.d/e", "-.d/e/b", "-.d/e/c", "~d.x", "+tmp"]
    );
    assert_eq!((diff[1].before.unwrap().bytes, diff[1].after.unwrap().bytes), (9, 5));
    assert_eq!((diff[2].removed_paths, diff[2].removed_bytes), (5, 7));
    assert_eq!((diff[4].removed_paths, diff[4].removed_bytes), (3, 6));
    assert_eq!((diff[7].before.unwrap().kind, diff[7].after.unwrap().kind), (Type::File, Type::Symlink));
    let summary = tree.summary(1).unwrap();
    assert_eq!((summary.entries, summary.whiteouts, summary.bytes), (5, 2, 13));
    assert_eq!((summary.added, summary.modified, summary.removed), (2, 2, 5));
    assert_eq!(tree.diff(2).iter().map(show).collect::<Vec<_>>(), ["+d", "+d/a"]);
    assert_eq!((tree.layers(), tree.diff(3).len(), tree.summary(3)), (3, 0, None));
}

#[test]
fn what_is_replaced_or_removed_is_wasted_at_its_path() {
    let tree = tree([
        vec![file("grows", 10), file("gone", 20), file("d/a", 3), file("d/b", 4), file("kept", 100)],
        vec![file("grows", 30), remove("gone"), remove("d")],
        vec![file("grows", 40), file("gone", 1)],
    ]);
    let waste = tree.waste(10);
    let worst: Vec<_> =
        waste.paths.iter().map(|path| (text(&path.path), path.bytes, path.count, path.total_bytes)).collect();
    assert_eq!(worst, [("grows", 40, 2, 80), ("gone", 20, 1, 21), ("d/b", 4, 1, 4), ("d/a", 3, 1, 3)]);
    assert_eq!((waste.total_bytes, waste.wasted_bytes), (208, 67));
    // The smallest sizes: grows 10, kept 100, and 0 for all that was once removed.
    assert!((waste.efficiency - 110.0 / 208.0).abs() < 1e-12);
    assert_eq!(tree.waste(1).paths, waste.paths[..1]);
}

#[test]
fn no_more_is_wasted_than_there_is_where_a_layer_has_a_path_twice() {
    let tree = tree([vec![file("f", 10), file("f", 4), file("g", 7), file("g", 1)], vec![file("f", 3), remove("g")]]);
    let waste = tree.waste(10);
    let worst: Vec<_> =
        waste.paths.iter().map(|path| (text(&path.path), path.bytes, path.count, path.total_bytes)).collect();
    assert_eq!(worst, [("f", 14, 2, 17), ("g", 8, 2, 8)]);
    assert_eq!((waste.total_bytes, waste.wasted_bytes), (25, 22));
    assert!((waste.efficiency - 3.0 / 25.0).abs() < 1e-12);
}

#[test]
fn equal_waste_is_in_the_order_of_paths_and_none_is_efficient() {
    let equal =
        tree([vec![file("b", 5), file("a/z", 5), file("a-", 5)], vec![remove("b"), remove("a-"), remove("a/z")]]);
    assert_eq!(equal.waste(9).paths.iter().map(|path| text(&path.path)).collect::<Vec<_>>(), ["a/z", "a-", "b"]);
    assert_eq!(
        (tree([]).waste(1).efficiency, tree([vec![symlink("a", "b")], vec![remove("a")]]).waste(1).efficiency),
        (1.0, 1.0)
    );
}

#[test]
fn bytes_that_another_hard_link_still_shows_are_not_wasted() {
    let mut tree = tree([vec![file("a", 6), link("b", "a")], vec![remove("a")]]);
    assert_eq!(tree.waste(9).wasted_bytes, 0);
    tree.apply([file("b", 1)]).unwrap();
    assert_eq!((tree.waste(9).wasted_bytes, tree.waste(9).paths[0].path.as_slice()), (6, &b"b"[..]));
}

#[test]
fn a_directory_has_the_size_of_what_is_in_it_with_hard_links_once() {
    let tree = tree([vec![file("d/a", 6), link("d/b", "d/a"), link("e/c", "d/a"), file("e/f", 1), symlink("s", "e")]]);
    let sizes = tree.sizes();
    let size = |path: &[u8]| tree.node(path).map(|node| (sizes.bytes(&node), sizes.paths(&node))).unwrap();
    assert_eq!((size(b""), size(b"d"), size(b"e"), size(b"e/c"), size(b"s")), ((7, 8), (6, 3), (7, 3), (6, 1), (0, 1)));
}

#[test]
fn feeding_bit_by_bit_is_the_same_as_applying_at_once() {
    let layers = [vec![file("a", 1), file("d/b", 2)], vec![file("a", 3), remove("d")]];
    let mut fed = Tree::new(Limits::default());
    for layer in layers.clone() {
        for change in layer {
            fed.feed(change).unwrap();
        }
        fed.finish_layer().unwrap();
    }
    let applied = tree(layers);
    assert!(fed.walk().eq(applied.walk()));
    assert_eq!((fed.diff(1), fed.waste(9)), (applied.diff(1), applied.waste(9)));
}
