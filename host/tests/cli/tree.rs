//! `portolan tree`.

use crate::{Written, demo, portolan};
use portolan_tests::tar;
use serde_json::{Value, json};

/// What layers do to a tree: files replaced, removed alone and with their directory, an opaque whiteout, a hard link
/// whose first name goes.
fn changed() -> Written {
    let bottom = tar::Builder::new()
        .dir("d/")
        .file("d/x", b"xx")
        .dir("d/sub/")
        .file("d/sub/y", b"yyy")
        .dir("etc/")
        .file("etc/a", b"one")
        .file("etc/b", b"two")
        .hardlink("etc/c", "etc/b")
        .dir("gone/")
        .file("gone/z", b"z");
    let top = tar::Builder::new()
        .file("etc/a", b"longer")
        .whiteout("etc/b")
        .opaque("d")
        .file("d/new", b"new!")
        .whiteout("gone");
    Written::of([bottom, top])
}

#[test]
fn the_demo_image_is_a_tree() {
    let shown = portolan(["tree", "-p", "linux/amd64", "--depth", "2", &demo()]).done();
    let expected = "\
/
├── bin -> usr/bin
├── etc
│   ├── group
│   ├── localtime -> /usr/share/zoneinfo/Europe/Berlin
│   ├── motd
│   ├── os-release
│   └── passwd
├── home
│   └── traveller
├── tmp
├── usr
│   ├── bin
│   └── share
└── var
    └── cache

4 files, 9 directories, 2 symlinks, 14.7 kB in 4 layers
";
    assert_eq!(shown, expected);
    assert_eq!(portolan(["tree", "-q", "-p", "linux/amd64", &demo(), "/home/."]).done(), "home\n└── traveller\n");
}

#[test]
fn directories_have_the_size_of_all_below_with_hard_links_counted_once() {
    let written = Written::of([tar::Builder::new()
        .dir("d/")
        .file("d/a", [b'a'; 1500])
        .hardlink("d/b", "d/a")
        .fifo("d/f")
        .char_device("d/null", 1, 3)
        .symlink("l", "d/a")]);
    let shown = portolan(["tree", "--sizes", written.reference()]).done();
    let expected = "  1.5 kB  /
  1.5 kB  ├── d
  1.5 kB  │   ├── a
  1.5 kB  │   ├── b = d/a
          │   ├── f (named pipe)
          │   └── null (character device 1, 3)
          └── l -> d/a

1 file, 1 directory, 1 symlink, 1 hard link, 2 special files, 1.5 kB in 1 layer
";
    assert_eq!(shown, expected);
    let shown = portolan(["tree", "--sizes", "--json", written.reference(), "l"]).json();
    assert_eq!((&shown["entries"][0]["path"], &shown["entries"][0]["size"]), (&json!("d/a"), &json!(1500)));
    let shown = portolan(["tree", "--sizes", "--json", written.reference()]).json();
    assert_eq!((&shown["bytes"], &shown["files"], &shown["hardLinks"]), (&json!(1500), &json!(1), &json!(1)));
    let directory = &shown["entries"][1];
    assert_eq!((&directory["path"], &directory["bytes"], &directory["paths"]), (&json!("d"), &json!(1500), &json!(5)));
    assert_eq!((&shown["entries"][3]["sameAs"], &shown["entries"][3]["links"]), (&json!("d/a"), &json!(2)));
}

/// The state after a layer needs no layer above it: one that is missing does no harm.
#[test]
fn a_lower_layer_is_shown_without_reading_those_above() {
    let mut layout = crate::small();
    let manifest = layout.document(layout.entries()[0].digest());
    layout.remove(manifest["layers"][1]["digest"].as_str().unwrap());
    let written = Written::new(&layout);
    let shown = portolan(["tree", "--layer", "0", written.reference()]).done();
    assert_eq!(shown, "/\n└── etc\n    ├── issue\n    └── motd\n\n2 files, 1 directory, 11 B after 1 of 2 layers\n");
    assert!(
        portolan(["tree", "--diff", "--layer", "0", written.reference()]).done().contains("+      6 B      └── motd")
    );
    assert!(portolan(["tree", written.reference()]).failed(1).contains("is not there"));
    let error = portolan(["tree", "--layer", "2", written.reference()]).failed(2);
    assert_eq!(error, "error: there is no layer 2: those of the image are 0 to 1\n");
}

///
#[test]
fn what_a_layer_did_is_shown_with_sizes() {
    let written = changed();
    let shown = portolan(["tree", "--diff", "--layer", "1", written.reference()]).done();
    let (heading, tree) = shown.split_once("whiteouts\n").unwrap();
    assert!(heading.starts_with("layer 1  sha256:"), "{heading}");
    assert!(heading.ends_with("\n1 added, 1 modified, 6 removed; 10 B in 2 entries and 3 "), "{heading}");
    let expected = "            /
            ├── d
+      4 B  │   ├── new
-      3 B  │   ├── sub (2 paths)
-      2 B  │   └── x
            ├── etc
~      6 B  │   ├── a (was 3 B)
-      3 B  │   └── b
-      1 B  └── gone (2 paths)
";
    assert_eq!(tree, expected);
    let all = portolan(["tree", "--diff", written.reference()]).done();
    assert_eq!(all.lines().filter(|line| line.starts_with("layer ")).count(), 2);
    assert!(all.contains("\n\nlayer 1  ") && all.contains("+      3 B  │   ├── a\n"), "{all}");
}

#[test]
fn differences_are_one_json_value() {
    let written = changed();
    let shown = portolan(["tree", "--diff", "--json", written.reference()]).json();
    assert_eq!(shown["layers"].as_array().unwrap().len(), 2);
    let top = &shown["layers"][1];
    assert_eq!(
        (&top["layer"], &top["added"], &top["removed"], &top["whiteouts"]),
        (&1.into(), &1.into(), &6.into(), &3.into())
    );
    let differences = shown["differences"].as_array().unwrap();
    let find = |path: &str| differences.iter().find(|it| it["layer"] == 1 && it["path"] == path).unwrap();
    assert_eq!(
        find("etc/a"),
        &json!({ "layer": 1, "path": "etc/a", "action": "modified", "isDirectory": false, "sizeBefore": 3, "sizeAfter": 6 })
    );
    assert_eq!((&find("gone")["removedPaths"], &find("gone")["removedBytes"]), (&2.into(), &1.into()));
    assert_eq!((&find("gone")["withParent"], &find("gone/z")["withParent"]), (&false.into(), &true.into()));
    let below = portolan(["tree", "--diff", "--json", written.reference(), "/gone/"]).json();
    let paths: Vec<&Value> = below["differences"].as_array().unwrap().iter().map(|it| &it["path"]).collect();
    assert_eq!(paths, ["gone", "gone/z", "gone", "gone/z"]);
}

#[test]
fn a_path_that_never_was_fails_the_run() {
    let written = changed();
    for args in [&["tree"][..], &["tree", "--diff"], &["tree", "--json"], &["tree", "--diff", "--json"]] {
        let error = portolan(args.iter().copied().chain([written.reference(), "no/such"])).failed(2);
        assert!(error.contains("no/such") && error.contains("there is no such path"), "{error}");
    }
    assert!(portolan(["tree", written.reference(), "gone"]).failed(2).contains("there is no such path"));
    // What a layer removed is gone, and was there.
    assert!(portolan(["tree", "--diff", written.reference(), "gone"]).done().contains("-      1 B  gone (2 paths)"));
}
