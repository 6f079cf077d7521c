//! `portolan ls`.

use crate::{Written, demo, portolan};
use portolan_tests::tar::{self, Entry};
use serde_json::json;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

fn many_kinds() -> Written {
    let bottom = tar::Builder::new()
        .entry(Entry::dir("d/").mode(0o2775).owner(1000, 1500))
        .entry(Entry::file("d/su", [b'#'; 12345]).mode(0o4755).mtime(0).xattr("user.note", b"\xff"))
        .file("d/.hidden", b"")
        .hardlink("d/twin", "d/su")
        .block_device("d/sda", 8, 1)
        .symlink("to-d", "/d")
        .symlink("to-su", "d/su")
        .symlink("dangling", "nowhere");
    Written::of([bottom, tar::Builder::new().fifo("d/pipe").whiteout("d/.hidden").file("d/new", b"1")])
}

#[test]
fn names_alone_are_one_a_line() {
    let written = many_kinds();
    let list = |args: &[&str]| portolan(["ls", written.reference()].iter().chain(args)).done();
    assert_eq!(list(&[]), "d\ndangling\nto-d\nto-su\n");
    assert_eq!(list(&["d"]), "new\npipe\nsda\nsu\ntwin\n");
    assert_eq!(list(&["/to-d"]), list(&["d"]));
    assert_eq!(list(&["d/su", "to-d/"]), "d/su\n\nto-d/:\nnew\npipe\nsda\nsu\ntwin\n");
    assert_eq!(list(&["d/su", "dangling"]), "d/su\ndangling\n");
    assert_eq!(list(&["-R", "/"]), "d\nd/new\nd/pipe\nd/sda\nd/su\nd/twin\ndangling\nto-d\nto-su\n");
}

#[test]
fn long_lines_say_everything_in_columns() {
    let written = many_kinds();
    let shown = portolan(["ls", "-l", written.reference(), "d"]).done();
    let expected = "\
-rw-r--r--  0:0      1  2024-01-01 00:00  L1  new
prw-r--r--  0:0      -  2024-01-01 00:00  L1  pipe
brw-r--r--  0:0   8, 1  2024-01-01 00:00  L0  sda
-rwsr-xr-x  0:0  12345  1970-01-01 00:00  L0  su
-rwsr-xr-x  0:0  12345  1970-01-01 00:00  L0  twin
";
    assert_eq!(shown, expected);
    // As with `ls -l`, a link is shown itself, unless a slash says that its directory is meant.
    let shown = portolan(["ls", "-l", written.reference(), "to-d"]).done();
    assert_eq!(shown, "lrwxrwxrwx  0:0  -  2024-01-01 00:00  L0  to-d -> /d\n");
    assert_eq!(portolan(["ls", "-l", written.reference(), "to-d/"]).done(), expected);
    assert!(portolan(["ls", "-l", written.reference()]).done().starts_with("drwxrwsr-x  1000:1500  -  "));
}

#[test]
fn json_has_all_that_is_known() {
    let written = many_kinds();
    let shown = portolan(["ls", "--json", written.reference(), "d"]).json();
    assert!(shown["digest"].as_str().unwrap().starts_with("sha256:"));
    let entries = shown["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 5);
    assert_eq!(
        (&entries[2]["type"], &entries[2]["major"], &entries[2]["minor"]),
        (&json!("block-device"), &json!(8), &json!(1))
    );
    assert_eq!(
        entries[3],
        json!({
            "path": "d/su", "type": "file", "size": 12345, "mode": "4755", "uid": 0, "gid": 0,
            "mtime": "1970-01-01T00:00:00Z",
            "xattrs": [{ "name": "user.note", "value": "\u{fffd}", "valueBytes": "/w==" }],
            "layer": 0, "source": { "layer": 0, "ordinal": 1 }, "links": 2,
        })
    );
    assert_eq!(entries[4]["source"], entries[3]["source"]);
    let links = portolan(["ls", "--json", written.reference(), "dangling"]).json();
    assert_eq!((&links["entries"][0]["type"], &links["entries"][0]["target"]), (&json!("symlink"), &json!("nowhere")));
    assert_eq!(portolan(["ls", "--json", "--glob", "none", written.reference()]).json()["entries"], json!([]));
}

#[test]
fn a_pattern_finds_paths_without_the_directories_above() {
    let list = |glob: &str| portolan(["ls", "-p", "linux/amd64", &demo(), "--glob", glob]).done();
    assert_eq!(list("**/{passwd,hello}"), "etc/passwd\nusr/bin/hello\n");
    assert_eq!(list("/home/*"), "home/traveller\n");
    assert_eq!(list("**/posix/*/B*").lines().count(), 5);
    assert_eq!(list("no/such"), "");
}

/// Hostile row 52: what a terminal would obey is shown escaped, in JSON too, and read again it is the same.
#[test]
fn weird_names_are_shown_and_not_obeyed() {
    let weird = "a\u{1b}[2Jb\n\u{9b}c\u{202e}";
    let tar = tar::Builder::new()
        .entry(Entry::dir("{*,?/").long(tar::Long::Pax))
        .entry(Entry::file(format!("{{*,?/{weird}"), b"x").long(tar::Long::Pax))
        .file(b"{*,?/\xff", b"y")
        .symlink("l", b"\x1b\xfe");
    let written = Written::of([tar]);
    let escaped = "a\\u{1b}[2Jb\\n\\u{9b}c\\u{202e}";
    assert_eq!(portolan(["ls", written.reference(), "{*,?"]).done(), format!("{escaped}\n\\xff\n"));
    assert!(portolan(["tree", written.reference()]).done().contains(escaped));
    assert!(portolan(["tree", "--diff", written.reference()]).done().contains(escaped));
    assert!(portolan(["ls", "-l", written.reference()]).done().contains("l -> \\u{1b}\\xfe\n"));
    for command in ["ls", "tree"] {
        let run = portolan([command, "--json", written.reference(), "{*,?"]);
        let text = String::from_utf8(run.stdout.clone()).unwrap();
        assert!(!text.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{text}");
        let shown = run.json();
        let mut entries = shown["entries"].as_array().unwrap().iter().rev();
        let last = entries.next().unwrap();
        assert_eq!((&last["path"], &last["pathBytes"]), (&json!("{*,?/\u{fffd}"), &json!("eyosPy//")));
        assert_eq!(entries.next().unwrap()["path"], format!("{{*,?/{weird}"));
    }
    let bytes = [OsStr::new("cat"), OsStr::new(written.reference()), OsStr::from_bytes(b"{*,?/\xff")];
    assert_eq!(portolan(bytes).done(), "y");
}

#[test]
fn a_path_that_is_not_there_fails_the_run() {
    let written = many_kinds();
    for path in ["none", "d/su/below", "d/su/", "dangling/", "d/.hidden"] {
        let error = portolan(["ls", written.reference(), "d", path]).failed(2);
        assert!(error.contains(path.trim_end_matches('/')), "{error}");
    }
}
