//! Hard links: the target is a file of this image or there is none.

use super::{Case, Is, archive, file, link, owned, refused, unpacked};
use portolan_tests::tar::Entry;

pub const CASES: &[Case] = &[
    Case {
        row: 12,
        name: "a hard link to a path that climbs",
        make: |_| {
            let layer = archive().hardlink("h", "../../etc/shadow");
            refused([layer], "invalid-link", &["\"h\"", "../../etc/shadow", ".."])
        },
    },
    Case {
        row: 12,
        name: "a hard link to an absolute path of the host",
        make: |place| {
            let layer = archive().hardlink("h", format!("{}/secret", place.outside));
            refused([layer], "invalid-link", &["\"h\"", "secret", "not in the image"])
        },
    },
    Case {
        row: 12,
        name: "a hard link to an absolute path of the image",
        make: |_| {
            let layer = archive().file("etc/shadow", "x").hardlink("h", "/etc/shadow");
            let tree = [("etc", Is::Directory), ("etc/shadow", file("x")), ("h", Is::Same("etc/shadow"))];
            unpacked([layer], owned(tree))
        },
    },
    Case {
        row: 13,
        name: "a hard link to a file of the working directory",
        make: |_| {
            refused([archive().hardlink("h", "secret")], "invalid-link", &["\"h\"", "\"secret\"", "not in the image"])
        },
    },
    Case {
        row: 13,
        name: "a hard link to a file of the working directory that the image has too",
        make: |_| {
            let layer = archive().file("secret", "of the image").hardlink("d/h", "secret");
            let tree = [("secret", file("of the image")), ("d", Is::Directory), ("d/h", Is::Same("secret"))];
            unpacked([layer], owned(tree))
        },
    },
    Case {
        row: 14,
        name: "a hard link through a link to the outside",
        make: |place| {
            let layer = archive().symlink("s", &place.outside).symlink("t", "s").hardlink("h", "t/secret");
            refused([layer], "invalid-link", &["\"h\"", "t/secret", "not in the image"])
        },
    },
    Case {
        row: 14,
        name: "a hard link to a symbolic link is the link, not its target",
        make: |place| {
            let target = format!("{}/secret", place.outside);
            let layer = archive().symlink("s", &target).hardlink("h", "s");
            unpacked([layer], owned([("s", link(target)), ("h", Is::Same("s"))]))
        },
    },
    Case {
        row: 14,
        name: "a hard link through a link inside the image",
        make: |_| {
            let layer = archive().file("etc/passwd", "x").symlink("s", "/etc").hardlink("h", "s/passwd");
            let tree =
                [("etc", Is::Directory), ("etc/passwd", file("x")), ("s", link("/etc")), ("h", Is::Same("etc/passwd"))];
            unpacked([layer], owned(tree))
        },
    },
    Case {
        row: 15,
        name: "a file of a lower layer, linked and then replaced, keeps its content",
        make: |_| {
            let layers = [archive().file("a", "one"), archive().hardlink("b", "a"), archive().file("b", "two")];
            unpacked(layers, owned([("a", file("one")), ("b", file("two"))]))
        },
    },
    Case {
        row: 15,
        name: "the header of a hard link changes no mode of a lower layer",
        make: |_| {
            let lower = archive().entry(Entry::file("a", "one").mode(0o600));
            let upper = archive().entry(Entry::hardlink("b", "a").mode(0o6777));
            unpacked([lower, upper], owned([("a", Is::FileMode(0o600)), ("b", Is::Same("a"))]))
        },
    },
    Case {
        row: 16,
        name: "a hard link before its target",
        make: |_| refused([archive().hardlink("h", "f").file("f", "x")], "invalid-link", &["\"h\"", "\"f\"", "later"]),
    },
    Case {
        row: 16,
        name: "a hard link to itself",
        make: |_| refused([archive().hardlink("h", "./h")], "invalid-link", &["\"h\"", "itself"]),
    },
    Case {
        row: 16,
        name: "a hard link to itself through a link",
        make: |_| {
            let layer = archive().file("d/h", "x").symlink("s", "d").hardlink("d/h", "s/h");
            refused([layer], "invalid-link", &["d/h", "itself"])
        },
    },
    Case {
        row: 16,
        name: "a hard link to a directory",
        make: |_| refused([archive().dir("d").hardlink("h", "d")], "invalid-link", &["\"h\"", "directory"]),
    },
    Case {
        row: 16,
        name: "a hard link to the root",
        make: |_| refused([archive().hardlink("h", "/")], "invalid-link", &["\"h\"", "root"]),
    },
    Case {
        row: 16,
        name: "a hard link to what its own layer removes",
        make: |_| {
            let upper = archive().whiteout("f").hardlink("h", "f");
            refused([archive().file("f", "x"), upper], "invalid-link", &["\"h\"", "not in the image"])
        },
    },
];
