//! The merged tree against the shared vectors of layers, and against the hostile inputs that reach it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use portolan_image::{Code, Limits};
use portolan_layer::path::normalize;
use portolan_layer::tree::{Node, Tree};
use portolan_layer::whiteout::{Whiteout, classify};
use portolan_layer::{Change, Device, Entry, Error, Kind, Owner, Result, Timestamp};
use serde_json::Value;

const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/vectors/layers.json");

fn vectors() -> Value {
    serde_json::from_slice(&std::fs::read(VECTORS).unwrap()).unwrap()
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

/// The changes of a layer of the vectors, as an unpacker would report them.
fn changes(layer: &Value) -> Result<Vec<Change>> {
    let limits = Limits::default();
    let mut changes = Vec::new();
    let mut ordinal = 0;
    for entry in layer.as_array().unwrap() {
        let name = text(entry, "path");
        let path = normalize(name.as_bytes(), &limits)?;
        match classify(&path)? {
            Whiteout::Remove(path) => changes.push(Change::Remove(path)),
            Whiteout::Clear(path) => changes.push(Change::Clear(path)),
            Whiteout::Ignored => {}
            Whiteout::No => {
                let target = text(entry, "linkname").into_bytes();
                let kind = match entry["type"].as_str().unwrap() {
                    "file" => Kind::File { size: text(entry, "content").len() as u64 },
                    "dir" => Kind::Directory,
                    "symlink" => Kind::Symlink { target },
                    "hardlink" => Kind::HardLink { target: normalize(&target, &limits)? },
                    "fifo" => Kind::Fifo,
                    other => panic!("{other}"),
                };
                let mode = match entry["mode"].as_str() {
                    Some(mode) => u32::from_str_radix(mode, 8).unwrap(),
                    None if kind == Kind::Directory => 0o755,
                    None => 0o644,
                };
                let (owner, mtime) = (Owner::default(), Timestamp::default());
                changes.push(Change::Entry(Entry { ordinal, path, kind, mode, owner, mtime, xattrs: vec![] }));
                ordinal += 1;
            }
        }
    }
    Ok(changes)
}

fn applied(layers: &Value) -> Result<Tree> {
    let mut tree = Tree::new(Limits::default());
    for layer in layers.as_array().unwrap() {
        tree.apply(changes(layer)?)?;
    }
    Ok(tree)
}

/// The content that the vectors give to a node.
fn content(layers: &Value, node: &Node<'_>) -> String {
    let entries = layers[node.layer as usize].as_array().unwrap().iter();
    let mut entries = entries.filter(|entry| !text(entry, "path").contains(".wh."));
    text(entries.nth(node.ordinal.unwrap() as usize).unwrap(), "content")
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|path| path.as_str().unwrap().to_owned()).collect()
}

//
#[test]
fn every_vector_of_layers_gives_its_tree() {
    let vectors = vectors();
    let cases = vectors["apply"].as_array().unwrap().iter().chain(vectors["applyOpaque"].as_array().unwrap());
    let mut count = 0;
    for case in cases {
        let name = text(case, "name");
        let tree = applied(&case["layers"]).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut paths: Vec<_> = tree.walk().skip(1).map(|node| String::from_utf8(node.path).unwrap()).collect();
        paths.sort();
        let mut present = strings(&case["present"]);
        present.sort();
        assert_eq!(paths, present, "{name}");
        for path in strings(&case["absent"]) {
            assert!(tree.node(path.as_bytes()).is_err(), "{name}: {path}");
        }
        for (path, kind) in case["types"].as_object().into_iter().flatten() {
            let node = tree.node(path.as_bytes()).unwrap();
            let actual = match node.kind {
                Kind::Directory => "dir",
                Kind::Symlink { .. } => "symlink",
                _ => "other",
            };
            assert_eq!(actual, kind.as_str().unwrap(), "{name}: {path}");
        }
        for (path, mode) in case["modes"].as_object().into_iter().flatten() {
            let mode = u32::from_str_radix(mode.as_str().unwrap(), 8).unwrap();
            assert_eq!(tree.node(path.as_bytes()).unwrap().mode, mode, "{name}: {path}");
        }
        for (path, expected) in case["contents"].as_object().into_iter().flatten() {
            let node = tree.node(path.as_bytes()).unwrap();
            assert_eq!(content(&case["layers"], &node), expected.as_str().unwrap(), "{name}: {path}");
        }
        count += 1;
    }
    assert!(count >= 20, "{count}");
}

