//! Archives that two readers read as two different things: here there is one answer, and no guess.

use super::{Case, Is, archive, file, link, owned, refused, refused_layers, unpacked, unpacked_layers};
use portolan_tests::image::Layer;
use portolan_tests::tar::{BLOCK, Checksum, Entry, Numbers, Sparse, record};

/// An archive within the data of a file: whoever takes the header's size reads `smuggled` as an entry.
fn nested() -> Vec<u8> {
    archive().file("smuggled", "evil").end_blocks(0).build()
}

fn malformed(body: &'static str) -> super::Attack {
    refused([archive().pax_raw(body).file("f", "x")], "invalid-archive", &["extended header"])
}

pub const CASES: &[Case] = &[
    Case {
        row: 23,
        name: "a PAX size over a ustar size of zero",
        make: |_| {
            let nested = nested();
            let outer = Entry::file("outer", &nested).size(0).pax("size", nested.len().to_string());
            unpacked(
                [archive().entry(outer).file("after", "1")],
                owned([("outer", file(nested)), ("after", file("1"))]),
            )
        },
    },
    Case {
        row: 24,
        name: "a PAX size over a greater ustar size",
        make: |_| {
            let nested = nested();
            let outer = Entry::file("outer", &nested).size(512).pax("size", nested.len().to_string());
            unpacked(
                [archive().entry(outer).file("after", "1")],
                owned([("outer", file(nested)), ("after", file("1"))]),
            )
        },
    },
    Case {
        row: 24,
        name: "a PAX size that is less than the ustar size",
        make: |_| {
            let outer = Entry::file("outer", "1234").size(1024).pax("size", "4");
            unpacked(
                [archive().entry(outer).file("after", "1")],
                owned([("outer", file("1234")), ("after", file("1"))]),
            )
        },
    },
    Case {
        row: 25,
        name: "a PAX size before a GNU long name is that of the entry",
        make: |_| {
            let nested = nested();
            let layer = archive()
                .pax_raw(record("size", nested.len().to_string()))
                .entry(Entry::extension(b'L', "long\0"))
                .entry(Entry::file("short", &nested).size(0))
                .file("after", "1");
            unpacked([layer], owned([("long", file(nested)), ("after", file("1"))]))
        },
    },
    Case {
        row: 25,
        name: "a GNU long name before a PAX size is that of the entry",
        make: |_| {
            let nested = nested();
            let layer = archive()
                .entry(Entry::extension(b'L', "long\0"))
                .pax_raw(record("size", nested.len().to_string()))
                .entry(Entry::file("short", &nested).size(0));
            unpacked([layer], owned([("long", file(nested))]))
        },
    },
    Case {
        row: 25,
        name: "PAX and GNU give two names",
        make: |_| {
            let layer =
                archive().pax_raw(record("path", "one")).entry(Entry::extension(b'L', "two\0")).file("three", "x");
            refused([layer], "invalid-archive", &["\"one\"", "\"two\"", "PAX", "GNU"])
        },
    },
    Case { row: 26, name: "a PAX record that is too long", make: |_| malformed("99 path=x\n") },
    Case { row: 26, name: "a PAX record without a length", make: |_| malformed("path=x\n") },
    Case { row: 26, name: "a PAX record without a newline", make: |_| malformed("9 path=xy") },
    Case { row: 26, name: "a PAX record without a value", make: |_| malformed("7 path\n") },
    Case { row: 26, name: "a PAX record that is too short", make: |_| malformed("2 path=x\n") },
    Case { row: 26, name: "a PAX size that is no number", make: |_| malformed("11 size=-5\n") },
    Case {
        row: 27,
        name: "a GNU long name with a NUL inside",
        make: |_| {
            let layer = archive().entry(Entry::extension(b'L', "a\0b\0")).file("x", nested()).file("after", "");
            refused([layer], "invalid-archive", &["long name", "NUL"])
        },
    },
    Case {
        row: 27,
        name: "an empty GNU long name",
        make: |_| {
            refused([archive().entry(Entry::extension(b'L', "")).file("x", "")], "invalid-archive", &["long name"])
        },
    },
    Case {
        row: 28,
        name: "a negative size in base 256",
        make: |_| {
            let entry = Entry::file("f", "").size(-1).numbers(Numbers::AlwaysBase256);
            refused([archive().entry(entry)], "invalid-archive", &["\"f\"", "size"])
        },
    },
    Case {
        row: 28,
        name: "a size in base 256 beyond all files",
        make: |_| {
            let entry = Entry::file("f", "").size(1 << 80).numbers(Numbers::Base256);
            refused([archive().entry(entry)], "invalid-archive", &["\"f\"", "size"])
        },
    },
    Case {
        row: 28,
        name: "a size that is no octal number",
        make: |_| {
            let entry = Entry::file("f", "").header(|block| block[124..136].copy_from_slice(b"0000000009\0\0"));
            refused([archive().entry(entry)], "invalid-archive", &["\"f\"", "size"])
        },
    },
    Case {
        row: 28,
        name: "a size in base 256 that octal could say is the same size",
        make: |_| {
            let entry = Entry::file("f", "abc").numbers(Numbers::AlwaysBase256);
            unpacked([archive().entry(entry)], owned([("f", file("abc"))]))
        },
    },
    Case {
        row: 28,
        name: "a wrong checksum",
        make: |_| {
            let layer = archive().file("ok", "").entry(Entry::file("f", "").checksum(Checksum::Wrong));
            refused([layer], "invalid-archive", &["checksum", "byte 512"])
        },
    },
    Case {
        row: 28,
        name: "no end-of-archive blocks",
        make: |_| unpacked([archive().file("f", "1").end_blocks(0)], owned([("f", file("1"))])).warns("end-of-archive"),
    },
    Case {
        row: 28,
        name: "no end-of-archive blocks, for the strict",
        make: |_| refused([archive().file("f", "1").end_blocks(0)], "invalid-archive", &["end-of-archive"]).strict(),
    },
    Case {
        row: 28,
        name: "an archive that ends within a file",
        make: |_| {
            let mut tar = archive().file("f", [b'x'; 2_000]).build();
            tar.truncate(BLOCK * 2);
            refused_layers(vec![Layer::plain(tar)], "invalid-archive", &["\"f\"", "ends within"])
        },
    },
    Case {
        row: 28,
        name: "a second archive after the end of the first",
        make: |_| {
            let mut tar = archive().file("f", "1").build();
            tar.extend(archive().file("smuggled", "evil").build());
            unpacked_layers(vec![Layer::plain(tar)], owned([("f", file("1"))])).warns("follows the end")
        },
    },
    Case {
        row: 28,
        name: "a second archive after the end of the first, for the strict",
        make: |_| {
            let mut tar = archive().file("f", "1").build();
            tar.extend(archive().file("smuggled", "evil").build());
            refused_layers(vec![Layer::plain(tar)], "invalid-archive", &["follows the end"]).strict()
        },
    },
    Case {
        row: 28,
        name: "a header after a single zero block",
        make: |_| {
            let layer = archive().file("f", "1").raw([0; BLOCK]).file("smuggled", "evil");
            refused([layer], "invalid-archive", &["single zero block"])
        },
    },
    Case {
        row: 28,
        name: "a global header that names an entry",
        make: |_| refused([archive().pax_global([("path", "other")]).file("f", "1")], "invalid-archive", &["global"]),
    },
    Case {
        row: 28,
        name: "a global header that measures an entry",
        make: |_| refused([archive().pax_global([("size", "0")]).file("f", "1")], "invalid-archive", &["global"]),
    },
    Case {
        row: 28,
        name: "a global header with a time",
        make: |_| {
            let layer = archive().pax_global([("mtime", "1000"), ("comment", "x")]).file("f", "1");
            unpacked([layer], owned([("f", Is::Time(1000))]))
        },
    },
    Case {
        row: 28,
        name: "one PAX key with two values",
        make: |_| {
            let body = [record("path", "one"), record("path", "two")].concat();
            refused([archive().pax_raw(body).file("f", "1")], "invalid-archive", &["path", "twice"])
        },
    },
    Case {
        row: 28,
        name: "one PAX key twice with one value",
        make: |_| {
            let body = [record("path", "one"), record("path", "one")].concat();
            unpacked([archive().pax_raw(body).file("f", "1")], owned([("one", file("1"))]))
        },
    },
    Case {
        row: 28,
        name: "a symbolic link with a size has no data",
        make: |_| {
            let layer = archive().entry(Entry::symlink("l", "t").size(512)).file("f", "1");
            unpacked([layer], owned([("l", link("t")), ("f", file("1"))]))
        },
    },
    Case {
        row: 28,
        name: "an entry of an unknown type",
        make: |_| refused([archive().entry(Entry::new(b'Z', "f"))], "invalid-archive", &["\"f\"", "'Z'"]),
    },
    Case {
        row: 28,
        name: "a path twice: the last counts, as every reader says",
        make: |_| unpacked([archive().file("f", "1").file("f", "2")], owned([("f", file("2"))])),
    },
    Case {
        row: 29,
        name: "a sparse map with more segments than memory has bytes",
        make: |_| {
            let mut body = b"99999999999\n0\n1\n".to_vec();
            body.resize(BLOCK, 0);
            let entry = Entry::file("f", body)
                .pax("GNU.sparse.major", "1")
                .pax("GNU.sparse.minor", "0")
                .pax("GNU.sparse.name", "f")
                .pax("GNU.sparse.realsize", "1");
            refused([archive().entry(entry)], "limit-exceeded", &["\"f\"", "sparse-bytes"])
        },
    },
    Case {
        row: 29,
        name: "a sparse file of an exbibyte",
        make: |_| {
            refused(
                [archive().entry(Sparse::Pax01.entry("f", 1 << 60, &[(0, b"x")]))],
                "limit-exceeded",
                &["\"f\"", "layer-uncompressed-bytes"],
            )
        },
    },
    Case {
        row: 29,
        name: "many sparse files that are large in sum",
        make: |_| {
            let entries = (0..64).map(|number| Sparse::Pax01.entry(format!("f{number}"), 1 << 35, &[(0, b"x")]));
            refused([archive().entries(entries)], "limit-exceeded", &["layer-uncompressed-bytes"])
        },
    },
    Case {
        row: 29,
        name: "a sparse map whose segments overlap",
        make: |_| {
            let entry = Entry::file("f", "abcd")
                .pax("GNU.sparse.name", "f")
                .pax("GNU.sparse.size", "10")
                .pax("GNU.sparse.numblocks", "2")
                .pax("GNU.sparse.map", "4,2,0,2");
            refused([archive().entry(entry)], "invalid-archive", &["\"f\"", "sparse"])
        },
    },
    Case {
        row: 30,
        name: "a PAX header of two MiB",
        make: |_| {
            let layer = archive().pax_raw(record("comment", "x".repeat(2 << 20))).file("f", "");
            refused([layer], "limit-exceeded", &["extended header", "header-bytes"])
        },
    },
    Case {
        row: 30,
        name: "a GNU long name of two MiB",
        make: |_| {
            let layer = archive().entry(Entry::extension(b'L', "x".repeat(2 << 20))).file("f", "");
            refused([layer], "limit-exceeded", &["extended header", "header-bytes"])
        },
    },
    Case {
        row: 30,
        name: "a PAX header that says it has a tebibyte",
        make: |_| {
            refused(
                [archive().entry(Entry::extension(b'x', "").size(1 << 32)).file("f", "")],
                "limit-exceeded",
                &["header-bytes"],
            )
        },
    },
    Case {
        row: 31,
        name: "sixty MiB of zeros after the end",
        make: |_| {
            let mut tar = archive().file("f", "1").build();
            tar.resize(60 << 20, 0);
            unpacked_layers(vec![Layer::plain(tar)], owned([("f", file("1"))])).without_docker()
        },
    },
    Case {
        row: 31,
        name: "zeros before a header",
        make: |_| {
            let layer = archive().raw(vec![0; 1 << 20]).file("smuggled", "evil");
            unpacked([layer], Vec::new()).warns("follows the end")
        },
    },
];
