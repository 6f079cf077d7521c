//! Owners, modes, times and attributes: what is kept, what is clamped, what is refused.
//!
//! Row 45 asks for stripping by default. Portolan keeps everything when root unpacks, because a root filesystem
//! without its setuid bits, capabilities and devices is not the image; `unpack --no-privileges` strips. What rootless
//! runs and that flag do is tested beside this table, as it takes other users and arguments.

use super::{Case, Is, archive, file, owned, refused, unpacked};
use portolan_tests::tar::{Entry, Numbers};

pub const CASES: &[Case] = &[
    Case {
        row: 45,
        name: "setuid, a device and a pipe, kept for root",
        make: |_| {
            let layer = archive()
                .entry(Entry::file("su", "x").mode(0o4755))
                .char_device("null", 1, 3)
                .block_device("disk", 8, 0)
                .fifo("pipe");
            let tree =
                [("su", Is::FileMode(0o4755)), ("null", Is::CharDevice), ("disk", Is::BlockDevice), ("pipe", Is::Fifo)];
            unpacked([layer], owned(tree))
        },
    },
    Case {
        row: 45,
        name: "a device without numbers",
        make: |_| {
            let entry = Entry::block_device("d", 0, 0).header(|block| block[329..337].copy_from_slice(b"99999999"));
            refused([archive().entry(entry)], "invalid-archive", &["\"d\"", "device number"])
        },
    },
    Case {
        row: 46,
        name: "attributes of overlay file systems and of SELinux",
        make: |_| {
            let entry = Entry::file("f", "x")
                .xattr("trusted.overlay.opaque", "y")
                .xattr("user.overlay.redirect", "/etc")
                .xattr("security.selinux", "system_u:object_r:shadow_t:s0")
                .xattr("trusted.anything", "x");
            unpacked([archive().entry(entry)], owned([("f", file("x"))]))
                .warns("trusted.overlay.opaque")
                .warns("user.overlay.redirect")
                .warns("security.selinux")
                .warns("trusted.anything")
        },
    },
    Case {
        row: 46,
        name: "attributes of overlay file systems on a directory, in the way of libarchive",
        make: |_| {
            let entry = Entry::dir("d").xattr_libarchive("trusted.overlay.opaque", "y");
            unpacked([archive().entry(entry)], owned([("d", Is::Directory)])).warns("trusted.overlay.opaque")
        },
    },
    Case {
        row: 46,
        name: "attributes that take more memory than allowed",
        make: |_| {
            let entry = Entry::file("f", "x").xattr("user.a", vec![b'x'; 200_000]).xattr("user.b", vec![b'x'; 200_000]);
            refused([archive().entry(entry)], "limit-exceeded", &["\"f\"", "xattr-bytes"])
        },
    },
    Case {
        row: 47,
        name: "a file below a directory that nobody may enter",
        make: |_| {
            let layer = archive()
                .entry(Entry::dir("d").mode(0))
                .file("d/f", "x")
                .entry(Entry::dir("d/e").mode(0o500))
                .file("d/e/g", "y");
            let tree = [
                ("d", Is::DirectoryMode(0)),
                ("d/f", file("x")),
                ("d/e", Is::DirectoryMode(0o500)),
                ("d/e/g", file("y")),
            ];
            unpacked([layer], owned(tree))
        },
    },
    Case {
        row: 48,
        name: "an owner of 2^32, which was root once",
        make: |_| {
            let entry = Entry::file("f", "x").owner(1 << 32, 0);
            refused([archive().entry(entry)], "invalid-archive", &["\"f\"", "owner", "2^32 - "])
        },
    },
    Case {
        row: 48,
        name: "a group of 2^32 in base 256",
        make: |_| {
            let entry = Entry::file("f", "x").owner(0, 1 << 32).numbers(Numbers::Base256);
            refused([archive().entry(entry)], "invalid-archive", &["\"f\"", "owner"])
        },
    },
    Case {
        row: 48,
        name: "the owner 2^32 - 1, which the kernel takes for no change",
        make: |_| {
            let entry = Entry::file("f", "x").owner((1 << 32) - 1, 0);
            refused([archive().entry(entry)], "invalid-archive", &["\"f\"", "owner"])
        },
    },
    Case {
        row: 48,
        name: "a time before 1970 and one after year 9999",
        make: |_| {
            let layer = archive()
                .entry(Entry::file("early", "").mtime(-86_400).numbers(Numbers::Base256))
                .entry(Entry::file("late", "").pax("mtime", "253402300800"))
                .entry(Entry::file("absurd", "").pax("mtime", "99999999999999999999999999"));
            // The year 2262 is the end of times in nanoseconds.
            let tree =
                [("early", Is::Time(-86_400)), ("late", Is::Time(9_223_372_036)), ("absurd", Is::Time(9_223_372_036))];
            unpacked([layer], owned(tree))
        },
    },
    Case {
        row: 49,
        name: "names that differ in case, and in how Unicode composes them",
        make: |_| {
            let layer = archive().file("a", "1").file("A", "2").file("\u{e9}", "3").file("e\u{301}", "4");
            let tree = [("a", file("1")), ("A", file("2")), ("\u{e9}", file("3")), ("e\u{301}", file("4"))];
            unpacked([layer], owned(tree))
        },
    },
];