//
#[test]
fn every_malformed_vector_is_refused_or_stays_in_the_root() {
    for case in vectors()["refuseOrContain"].as_array().unwrap() {
        let name = text(case, "name");
        let result = applied(&case["layers"]).map(|tree| {
            tree.walk().map(|node| String::from_utf8(node.path).unwrap()).skip(1).collect::<Vec<_>>().join(" ")
        });
        let answer = match &result {
            Ok(paths) => paths.as_str(),
            Err(error) => error.code().as_str(),
        };
        let expected = match name.as_str() {
            "whiteout without a basename" | "whiteout without a basename, nested" => "invalid-whiteout",
            "duplicate path in one layer" => "a",
            "path escapes the root" | "root replaced by a symlink" | "hard link target outside the root" => {
                "invalid-path"
            }
            "symlink then write through it" => "file link",
            "hard link target missing" => "invalid-link",
            "whiteout is a directory or link instead of a regular file" => "",
            other => panic!("no answer for {other}"),
        };
        assert_eq!(answer, expected, "{name}");
    }
}

// what a whiteout of each of the vectors removes.
#[test]
fn every_name_of_the_vectors_is_removed_by_its_whiteout() {
    for case in vectors()["whiteoutNames"].as_array().unwrap() {
        let whiteout = normalize(text(case, "whiteout").as_bytes(), &Limits::default()).unwrap();
        if text(case, "expect") == "error" {
            assert_eq!(classify(&whiteout).unwrap_err().code(), Code::InvalidWhiteout);
            continue;
        }
        let path = text(case, "path");
        let Whiteout::Remove(removed) = classify(&whiteout).unwrap() else { panic!("{path}") };
        let mut tree = Tree::new(Limits::default());
        let kind = if case["isDir"].as_bool().unwrap() { Kind::Directory } else { Kind::File { size: 1 } };
        tree.apply([entry(&path, kind)]).unwrap();
        let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        let before = tree.node(parent.as_bytes()).unwrap().mtime;
        tree.apply([Change::Remove(removed)]).unwrap();
        assert_eq!(tree.node(path.as_bytes()).unwrap_err().code(), Code::PathNotFound);
        assert_eq!(tree.node(parent.as_bytes()).unwrap().mtime, before);
    }
}

fn entry(path: &str, kind: Kind) -> Change {
    let (owner, mtime) = (Owner::default(), Timestamp::default());
    Change::Entry(Entry { ordinal: 0, path: path.into(), kind, mode: 0o644, owner, mtime, xattrs: vec![] })
}

fn file(path: &str) -> Change {
    entry(path, Kind::File { size: 1 })
}

fn directory(path: &str) -> Change {
    entry(path, Kind::Directory)
}

fn symlink(path: &str, target: &str) -> Change {
    entry(path, Kind::Symlink { target: target.into() })
}

fn link(path: &str, target: &str) -> Change {
    entry(path, Kind::HardLink { target: target.into() })
}

fn remove(path: &str) -> Change {
    Change::Remove(path.into())
}

fn clear(path: &str) -> Change {
    Change::Clear(path.into())
}

fn tree<const N: usize>(layers: [Vec<Change>; N]) -> Result<Tree> {
    let mut tree = Tree::new(Limits::default());
    for layer in layers {
        tree.apply(layer)?;
    }
    Ok(tree)
}

/// All paths of a tree, directories with a slash and symlinks with an arrow.
fn listing(tree: &Tree) -> String {
    let show = |node: Node<'_>| {
        let path = String::from_utf8(node.path).unwrap();
        match node.kind {
            Kind::Directory => path + "/",
            Kind::Symlink { .. } => path + "@",
            _ => path,
        }
    };
    tree.walk().skip(1).map(show).collect::<Vec<_>>().join(" ")
}

