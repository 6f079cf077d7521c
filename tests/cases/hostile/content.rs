//! Blobs and documents that are not what their names say, or say two things at once.

use super::{Attack, Case, archive, file, link, owned, refused_layers, refused_layout, unpacked_layers};
use portolan_tests::image::{Algorithm, Builder, Descriptor, Layer, Layout, gzip, media_type};
use serde_json::{Value, json};

fn layer() -> Layer {
    Layer::gzip(archive().file("f", "content").build())
}

fn image() -> Builder {
    Builder::new("linux/amd64").layer(layer())
}

/// A layout whose manifest was changed before its digest was made.
fn manifest(edit: impl FnOnce(&mut Value) + 'static) -> Layout {
    Layout::single("latest", image().edit_manifest(edit))
}

/// A layout whose config was changed before its digest was made.
fn config(edit: impl FnOnce(&mut Value) + 'static) -> Layout {
    Layout::single("latest", image().edit_config(edit))
}

/// A layout in which a blob was changed after its digest was made.
fn damaged(which: fn(&Value) -> &Value, change: impl FnOnce(&mut Vec<u8>)) -> (Layout, String) {
    let mut layout = Layout::single("latest", image());
    let document = layout.document(layout.entries()[0].digest());
    let digest = which(&document)["digest"].as_str().unwrap().to_owned();
    layout.corrupt(&digest, change);
    (layout, digest)
}

fn layer_digest(digest: &'static str) -> Layout {
    manifest(move |manifest| manifest["layers"][0]["digest"] = digest.into())
}

/// A layout with a manifest of these bytes under the right digest.
fn raw_manifest(bytes: Vec<u8>) -> Layout {
    let mut layout = Layout::new();
    let manifest = layout.blob(media_type::MANIFEST, Algorithm::Sha256, bytes);
    layout.tag(&manifest, "latest");
    layout
}

fn manifest_text() -> String {
    let layout = Layout::single("latest", image());
    String::from_utf8(layout.bytes(layout.entries()[0].digest()).unwrap().to_vec()).unwrap()
}

/// A layout whose `index.json` leads through so many indexes.
fn nested(depth: usize) -> Layout {
    let mut layout = Layout::new();
    let mut descriptor = layout.image(image());
    for _ in 0..depth {
        descriptor = layout.index(&[descriptor]);
    }
    layout.tag(&descriptor, "latest");
    layout
}

fn repeated(layers: usize) -> Attack {
    unpacked_layers(vec![layer(); layers], owned([("f", file("content"))]))
}

