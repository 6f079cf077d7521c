//! Layers about what is below them: replaced types, whiteouts, hard links across layers, links in the way.

use super::NamedLayer;
use crate::tar::{Builder, Entry};

pub(super) fn layers() -> Vec<NamedLayer> {
    vec![
        ("lower: types to be replaced", replaced_lower()),
        ("upper: every type replaced by every other", replaced_upper()),
        ("lower: files to be whited out", whiteouts_lower()),
        ("upper: whiteouts before and after their siblings", whiteouts_upper()),
        ("lower: directories to become opaque", opaque_lower()),
        ("upper: opaque whiteouts, first, in the middle and last", opaque_upper()),
        ("lower: hard-link groups", links_lower()),
        ("middle: links to files of the layer below", links_middle()),
        ("upper: one name of a group replaced, whited out or relinked", links_upper()),
        ("lower: directories reached through links", through_lower()),
        ("upper: entries whose parent is a link of the layer below", through_upper()),
        ("directory attributes changed, children kept", attributes()),
        ("a path twice in one layer", duplicates()),
        ("what was whited out comes back", back_again()),
        ("an empty layer", Builder::new()),
    ]
}

const TYPES: [&str; 5] = ["file", "dir", "symlink", "dirlink", "fifo"];

fn of_type(kind: &str, name: &str, content: &str) -> Vec<Entry> {
    match kind {
        "file" => vec![Entry::file(name, content)],
        "dir" => vec![Entry::dir(format!("{name}/")), Entry::file(format!("{name}/{content}"), content)],
        "symlink" => vec![Entry::symlink(name, format!("target-of-{content}"))],
        "dirlink" => vec![Entry::symlink(name, "elsewhere")],
        _ => vec![Entry::fifo(name)],
    }
}

fn replaced(content: &str) -> Builder {
    let mut tar = Builder::new().dir("replaced/").dir("replaced/elsewhere/").file("replaced/elsewhere/kept", b"kept");
    for from in TYPES {
        for to in TYPES {
            let kind = if content == "old" { from } else { to };
            tar = tar.entries(of_type(kind, &format!("replaced/{from}-by-{to}"), content));
        }
    }
    tar
}

fn replaced_lower() -> Builder {
    replaced("old").file("replaced/content", b"old and longer").file("replaced/untouched", b"as it was")
}

fn replaced_upper() -> Builder {
    replaced("new").entry(Entry::file("replaced/content", b"new").mode(0o600).owner(5, 5))
}

fn whiteouts_lower() -> Builder {
    Builder::new()
        .dir("whiteouts/")
        .file("whiteouts/file", b"")
        .file("whiteouts/kept", b"")
        .symlink("whiteouts/symlink", "kept")
        .symlink("whiteouts/dirlink", "tree")
        .fifo("whiteouts/fifo")
        .dir("whiteouts/tree/")
        .file("whiteouts/tree/a", b"")
        .dir("whiteouts/tree/sub/")
        .file("whiteouts/tree/sub/b", b"")
        .dir("whiteouts/partly/")
        .file("whiteouts/partly/gone", b"")
        .file("whiteouts/partly/stays", b"")
        .dir("whiteouts/emptied/")
        .file("whiteouts/emptied/only", b"")
        .file("whiteouts/remade-after", b"old")
        .dir("whiteouts/remade-as-file/")
        .file("whiteouts/remade-as-file/x", b"")
        .file(b"whiteouts/odd\n\xff", b"")
        .file(format!("whiteouts/{}", "w".repeat(200)), b"")
        .file("whiteout-at-root", b"")
}

fn whiteouts_upper() -> Builder {
    Builder::new()
        .whiteout("whiteout-at-root")
        .whiteout("whiteouts/file")
        .whiteout("whiteouts/symlink")
        .whiteout("whiteouts/dirlink")
        .whiteout("whiteouts/fifo")
        .file("whiteouts/new-before", b"")
        .whiteout("whiteouts/tree")
        .file("whiteouts/new-after", b"")
        .whiteout("whiteouts/never-was")
        .whiteout("whiteouts/partly/gone")
        .whiteout("whiteouts/emptied/only")
        .whiteout("whiteouts/remade-after")
        .file("whiteouts/remade-after", b"new")
        .whiteout("whiteouts/remade-as-file")
        .file("whiteouts/remade-as-file", b"now a file")
        .whiteout(b"whiteouts/odd\n\xff")
        .whiteout(format!("whiteouts/{}", "w".repeat(200)))
        // A whiteout is known by its name alone; some writers give it a mode and an owner.
        .entry(Entry::file("whiteouts/.wh.with-attributes", b"").mode(0).owner(3, 3))
}

fn opaque_lower() -> Builder {
    ["first", "middle", "last", "alone", "nested", "missing-dir-entry"].into_iter().fold(
        Builder::new().dir("opaque/"),
        |tar, name| {
            tar.dir(format!("opaque/{name}/"))
                .file(format!("opaque/{name}/old"), b"old")
                .file(format!("opaque/{name}/same"), b"old")
                .dir(format!("opaque/{name}/sub/"))
                .file(format!("opaque/{name}/sub/old"), b"old")
        },
    )
}