// Hostile input 4, CVE-2021-29136.
#[test]
fn the_root_can_only_be_a_directory() {
    for kind in [Kind::Symlink { target: "/etc".into() }, Kind::File { size: 0 }, Kind::Fifo] {
        assert_eq!(tree([vec![entry("", kind)]]).unwrap_err().code(), Code::InvalidPath);
    }
    let error = tree([vec![file("a")], vec![link("", "a")]]).unwrap_err();
    assert_eq!(error.to_string(), "invalid path \"\": the root of an image can only be a directory");
    assert_eq!(tree([vec![file("a")], vec![remove("")]]).unwrap_err().code(), Code::InvalidWhiteout);
    assert_eq!(listing(&tree([vec![file("a")], vec![directory("")]]).unwrap()), "a");
}

// Hostile inputs 5, 8 and 10.
#[test]
fn an_entry_below_a_symlink_lands_inside_the_root() {
    let expected = "outside/ outside/f pwn@";
    assert_eq!(listing(&tree([vec![symlink("pwn", "/outside"), file("pwn/f")]]).unwrap()), expected);
    assert_eq!(listing(&tree([vec![symlink("pwn", "/outside")], vec![file("pwn/f")]]).unwrap()), expected);
    assert_eq!(listing(&tree([vec![symlink("pwn", "../../../outside"), file("pwn/f")]]).unwrap()), expected);
    assert_eq!(listing(&tree([vec![symlink("pwn", "/../.."), file("pwn/f")]]).unwrap()), "f pwn@");
}

// Hostile input 6, CVE-2020-27833.
#[test]
fn a_chain_of_symlinks_stays_inside_the_root() {
    let layer = vec![
        directory("subdir"),
        symlink("subdir/parent", ".."),
        symlink("subdir/parent/escapes", ".."),
        file("escapes/f"),
        file("subdir/parent/escapes/g"),
    ];
    assert_eq!(listing(&tree([layer]).unwrap()), "escapes@ f g subdir/ subdir/parent@");
}

#[test]
fn a_loop_of_symlinks_is_an_error_that_names_the_path() {
    let error = tree([vec![symlink("a", "b"), symlink("b", "a"), file("a/f")]]).unwrap_err();
    assert_eq!(error.to_string(), "invalid path \"a\": more than 40 symbolic links on the way");
    let chain = |count: usize| {
        let mut layer: Vec<_> = (0..count).map(|at| symlink(&format!("l{at}"), &format!("l{}", at + 1))).collect();
        layer.push(file("l0/f"));
        tree([layer])
    };
    assert!(chain(40).is_ok());
    assert_eq!(chain(41).unwrap_err().code(), Code::InvalidPath);
}

// Hostile input 7, CVE-2026-33056.
#[test]
fn a_directory_entry_replaces_a_symlink_and_leaves_its_target_alone() {
    let Change::Entry(real) = directory("real") else { unreachable!() };
    let layer = vec![
        Change::Entry(real.clone()),
        symlink("d", "real"),
        Change::Entry(Entry { path: b"d".into(), mode: 0o777, ..real }),
    ];
    let tree = tree([layer]).unwrap();
    assert_eq!(listing(&tree), "d/ real/");
    assert_eq!((tree.node(b"d").unwrap().mode, tree.node(b"real").unwrap().mode), (0o777, 0o644));
}

// Hostile input 9, GHSA-r628-mhmh-qjhw.
#[test]
fn a_directory_that_became_a_symlink_is_not_remembered_as_a_directory() {
    let layer = vec![directory("d"), file("d/f"), symlink("d", "e"), file("d/g")];
    assert_eq!(listing(&tree([layer]).unwrap()), "d@ e/ e/g");
    let layer = vec![directory("x/d"), file("x/d/f"), symlink("x", "e"), file("x/d/g")];
    assert_eq!(listing(&tree([layer]).unwrap()), "e/ e/d/ e/d/g x@");
    let layer = vec![symlink("s", "."), file("s/s"), file("s/g")];
    assert_eq!(listing(&tree([layer]).unwrap()), "s/ s/g");
    let layer = vec![symlink("d", "a"), file("d/f"), symlink("d", "b"), file("d/g")];
    assert_eq!(listing(&tree([layer]).unwrap()), "a/ a/f b/ b/g d@");
}

// Hostile input 12, R-13.
#[test]
fn a_hard_link_is_made_only_to_what_is_in_the_image() {
    assert_eq!(tree([vec![link("h", "etc/shadow")]]).unwrap_err().code(), Code::InvalidLink);
    // Hostile input 13: whatever the working directory has, links are relative to the root of the image.
    assert_eq!(tree([vec![link("h", "Cargo.toml")]]).unwrap_err().code(), Code::InvalidLink);
}