pub const CASES: &[Case] = &[
    Case {
        row: 38,
        name: "a layer that is another",
        make: |_| {
            let (layout, digest) = damaged(
                |manifest| &manifest["layers"][0],
                |blob| {
                    let at = blob.len() / 2;
                    blob[at] ^= 0x10;
                },
            );
            refused_layout(layout, "digest-mismatch", &[&digest])
        },
    },
    Case {
        row: 38,
        name: "a config that is another",
        make: |_| {
            let (layout, digest) = damaged(|manifest| &manifest["config"], |blob| blob[5] ^= 1);
            refused_layout(layout, "digest-mismatch", &[&digest])
        },
    },
    Case {
        row: 38,
        name: "a layer that goes on after its size",
        make: |_| {
            let (layout, digest) = damaged(|manifest| &manifest["layers"][0], |blob| blob.extend([0; 10]));
            refused_layout(layout, "size-mismatch", &[&digest, "more"])
        },
    },
    Case {
        row: 38,
        name: "a layer that ends before its size",
        make: |_| {
            let (layout, digest) = damaged(|manifest| &manifest["layers"][0], |blob| blob.truncate(20));
            refused_layout(layout, "size-mismatch", &[&digest, "found 20"])
        },
    },
    Case {
        row: 38,
        name: "a descriptor of a layer with the wrong size",
        make: |_| {
            refused_layout(
                manifest(|manifest| manifest["layers"][0]["size"] = 3.into()),
                "size-mismatch",
                &["expected 3 bytes", "sha256:"],
            )
        },
    },
    Case {
        row: 38,
        name: "a layer that is not there",
        make: |_| {
            let mut layout = Layout::single("latest", image());
            let digest =
                layout.document(layout.entries()[0].digest())["layers"][0]["digest"].as_str().unwrap().to_owned();
            layout.remove(&digest);
            refused_layout(layout, "blob-not-found", &[&digest])
        },
    },
    Case {
        row: 39,
        name: "a digest that climbs",
        make: |_| {
            refused_layout(
                layer_digest("sha256:../../../../outside/secret"),
                "invalid-document",
                &["../../../../outside/secret"],
            )
        },
    },
    Case {
        row: 39,
        name: "an algorithm that climbs",
        make: |_| refused_layout(layer_digest("../../outside:secret"), "invalid-document", &["../../outside:secret"]),
    },
    Case {
        row: 39,
        name: "a digest that is too short",
        make: |_| refused_layout(layer_digest("sha256:abcd"), "invalid-document", &["sha256:abcd", "64"]),
    },
    Case {
        row: 39,
        name: "a digest in capitals",
        make: |_| {
            let digest = "sha256:E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855";
            refused_layout(layer_digest(digest), "invalid-document", &[digest])
        },
    },
    Case {
        row: 39,
        name: "an algorithm that nobody can compute",
        make: |_| {
            let mut layout = layer_digest("md5:d41d8cd98f00b204e9800998ecf8427e");
            layout.replace("md5:d41d8cd98f00b204e9800998ecf8427e", layer().to_blob());
            refused_layout(layout, "unsupported-algorithm", &["md5:"])
        },
    },
    Case {
        row: 39,
        name: "a climbing digest in the index",
        make: |_| {
            let mut layout = Layout::new();
            let descriptor = Descriptor(
                json!({ "mediaType": media_type::MANIFEST, "size": 2, "digest": "sha256:../../index.json" }),
            );
            layout.tag(&descriptor, "latest");
            refused_layout(layout, "invalid-document", &["sha256:../../index.json"])
        },
    },
    Case {
        row: 40,
        name: "a manifest that is an index too",
        make: |_| {
            refused_layout(manifest(|manifest| manifest["manifests"] = json!([])), "ambiguous-document", &["manifests"])
        },
    },
    Case {
        row: 40,
        name: "a manifest that calls itself an index",
        make: |_| {
            let layout = manifest(|manifest| manifest["mediaType"] = media_type::INDEX.into());
            refused_layout(layout, "ambiguous-document", &[media_type::INDEX, media_type::MANIFEST])
        },
    },
    Case {
        row: 41,
        name: "one JSON key twice",
        make: |_| {
            let text = manifest_text().replacen('{', "{\"layers\":[],", 1);
            refused_layout(raw_manifest(text.into_bytes()), "invalid-document", &["layers", "twice"])
        },
    },
    Case {
        row: 41,
        name: "JSON of a hundred thousand brackets",
        make: |_| refused_layout(raw_manifest("[".repeat(100_000).into_bytes()), "limit-exceeded", &["json-depth"]),
    },
    Case {
        row: 41,
        name: "a manifest of a hundred MiB",
        make: |_| {
            let mut text = manifest_text().into_bytes();
            text.resize(100 << 20, b' ');
            refused_layout(raw_manifest(text), "limit-exceeded", &["sha256:", "manifest-bytes"])
        },
    },
    Case {
        row: 41,
        name: "a manifest of a hundred MiB that says it is small",
        make: |_| {
            let mut layout = Layout::single("latest", image());
            let digest = layout.entries()[0].digest().to_owned();
            layout.corrupt(&digest, |bytes| bytes.resize(100 << 20, b' '));
            refused_layout(layout, "size-mismatch", &[&digest])
        },
    },
    Case {
        row: 41,
        name: "a config of a hundred MiB",
        make: |_| {
            let layout = config(|config| config["author"] = "x".repeat(100 << 20).into());
            refused_layout(layout, "limit-exceeded", &["sha256:", "config-bytes"])
        },
    },
    Case {
        row: 41,
        name: "an index.json of a hundred MiB",
        make: |_| {
            let mut layout = Layout::single("latest", image());
            let mut index = layout.index_json();
            index.resize(100 << 20, b' ');
            layout.file("index.json", index);
            refused_layout(layout, "limit-exceeded", &["manifest-bytes"])
        },
    },
    Case {
        row: 41,
        name: "a negative size",
        make: |_| {
            refused_layout(
                manifest(|manifest| manifest["layers"][0]["size"] = (-1).into()),
                "invalid-document",
                &["size"],
            )
        },
    },
    Case {
        row: 41,
        name: "a size beyond 2^63",
        make: |_| {
            let layout = manifest(|manifest| manifest["layers"][0]["size"] = u64::MAX.into());
            refused_layout(layout, "invalid-document", &["size"])
        },
    },
    Case {
        row: 32,
        name: "a config that is compressed",
        make: |_| {
            let layout = Layout::single("latest", image().config_blob(media_type::CONFIG, gzip(b"{}")));
            refused_layout(layout, "invalid-document", &["config"])
        },
    },
    Case {
        row: 42,
        name: "an index that lists itself under a digest that is not its own",
        make: |_| {
            let mut layout = Layout::new();
            let digest = format!("sha256:{}", "ab".repeat(32));
            let descriptor = json!({ "mediaType": media_type::INDEX, "size": 2, "digest": digest });
            let index = json!({ "schemaVersion": 2, "mediaType": media_type::INDEX, "manifests": [descriptor] });
            let bytes = index.to_string().into_bytes();
            let descriptor = Descriptor(descriptor).with("size", bytes.len());
            layout.replace(&digest, bytes);
            layout.tag(&descriptor, "latest");
            refused_layout(layout, "digest-mismatch", &[&digest])
        },
    },
    Case {
        row: 42,
        name: "an index that lists index.json",
        make: |_| {
            // What lists a digest cannot have it: a circle takes a broken hash, or a reader that does not verify.
            let mut layout = Layout::single("latest", image());
            let index = layout.index_json();
            let descriptor = Descriptor::of(media_type::INDEX, Algorithm::Sha256, &index);
            layout.replace(descriptor.digest(), index);
            let mut entries: Vec<Value> = layout.entries().iter().map(|entry| entry.0.clone()).collect();
            entries.extend([descriptor.0.clone(), descriptor.0]);
            layout.edit_index("manifests", entries);
            Attack { layout, docker: false, ..repeated(1) }
        },
    },
    Case {
        row: 42,
        name: "a thousand indexes, one in the other",
        make: |_| refused_layout(nested(1_000), "limit-exceeded", &["sha256:", "index-depth", "8"]),
    },
    Case {
        row: 42,
        name: "an index of a hundred thousand entries",
        make: |_| {
            let mut layout = Layout::new();
            let manifest = layout.image(image());
            let index = layout.index(&vec![manifest; 100_000]);
            layout.tag(&index, "latest");
            refused_layout(layout, "limit-exceeded", &["sha256:", "manifest-bytes"])
        },
    },
    Case {
        row: 42,
        name: "an index of more entries than allowed",
        make: |_| {
            let mut layout = Layout::new();
            let manifest = layout.image(image());
            let index = layout.index(&vec![manifest; 200]);
            layout.tag(&index, "latest");
            refused_layout(layout, "limit-exceeded", &["index-entries", "100"]).limits("index-entries=100")
        },
    },
    Case {
        row: 43,
        name: "fewer DiffIDs than layers",
        make: |_| {
            let layout = config(|config| config["rootfs"]["diff_ids"] = json!([]));
            refused_layout(layout, "invalid-document", &["diff_ids", "1", "0"])
        },
    },
    Case {
        row: 43,
        name: "more DiffIDs than layers",
        make: |_| {
            let layout = config(|config| {
                let one = config["rootfs"]["diff_ids"][0].clone();
                config["rootfs"]["diff_ids"] = json!([one, one]);
            });
            refused_layout(layout, "invalid-document", &["diff_ids", "1", "2"])
        },
    },
    Case {
        row: 43,
        name: "a DiffID of another layer",
        make: |_| {
            let wrong = Algorithm::Sha256.digest(b"other");
            refused_layers(
                vec![layer().diff_id(&wrong)],
                "diff-id-mismatch",
                &[&wrong, "the uncompressed layer is sha256:"],
            )
        },
    },
    Case { row: 43, name: "one layer three times is three layers, as the specification allows", make: |_| repeated(3) },
    Case {
        row: 43,
        name: "more layers than allowed",
        make: |_| {
            let layers = vec![layer(); 20];
            refused_layers(layers, "limit-exceeded", &["layers", "10"]).limits("layers=10")
        },
    },
    Case {
        row: 44,
        name: "an index.json that is a symbolic link",
        make: |place| {
            let mut layout = Layout::single("latest", image());
            layout.file("other.json", layout.index_json());
            layout.symlink("index.json", &format!("{}/secret", place.outside));
            refused_layout(layout, "", &["index.json"])
        },
    },
    Case {
        row: 44,
        name: "a blob that is a symbolic link to its own content",
        make: |_| {
            let mut layout = Layout::single("latest", image());
            let digest =
                layout.document(layout.entries()[0].digest())["layers"][0]["digest"].as_str().unwrap().to_owned();
            let bytes = layout.bytes(&digest).unwrap().to_vec();
            layout.file("real", bytes);
            layout.symlink(&format!("blobs/{}", digest.replacen(':', "/", 1)), "../../real");
            refused_layout(layout, "", &[digest.trim_start_matches("sha256:")])
        },
    },
    Case {
        row: 44,
        name: "an oci-layout that is a symbolic link",
        make: |_| {
            let mut layout = Layout::single("latest", image());
            layout.file("marker", r#"{"imageLayoutVersion":"1.0.0"}"#);
            layout.symlink("oci-layout", "marker");
            refused_layout(layout, "", &["oci-layout"])
        },
    },
    Case {
        row: 44,
        name: "links in the layers are no links of the layout",
        make: |_| {
            let layer = Layer::plain(archive().symlink("index.json", "../../oci-layout").build());
            unpacked_layers(vec![layer], owned([("index.json", link("../../oci-layout"))]))
        },
    },
];
