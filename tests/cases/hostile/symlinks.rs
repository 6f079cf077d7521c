//! Symbolic links on the way: everything resolves inside the image, as in a chroot.

use super::{Case, Is, archive, file, link, owned, refused, unpacked};
use portolan_tests::tar::{Builder, Entry};

/// The tree of a file that went through the link `pwn` to the outside directory.
fn through(place: &super::Place) -> Vec<(String, Is)> {
    place.tree([("pwn".to_owned(), link(&place.outside)), (place.below("f"), file("x"))])
}

/// `links` symbolic links, each to the next, the last to `d`.
fn chain(links: usize) -> Builder {
    let target = |number: usize| if number == links { "d".to_owned() } else { format!("l{}", number + 1) };
    let chain = (1..=links).map(|number| Entry::symlink(format!("l{number}"), target(number)));
    archive().dir("d").entries(chain).file("l1/f", "x")
}

pub const CASES: &[Case] = &[
    Case {
        row: 5,
        name: "a file through an absolute link",
        make: |place| unpacked([archive().symlink("pwn", &place.outside).file("pwn/f", "x")], through(place)),
    },
    Case {
        row: 5,
        name: "a file through a relative link that climbs",
        make: |_| {
            let layer = archive().symlink("pwn", "../../../outside").file("pwn/run", "x");
            unpacked(
                [layer],
                owned([("pwn", link("../../../outside")), ("outside", Is::Directory), ("outside/run", file("x"))]),
            )
        },
    },
    Case {
        row: 5,
        name: "a file through a link that climbs out of the destination alone",
        make: |_| {
            let layer = archive().symlink("pwn", "../outside").file("pwn/run", "x");
            unpacked(
                [layer],
                owned([("pwn", link("../outside")), ("outside", Is::Directory), ("outside/run", file("x"))]),
            )
        },
    },
    Case {
        row: 5,
        name: "an entry of the name of a link replaces the link",
        make: |place| {
            let layer = archive().symlink("pwn", format!("{}/run", place.outside)).file("pwn", "x");
            unpacked([layer], owned([("pwn", file("x"))]))
        },
    },
    Case {
        row: 6,
        name: "a chain of links that climb",
        make: |_| {
            let layer = archive()
                .dir("subdir")
                .symlink("subdir/parent", "..")
                .symlink("subdir/parent/escapes", "..")
                .file("subdir/parent/escapes/f", "x");
            let tree =
                [("subdir", Is::Directory), ("subdir/parent", link("..")), ("escapes", link("..")), ("f", file("x"))];
            unpacked([layer], owned(tree))
        },
    },
    Case {
        row: 6,
        name: "links in a circle",
        make: |_| {
            let layer = archive().symlink("a", "b").symlink("b", "a").file("a/f", "x");
            refused([layer], "invalid-path", &["\"a\"", "40 symbolic links"])
        },
    },
    Case { row: 6, name: "41 links in a row", make: |_| refused([chain(41)], "invalid-path", &["l1", "40"]) },
    Case {
        row: 6,
        name: "40 links in a row",
        make: |_| {
            let target = |number| if number == 40 { "d".to_owned() } else { format!("l{}", number + 1) };
            let mut tree: Vec<_> = (1..=40).map(|number| (format!("l{number}"), link(target(number)))).collect();
            tree.extend(owned([("d", Is::Directory), ("d/f", file("x"))]));
            unpacked([chain(40)], tree)
        },
    },
    Case {
        row: 7,
        name: "a directory over a link gets the mode, not the target",
        make: |place| {
            let layer = archive().symlink("x", &place.outside).entry(Entry::dir("x").mode(0o711));
            unpacked([layer], owned([("x", Is::DirectoryMode(0o711))]))
        },
    },
    Case {
        row: 7,
        name: "a directory of an upper layer over a link gets the mode",
        make: |place| {
            let (lower, upper) = (archive().symlink("x", &place.outside), archive().entry(Entry::dir("x").mode(0o711)));
            unpacked([lower, upper], owned([("x", Is::DirectoryMode(0o711))]))
        },
    },
    Case {
        row: 8,
        name: "directories through a link before an error",
        make: |place| {
            let layer = archive().symlink("pwn", &place.outside).dir("pwn/made/deep").file("pwn/made/../../x", "x");
            refused([layer], "invalid-path", &["pwn/made/../../x"])
        },
    },
    Case {
        row: 9,
        name: "a directory that becomes a link while files go in",
        make: |place| {
            let layer = archive().dir("pwn").file("pwn/g", "y").symlink("pwn", &place.outside).file("pwn/f", "x");
            unpacked([layer], through(place))
        },
    },
    Case {
        row: 9,
        name: "a parent of a directory that becomes a link",
        make: |place| {
            let layer = archive().dir("pwn/d").file("pwn/d/g", "y").symlink("pwn", &place.outside).file("pwn/d/f", "x");
            let tree = [
                ("pwn".to_owned(), link(&place.outside)),
                (place.below("d"), Is::Directory),
                (place.below("d/f"), file("x")),
            ];
            unpacked([layer], place.tree(tree))
        },
    },
    Case {
        row: 10,
        name: "a link of the lower layer, used by the upper",
        make: |place| {
            unpacked([archive().symlink("pwn", &place.outside), archive().file("pwn/f", "x")], through(place))
        },
    },
    Case {
        row: 10,
        name: "a link over a directory, used by the third layer",
        make: |place| {
            let layers = [
                archive().dir("pwn").file("pwn/g", "y"),
                archive().symlink("pwn", &place.outside),
                archive().file("pwn/f", "x"),
            ];
            unpacked(layers, through(place))
        },
    },
];