// Hostile input 14, R-15.
#[test]
fn a_hard_link_goes_through_symlinks_on_the_way_but_not_at_the_end() {
    let layer =
        vec![file("real/f"), symlink("d", "/../real"), symlink("s", "real/f"), link("h", "d/f"), link("t", "s")];
    let tree = tree([layer]).unwrap();
    let inode = |path: &[u8]| tree.node(path).unwrap().inode;
    assert_eq!(inode(b"h"), inode(b"real/f"));
    assert_eq!(inode(b"t"), inode(b"s"));
    assert_eq!((tree.node(b"h").unwrap().links, tree.node(b"t").unwrap().links), (2, 2));
}

// Hostile input 15, R-15, R-22.
#[test]
fn a_replaced_name_leaves_its_hard_links_the_old_inode() {
    let tree = tree([vec![file("a")], vec![link("b", "a")], vec![entry("a", Kind::File { size: 7 })]]).unwrap();
    let (a, b) = (tree.node(b"a").unwrap(), tree.node(b"b").unwrap());
    assert_eq!((a.bytes(), a.layer, a.links), (7, 2, 1));
    assert_eq!((b.bytes(), b.layer, b.named, b.links), (1, 0, 1, 1));
}

// Hostile input 16.
#[test]
fn a_hard_link_to_nothing_itself_or_a_directory_is_an_error() {
    let cases = [
        (vec![link("b", "a"), file("a")], "the target is not in the image, or stands later in its layer"),
        (vec![link("a", "a")], "the target is not in the image, or stands later in its layer"),
        (vec![file("a"), link("a", "a")], "a path cannot be a hard link to itself"),
        (vec![file("a"), symlink("s", "."), link("s/a", "a")], "a path cannot be a hard link to itself"),
        (vec![directory("d"), link("h", "d")], "a directory cannot be hard linked"),
        (vec![directory("d"), link("h", "")], "a directory cannot be hard linked"),
        (vec![file("f"), link("h", "f/g")], "a component of the target is not a directory"),
        (vec![file("f"), link("f/g", "f")], "a directory cannot be hard linked"),
        (vec![symlink("l", "l"), link("h", "l/x")], "more than 40 symbolic links on the way to the target"),
    ];
    for (layer, expected) in cases {
        match tree([layer.clone()]).unwrap_err() {
            Error::InvalidLink { rule, .. } => assert_eq!(rule, expected, "{layer:?}"),
            other => panic!("{other}"),
        }
    }
    assert_eq!(tree([vec![file("a")], vec![link("a", "a")]]).unwrap_err().code(), Code::InvalidLink);
}

// Hostile input 18: what of it is left when names are parsed.
#[test]
fn an_opaque_whiteout_at_the_root_clears_the_lower_layers() {
    let tree = tree([vec![file("a/b"), file("c")], vec![file("d"), clear("")]]).unwrap();
    assert_eq!(listing(&tree), "d");
}

// Hostile input 19, R-30.
#[test]
fn a_whiteout_below_a_symlink_removes_inside_the_root() {
    let lower = vec![symlink("out", "/etc"), file("etc/x"), file("etc/y/z"), symlink("up", "../../etc")];
    assert_eq!(listing(&tree([lower.clone(), vec![remove("out/x")]]).unwrap()), "etc/ etc/y/ etc/y/z out@ up@");
    assert_eq!(listing(&tree([lower.clone(), vec![clear("up")]]).unwrap()), "etc/ out@ up@");
    assert_eq!(listing(&tree([lower.clone(), vec![clear("out/y")]]).unwrap()), "etc/ etc/x etc/y/ out@ up@");
    assert_eq!(listing(&tree([lower, vec![remove("out")]]).unwrap()), "etc/ etc/x etc/y/ etc/y/z up@");
    let dangling =
        tree([vec![symlink("s", "none"), symlink("l", "l"), file("f")], vec![remove("s/x"), clear("s"), clear("f")]]);
    assert_eq!(listing(&dangling.unwrap()), "f l@ s@");
    assert_eq!(tree([vec![symlink("l", "l")], vec![remove("l/x")]]).unwrap_err().code(), Code::InvalidPath);
}