fn opaque_upper() -> Builder {
    Builder::new()
        .dir("opaque/first/")
        .opaque("opaque/first")
        .file("opaque/first/new", b"new")
        .file("opaque/first/same", b"new")
        .dir("opaque/middle/")
        .file("opaque/middle/same", b"new")
        .opaque("opaque/middle")
        .file("opaque/middle/new", b"new")
        .dir("opaque/last/")
        .file("opaque/last/new", b"new")
        .dir("opaque/last/sub/")
        .file("opaque/last/sub/new", b"new")
        .opaque("opaque/last")
        .opaque("opaque/alone")
        .opaque("opaque/nested/sub")
        .file("opaque/missing-dir-entry/new", b"new")
        .opaque("opaque/missing-dir-entry/")
}

fn links_lower() -> Builder {
    let mut tar = Builder::new().dir("links/");
    for group in ["kept", "replaced", "removed", "first-removed", "relinked", "rewritten"] {
        tar = tar
            .file(format!("links/{group}-a"), group)
            .hardlink(format!("links/{group}-b"), format!("links/{group}-a"))
            .hardlink(format!("links/{group}-c"), format!("links/{group}-a"));
    }
    tar.file("links/to-be-linked", b"below").dir("links/dir/").file("links/dir/inner", b"inner")
}

fn links_middle() -> Builder {
    Builder::new()
        .hardlink("links/kept-d", "links/kept-b")
        .hardlink("links/dir/across", "links/to-be-linked")
        .hardlink("links/inner-out", "links/dir/inner")
        .file("links/own", b"own")
        .hardlink("links/own-b", "links/own")
}

fn links_upper() -> Builder {
    Builder::new()
        .file("links/replaced-b", b"another inode")
        .whiteout("links/removed-b")
        .whiteout("links/first-removed-a")
        .hardlink("links/relinked-c", "links/own")
        // The whole group written anew, as a packer does when the content changed.
        .file("links/rewritten-a", b"rewritten anew")
        .hardlink("links/rewritten-b", "links/rewritten-a")
        .hardlink("links/rewritten-c", "links/rewritten-a")
}

fn through_lower() -> Builder {
    Builder::new()
        .dir("through/")
        .dir("through/real/")
        .file("through/real/old", b"old")
        .file("through/real/doomed", b"")
        .symlink("through/relative", "real")
        .symlink("through/absolute", "/through/real")
        .symlink("through/chain", "relative")
        .dir("through/deep/")
        .symlink("through/deep/up", "../real")
        .symlink("through/root", "/")
        .symlink("through/above-the-root", "../../../../through/real")
}

fn through_upper() -> Builder {
    Builder::new()
        .file("through/relative/by-relative", b"1")
        .file("through/absolute/by-absolute", b"2")
        .file("through/chain/by-chain", b"3")
        .file("through/deep/up/by-up", b"4")
        .file("through/root/through/real/by-root", b"5")
        .file("through/above-the-root/by-above", b"6")
        .dir("through/relative/dir-by-relative/")
        .file("through/relative/dir-by-relative/child", b"7")
        .hardlink("through/hardlink", "through/relative/old")
        .whiteout("through/chain/doomed")
}

fn attributes() -> Builder {
    Builder::new()
        .entry(Entry::dir("types/deep/").mode(0o700).owner(21, 22).mtime_nanos(1_100_000_000, 5))
        .entry(Entry::dir("types/").mtime(1_100_000_001))
        .entry(Entry::dir("whiteouts/partly/").mode(0o2750))
        .entry(Entry::dir("xattrs/dir/").xattr("user.other", b"the first is gone"))
        // A change below a directory leaves the directory's own mtime as the layers state it.
        .file("times/dir/added", b"")
        .whiteout("times/removed-below/child")
}

fn duplicates() -> Builder {
    Builder::new()
        .dir("duplicates/")
        .file("duplicates/file", b"first and longer")
        .entry(Entry::file("duplicates/file", b"second").mode(0o600))
        .file("duplicates/to-symlink", b"")
        .symlink("duplicates/to-symlink", "file")
        .symlink("duplicates/from-symlink", "file")
        .file("duplicates/from-symlink", b"must not be written through the link")
        .entry(Entry::dir("duplicates/dir/").mode(0o700))
        .file("duplicates/dir/child", b"kept")
        .entry(Entry::dir("duplicates/dir/").mode(0o711).mtime(1_200_000_000))
        .file("duplicates/group-a", b"one")
        .hardlink("duplicates/group-b", "duplicates/group-a")
        .file("duplicates/group-a", b"two")
        .file("./duplicates/spelt-twice", b"first")
        .file("duplicates//spelt-twice", b"second")
}

fn back_again() -> Builder {
    Builder::new()
        .file("whiteouts/file", b"back")
        .dir("whiteouts/tree/")
        .file("whiteouts/tree/new", b"back")
        .file("opaque/alone/old", b"back")
        .hardlink("links/removed-b", "links/removed-a")
}
