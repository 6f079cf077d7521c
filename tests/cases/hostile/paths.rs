//! Names that climb, name the root or are no names.

use super::{Case, Is, archive, file, owned, refused, unpacked};
use portolan_tests::tar::Entry;

pub const CASES: &[Case] = &[
    Case {
        row: 1,
        name: "a name that climbs out",
        make: |_| {
            refused(
                [archive().file("ok", "").file("../../etc/passwd", "x")],
                "invalid-path",
                &["../../etc/passwd", ".."],
            )
        },
    },
    Case {
        row: 1,
        name: "a name that climbs out of a directory of the image",
        make: |_| refused([archive().dir("a").file("a/../../b", "x")], "invalid-path", &["a/../../b", ".. component"]),
    },
    Case {
        row: 1,
        name: "a name that climbs and comes back",
        make: |_| refused([archive().dir("a").file("a/../b", "x")], "invalid-path", &["a/../b"]),
    },
    Case {
        row: 1,
        name: "a directory that is the parent of the root",
        make: |_| refused([archive().dir("../")], "invalid-path", &["\"../\""]),
    },
    Case {
        row: 1,
        name: "a climbing name in the upper layer leaves nothing of the lower",
        make: |_| {
            refused(
                [archive().file("a", "x"), archive().file("../outside/run", "x")],
                "invalid-path",
                &["../outside/run"],
            )
        },
    },
    Case {
        row: 1,
        name: "a climbing name as a PAX path",
        make: |_| refused([archive().entry(Entry::file("a", "x").pax("path", "../x"))], "invalid-path", &["../x"]),
    },
    Case {
        row: 2,
        name: "an absolute name is one of the image",
        make: |_| {
            let tree = [("etc", Is::Directory), ("etc/x", file("1")), ("etc/y", file("2"))];
            unpacked([archive().file("/etc/x", "1").file("//etc/y", "2")], owned(tree))
        },
    },
    Case {
        row: 2,
        name: "the absolute name of a directory outside",
        make: |place| {
            let tree = place.tree([(place.below("run"), file("in"))]);
            unpacked([archive().file(format!("{}/run", place.outside), "in")], tree)
        },
    },
    Case {
        row: 3,
        name: "an empty name",
        make: |_| refused([archive().file("", "x")], "invalid-path", &["at least one byte"]),
    },
    Case {
        row: 3,
        name: "the root by all its names",
        make: |_| {
            let root = |name| Entry::dir(name).mode(0o750);
            unpacked(
                [archive().entry(root(".")).entry(root("./")).entry(root("/")).file("./a", "1")],
                owned([("", Is::DirectoryMode(0o750)), ("a", file("1"))]),
            )
        },
    },
    Case {
        row: 3,
        name: "a slash at the end of a regular file",
        make: |_| refused([archive().file("f/", "x")], "invalid-path", &["\"f/\"", "slash"]),
    },
    Case {
        row: 3,
        name: "a NUL in a name",
        make: |_| {
            refused([archive().entry(Entry::file("a", "x").pax("path", "a\0b"))], "invalid-archive", &["path", "NUL"])
        },
    },
    Case {
        row: 3,
        name: "names that mean something on Windows are plain bytes here",
        make: |_| {
            let tree = [("..\\x", file("1")), ("C:", file("2")), ("COM1", file("3")), ("COM\u{b9}", file("4"))];
            let layer = archive().file("..\\x", "1").file("C:", "2").file("COM1", "3").file("COM\u{b9}", "4");
            unpacked([layer], owned(tree))
        },
    },
    Case {
        row: 4,
        name: "the root as a symbolic link",
        make: |place| refused([archive().symlink(".", &place.outside).file("run", "x")], "invalid-path", &["root"]),
    },
    Case {
        row: 4,
        name: "the root as a symbolic link by its other name",
        make: |place| refused([archive().symlink("/", &place.outside)], "invalid-path", &["\"/\"", "root"]),
    },
    Case {
        row: 4,
        name: "the root as a symbolic link in the upper layer",
        make: |place| {
            refused(
                [archive().dir("a"), archive().symlink("./", &place.outside).file("run", "x")],
                "invalid-path",
                &["root"],
            )
        },
    },
    Case {
        row: 4,
        name: "the root as a file, as a hard link",
        make: |_| refused([archive().file("a", "").hardlink(".", "a")], "invalid-path", &["\".\"", "root"]),
    },
    Case {
        row: 50,
        name: "a name of 64 KiB",
        make: |_| refused([archive().file("x".repeat(65_536), "")], "limit-exceeded", &["name-bytes", "255"]),
    },
    Case {
        row: 50,
        name: "directories 4096 deep in one name",
        make: |_| refused([archive().dir("x/".repeat(4_096))], "limit-exceeded", &["path-", "raise"]),
    },
    Case {
        row: 50,
        name: "directories that links make deeper than names can",
        make: |_| {
            let deep = vec!["d"; 400].join("/");
            let layer = archive().dir(&deep).symlink("l", &deep).dir(format!("l/{deep}"));
            refused([layer], "limit-exceeded", &["path-depth", "512"])
        },
    },
    Case {
        row: 50,
        name: "more entries than allowed",
        make: |_| {
            let entries = (0..2_000).map(|number| Entry::file(format!("f{number}"), ""));
            refused([archive().entries(entries)], "limit-exceeded", &["entries", "1000", "layer-entries"])
                .limits("layer-entries=1000")
        },
    },
    Case {
        row: 50,
        name: "more paths in all layers than allowed",
        make: |_| {
            let layer = |name: &'static str| {
                archive().entries((0..900).map(move |number| Entry::file(format!("{name}{number}"), "")))
            };
            refused([layer("a"), layer("b")], "limit-exceeded", &["tree-entries", "1000"]).limits("tree-entries=1000")
        },
    },
    Case {
        row: 50,
        name: "a hundred thousand empty files",
        make: |_| {
            let entries = (0..100_000).map(|number| Entry::file(format!("d{}/f{number}", number % 100), ""));
            let tar = archive().entries(entries).build();
            let directories = (0..100).map(|number| (format!("d{number}"), Is::Directory));
            let files = (0..100_000).map(|number| (format!("d{}/f{number}", number % 100), Is::Sized(0)));
            // The archive of `docker save` adds nothing but time.
            super::unpacked_layers(vec![super::Layer::plain(tar)], directories.chain(files).collect()).without_docker()
        },
    },
    Case {
        row: 50,
        name: "many layers of many entries, which would wait in memory for the lowest",
        make: |_| {
            let entries = (0..150_000).map(|number| Entry::dir(format!("d{}", number % 1_000)));
            let tar = archive().entries(entries).build();
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            std::io::Write::write_all(&mut encoder, &tar).unwrap();
            let layer = super::Layer::gzip(tar).blob(encoder.finish().unwrap());
            let tree = (0..1_000).map(|number| (format!("d{number}"), Is::Directory)).collect();
            super::unpacked_layers(vec![layer; 12], tree)
        },
    },
    Case {
        row: 50,
        name: "a layer of very many entries, of which nobody but the tree keeps any",
        make: |_| {
            let entries = (0..400_000).map(|number| Entry::dir(format!("{number:06}")));
            let tar = archive().entries(entries).build();
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            std::io::Write::write_all(&mut encoder, &tar).unwrap();
            let layer = super::Layer::gzip(tar).blob(encoder.finish().unwrap());
            // Refused after it, as nobody wants so many directories made.
            let layers = vec![layer, super::Layer::plain(archive().dir("../x").build())];
            let refused = super::refused_layers(layers, "invalid-path", &["../x", "no .. component"]);
            super::Attack { memory: 110, arguments: vec!["--jobs=1"], ..refused }.without_docker()
        },
    },
];
