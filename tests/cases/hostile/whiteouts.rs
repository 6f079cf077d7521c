//! Whiteouts: they remove paths of lower layers, and nothing else.

use super::{Case, Is, archive, file, link, owned, refused, unpacked};
use portolan_tests::tar::{Builder, Entry};

fn many(count: usize) -> Builder {
    archive().entries((0..count).map(|number| Entry::file(format!("d/f{number}"), "")))
}

pub const CASES: &[Case] = &[
    Case {
        row: 17,
        name: "a whiteout without a name",
        make: |_| refused([archive().file(".wh.", "")], "invalid-whiteout", &["\".wh.\""]),
    },
    Case {
        row: 17,
        name: "a whiteout without a name in a directory",
        make: |_| refused([archive().dir("a"), archive().file("a/.wh.", "")], "invalid-whiteout", &["a/.wh."]),
    },
    Case {
        row: 18,
        name: "a whiteout of the parent",
        make: |_| refused([archive().dir("a"), archive().file("a/.wh...", "")], "invalid-whiteout", &["a/.wh..."]),
    },
    Case {
        row: 18,
        name: "a whiteout of the directory itself",
        make: |_| refused([archive().dir("a"), archive().file(".wh..", "")], "invalid-whiteout", &[".wh.."]),
    },
    Case {
        row: 18,
        name: "a whiteout as a directory",
        make: |_| refused([archive().file(".wh.a/b", "")], "invalid-whiteout", &[".wh.a/b"]),
    },
    Case {
        row: 18,
        name: "a whiteout that climbs",
        make: |_| {
            refused([archive().dir("a"), archive().file("../.wh.outside", "")], "invalid-path", &["../.wh.outside"])
        },
    },
    Case {
        row: 18,
        name: "an opaque whiteout of the root",
        make: |_| {
            let layers = [archive().file("a/b", "1").file("c", "2"), archive().file("n", "3").opaque("")];
            unpacked(layers, owned([("n", file("3"))]))
        },
    },
    Case {
        row: 19,
        name: "a whiteout through a link to the outside",
        make: |place| {
            let lower = archive().file(place.below("secret"), "in").symlink("d", &place.outside);
            let tree = place.tree([("d".to_owned(), link(&place.outside))]);
            unpacked([lower, archive().whiteout("d/secret")], tree)
        },
    },
    Case {
        row: 19,
        name: "an opaque whiteout through a link to the outside",
        make: |place| {
            let lower = archive().file(place.below("secret"), "in").symlink("d", &place.outside);
            let tree = place.tree([("d".to_owned(), link(&place.outside))]);
            unpacked([lower, archive().opaque("d")], tree)
        },
    },
    Case {
        row: 19,
        name: "a whiteout through a link that climbs",
        make: |_| {
            let lower = archive().file("keep", "1").symlink("d", "../../../outside");
            let tree = owned([("keep", file("1")), ("d", link("../../../outside"))]);
            unpacked([lower, archive().whiteout("d/secret").opaque("d")], tree)
        },
    },
    Case {
        row: 20,
        name: "a whiteout and a file of one name in one layer",
        make: |_| {
            let layers = [
                archive().file("f", "old").file("g", "old"),
                archive().file("f", "new").whiteout("f").whiteout("g").file("g", "new"),
            ];
            unpacked(layers, owned([("f", file("new")), ("g", file("new"))]))
        },
    },
    Case {
        row: 20,
        name: "an opaque whiteout after its siblings",
        make: |_| {
            let layers = [archive().file("d/old", "1"), archive().file("d/new", "2").opaque("d").file("d/newer", "3")];
            unpacked(layers, owned([("d", Is::Directory), ("d/new", file("2")), ("d/newer", file("3"))]))
        },
    },
    Case {
        row: 21,
        name: "layers that are decoded in another order than they apply",
        make: |_| {
            // The lower layers are the slower ones.
            let layers = (0..16).map(|number| {
                let ballast = vec![u8::try_from(number).unwrap_or_default(); (16 - number) * 50_000];
                let layer = archive().file(format!("ballast{number}"), ballast);
                if number % 2 == 0 { layer.file("f", number.to_string()) } else { layer.whiteout("f") }
            });
            let layers: Vec<_> = layers.chain([archive().file("g", "")]).collect();
            let mut tree = owned([("g", file(""))]);
            tree.extend((0..16).map(|number: u64| (format!("ballast{number}"), Is::Sized((16 - number) * 50_000))));
            unpacked(layers, tree)
        },
    },
    Case {
        row: 22,
        name: "whiteouts one by one of a big directory, again and again",
        make: |_| {
            let remove = || archive().entries((0..20_000).map(|number| Entry::file(format!("d/.wh.f{number}"), "")));
            let layers = [many(20_000), remove(), many(20_000), remove(), many(20_000), remove()];
            unpacked(layers, owned([("d", Is::Directory)]))
        },
    },
    Case {
        row: 22,
        name: "a thousand opaque whiteouts of one big directory in one layer, in many layers",
        make: |_| {
            let opaque = || archive().entries((0..1_000).map(|_| Entry::file("d/.wh..wh..opq", "")));
            let mut layers = vec![many(20_000)];
            layers.extend((0..30).map(|_| opaque()));
            unpacked(layers, owned([("d", Is::Directory)]))
        },
    },
    Case {
        row: 22,
        name: "entries through many links, each a long walk",
        make: |_| {
            let deep = vec!["d"; 200].join("/");
            let mut layer = archive().dir(&deep).symlink("l0", format!("/{deep}"));
            for number in 1..39 {
                layer = layer.symlink(format!("l{number}"), format!("/l{}", number - 1));
            }
            let layer = layer.entries((0..20_000).map(|number| Entry::file(format!("l{}/f{number}", number % 39), "")));
            let mut tree: Vec<_> = (1..=200).map(|depth| (vec!["d"; depth].join("/"), Is::Directory)).collect();
            tree.push(("l0".to_owned(), link(format!("/{deep}"))));
            tree.extend((1..39).map(|number| (format!("l{number}"), link(format!("/l{}", number - 1)))));
            tree.extend((0..20_000).map(|number| (format!("{deep}/f{number}"), Is::Sized(0))));
            unpacked([layer], tree).without_docker()
        },
    },
];
