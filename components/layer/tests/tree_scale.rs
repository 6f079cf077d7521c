//! The merged tree under inputs that make a careless one quadratic, deep or large (hostile inputs 22 and 50).
//!
//! The bounds on time are some hundred times what is needed: a quadratic answer takes hours here.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use portolan_image::{Code, Limits};
use portolan_layer::tree::Tree;
use portolan_layer::{Change, Entry, Kind, Owner, Timestamp};
use std::time::{Duration, Instant};

const MANY: u32 = 200_000;

fn entry(path: impl Into<Vec<u8>>, kind: Kind) -> Change {
    let (owner, mtime) = (Owner::default(), Timestamp::default());
    Change::Entry(Entry { ordinal: 0, path: path.into(), kind, mode: 0o644, owner, mtime, xattrs: vec![] })
}

fn file(path: impl Into<Vec<u8>>) -> Change {
    entry(path, Kind::File { size: 1 })
}

fn remove(path: impl Into<Vec<u8>>) -> Change {
    Change::Remove(path.into())
}

fn tree() -> Tree {
    Tree::new(Limits::default())
}

fn timed<T>(step: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let value = step();
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
    value
}

#[test]
fn as_many_whiteouts_as_a_large_directory_has_files_stay_linear() {
    let mut tree = tree();
    timed(|| tree.apply((0..MANY).map(|at| file(format!("d/{at}")))).unwrap());
    timed(|| tree.apply((0..MANY).rev().map(|at| remove(format!("d/{at}")))).unwrap());
    assert_eq!(tree.walk().count(), 2);
    let diff = timed(|| tree.diff(1));
    assert_eq!(diff.len(), MANY as usize);
    assert_eq!(timed(|| tree.waste(5)).wasted_bytes, u64::from(MANY));
}

#[test]
fn opaque_whiteouts_do_not_look_again_at_what_was_removed() {
    let mut tree = tree();
    tree.apply((0..MANY).map(|at| file(format!("d/{at}")))).unwrap();
    timed(|| {
        tree.apply((0..MANY).map(|_| Change::Clear(b"d".to_vec()))).unwrap();
        for layer in 0..500 {
            tree.apply([Change::Clear(b"d".to_vec()), file(format!("d/{layer}")), remove("d")]).unwrap();
        }
    });
    assert_eq!(tree.walk().count(), 3);
}

#[test]
fn replacing_a_large_directory_costs_what_it_held() {
    let mut tree = tree();
    tree.apply((0..MANY).map(|at| file(format!("d/{at}")))).unwrap();
    let flip = |at| [file("d"), entry("d", Kind::Directory), file(format!("d/{at}"))];
    timed(|| tree.apply((0..MANY / 2).flat_map(flip)).unwrap());
    assert_eq!(tree.walk().count(), 3);
    assert_eq!(tree.summary(1).unwrap().removed, MANY - 1);
}

#[test]
fn names_in_falling_order_stay_linear() {
    let mut tree = tree();
    timed(|| tree.apply((0..MANY).rev().map(|at| file(format!("{at:06}")))).unwrap());
    assert!(tree.walk().skip(1).map(|node| node.path).is_sorted());
}

#[test]
fn symlinks_cannot_make_one_path_cost_more_than_its_limits_allow() {
    let target = |at: usize| format!("{}l{}", "x/../".repeat(100), at + 1).into_bytes();
    let mut layer = vec![entry("x", Kind::Directory)];
    layer.extend((0..30).map(|at| entry(format!("l{at}"), Kind::Symlink { target: target(at) })));
    layer.push(entry("l30", Kind::Directory));
    let mut many = layer.clone();
    many.extend((0..MANY / 20).map(|at| file(format!("{}/f", if at % 2 == 0 { "l27" } else { "l28" }))));
    timed(|| tree().apply(many).unwrap());
    layer.push(file("l0/f"));
    let error = tree().apply(layer.clone()).unwrap_err();
    assert_eq!(error.code(), Code::LimitExceeded);
    assert!(error.to_string().contains("raise path-depth"), "{error}");
    let limits = Limits { path_depth: 100_000, ..Limits::default() };
    let error = Tree::new(limits.clone()).apply(layer.clone()).unwrap_err();
    assert!(error.to_string().contains("raise path-bytes"), "{error}");
    Tree::new(Limits { path_bytes: 100_000, ..limits }).apply(layer).unwrap();
}