// Hostile input 20, R-25, R-28.
#[test]
fn whiteouts_act_on_lower_layers_first_wherever_they_stand() {
    let lower = vec![file("d/a"), file("d/b"), file("d/e/f"), symlink("s", "d")];
    let layer = vec![
        remove("d/e"),
        file("d/e/g"),
        clear("d"),
        file("d/c"),
        remove("s"),
        remove("s/a"),
        file("d/a"),
        file("s/x"),
    ];
    for turn in 0..layer.len() {
        let mut layer = layer.clone();
        layer.rotate_left(turn);
        let tree = tree([lower.clone(), layer]).unwrap();
        assert_eq!(listing(&tree), "d/ d/a d/c d/e/ d/e/g s/ s/x", "{turn}");
    }
}

// Overlay drivers mark a directory that took the place of a symlink as opaque; the old target is not theirs to empty.
#[test]
fn a_whiteout_below_a_directory_that_replaces_a_symlink_spares_the_old_target() {
    let lower = vec![file("usr/lib/a"), symlink("lib", "usr/lib")];
    for layer in [
        vec![directory("lib"), clear("lib"), file("lib/b")],
        vec![clear("lib"), file("lib/b"), directory("lib")],
        vec![remove("lib/a"), directory("lib"), file("lib/b")],
    ] {
        // An entry before its directory goes through the symlink, as it does in every extractor.
        let expected = if layer[1] == file("lib/b") {
            "lib/ usr/ usr/lib/ usr/lib/a usr/lib/b"
        } else {
            "lib/ lib/b usr/ usr/lib/ usr/lib/a"
        };
        assert_eq!(listing(&tree([lower.clone(), layer]).unwrap()), expected);
    }
    assert_eq!(listing(&tree([lower, vec![clear("lib"), file("lib/b")]]).unwrap()), "lib@ usr/ usr/lib/ usr/lib/b");
}

//
#[test]
fn a_directory_over_a_directory_keeps_its_children_and_takes_the_new_attributes() {
    let attributes = |mode, seconds| {
        let Change::Entry(entry) = directory("d") else { unreachable!() };
        Change::Entry(Entry { mode, ordinal: 5, mtime: Timestamp { seconds, nanoseconds: 1 }, ..entry })
    };
    let tree = tree([vec![file("d/f")], vec![attributes(0o700, 1)], vec![attributes(0o700, 1)]]).unwrap();
    let node = tree.node(b"d").unwrap();
    assert_eq!((node.mode, node.mtime.seconds, node.layer, node.ordinal), (0o700, 1, 1, Some(5)));
    assert_eq!((node.named, node.replaced), (0, Some(0)));
    assert_eq!(listing(&tree), "d/ d/f");
    assert!(tree.diff(2).is_empty());
}

#[test]
fn a_missing_parent_is_an_implied_directory_until_an_entry_describes_it() {
    let implied = tree([vec![file("a/b/f")]]).unwrap();
    let node = implied.node(b"a/b").unwrap();
    assert_eq!(
        (node.mode, node.owner, node.mtime, node.layer, node.ordinal),
        (0o755, Owner::default(), Timestamp::default(), 0, None)
    );
    let described = tree([vec![file("a/b/f"), directory("a/b")]]).unwrap();
    assert_eq!((described.node(b"a/b").unwrap().mode, described.node(b"a/b").unwrap().ordinal), (0o644, Some(0)));
    assert_eq!(implied.node(b"").unwrap().ordinal, None);
}

#[test]
fn a_failed_layer_closes_the_tree() {
    let mut tree = Tree::new(Limits::default());
    assert!(tree.apply([link("a", "b")]).is_err());
    assert_eq!(tree.apply([file("a")]).unwrap_err().code(), Code::InvalidState);
}

#[test]
fn every_kind_of_entry_comes_out_as_it_went_in() {
    let device = Device { major: 1, minor: 3 };
    let kinds = [Kind::CharDevice(device), Kind::BlockDevice(device), Kind::Fifo, Kind::File { size: 3 }];
    let layer = kinds.iter().enumerate().map(|(at, kind)| entry(&at.to_string(), kind.clone())).collect();
    let tree = tree([layer]).unwrap();
    let found: Vec<_> = tree.walk().skip(1).map(|node| node.kind.clone()).collect();
    assert_eq!(found, kinds);
}