#[test]
fn a_deep_tree_needs_no_deep_stack() {
    const DEPTH: usize = 4_000;
    let limits = Limits { path_depth: DEPTH as u64, path_bytes: 2 * DEPTH as u64, ..Limits::default() };
    let work = move || {
        let mut tree = Tree::new(limits);
        let deep = vec!["d"; DEPTH].join("/");
        tree.apply([file(deep.clone())]).unwrap();
        assert_eq!(tree.walk().last().unwrap().path, deep.as_bytes());
        let root = tree.node(b"").unwrap();
        assert_eq!((tree.sizes().bytes(&root), tree.sizes().paths(&root)), (1, DEPTH as u32 + 1));
        tree.apply([remove("d")]).unwrap();
        let removed = tree.diff(1).swap_remove(0);
        assert_eq!((removed.removed_paths, removed.removed_bytes), (DEPTH as u64, 1));
        tree.apply([file(deep.clone())]).unwrap();
        assert_eq!(tree.waste(1).paths[0].path, deep.as_bytes());
        let _ = tree.clone();
    };
    std::thread::Builder::new().stack_size(128 << 10).spawn(work).unwrap().join().unwrap();
}

#[test]
fn hard_links_of_one_file_stay_linear() {
    let mut tree = tree();
    let link = |at| entry(format!("{}/{at}", at % 100), Kind::HardLink { target: b"a".to_vec() });
    timed(|| tree.apply([file("a")].into_iter().chain((0..MANY).map(link))).unwrap());
    let last = timed(|| tree.walk().last().unwrap());
    assert_eq!((last.links, last.link.as_deref()), (MANY + 1, Some(&b"0/0"[..])));
    let sizes = timed(|| tree.sizes());
    for path in [&b""[..], b"0", b"99", b"99/99"] {
        assert_eq!(sizes.bytes(&tree.node(path).unwrap()), 1);
    }
}

#[test]
fn every_budget_of_the_tree_is_kept() {
    let limits = Limits {
        tree_entries: 10,
        layer_entries: 8,
        layers: 4,
        path_depth: 3,
        path_bytes: 20,
        layer_uncompressed_bytes: 100,
        ..Limits::default()
    };
    let key = |layers: Vec<Vec<Change>>| {
        let mut tree = Tree::new(limits.clone());
        let results: Vec<_> = layers.into_iter().map(|layer| tree.apply(layer)).collect();
        match results.into_iter().find_map(Result::err) {
            Some(portolan_layer::Error::Image(portolan_image::Error::LimitExceeded { key, .. })) => key,
            other => panic!("{other:?}"),
        }
    };
    let files = |from: u32, to: u32| (from..to).map(|at| file(at.to_string())).collect::<Vec<_>>();
    let mut exact = Tree::new(limits.clone());
    exact.apply(files(0, 8)).unwrap();
    exact.apply(files(8, 10)).unwrap();
    assert_eq!(key(vec![files(0, 9)]), "layer-entries");
    assert_eq!(key(vec![files(0, 8), files(8, 11)]), "tree-entries");
    assert_eq!(key(vec![files(0, 8), files(0, 8), files(0, 8)]), "tree-entries");
    assert_eq!(key(vec![vec![]; 5]), "layers");
    assert_eq!(key(vec![vec![file("a/b/c/d")]]), "path-depth");
    let far = entry("s", Kind::Symlink { target: b"a/b/c".to_vec() });
    assert_eq!(key(vec![vec![far, file("s/f")]]), "path-depth");
    assert_eq!(
        key(vec![vec![entry("a", Kind::File { size: 60 }), entry("a", Kind::File { size: 41 })]]),
        "layer-uncompressed-bytes"
    );
    let whiteouts = vec![remove("x"); 9];
    assert_eq!(key(vec![whiteouts]), "layer-entries");
}
