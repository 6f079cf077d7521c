//! Many layers: decoded at once or one by one, in any order of arrival, the image is the same.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod driver;

use driver::{Image, chain, linux_amd64, toolkit, written};
use portolan::interrupt::Interrupt;
use portolan::layers::Layers;
use portolan::manifest::Descriptor;
use portolan::progress::Quiet;
use portolan::source::{Blob, Layout as LayoutSource, Source};
use portolan::{ErrorCode, manifest, reference};
use portolan_tests::image::{Builder, Layer, Layout};
use portolan_tests::{tar, tree};
use std::path::Path;
use std::time::Duration;

fn layer(tar: tar::Builder) -> Layer {
    Layer::gzip(tar.build())
}

fn image(layers: impl IntoIterator<Item = tar::Builder>) -> tempfile::TempDir {
    written(&Layout::single("t", Builder::new("linux/amd64").layers(layers.into_iter().map(layer))))
}

#[test]
fn any_number_of_jobs_gives_the_same_tree() {
    let layout = written(&portolan_tests::awkward());
    let alone = Image::in_layout(layout.path(), "awkward").jobs(1).tree();
    for jobs in [2, 3, 64] {
        tree::assert_same(&Image::in_layout(layout.path(), "awkward").jobs(jobs).tree(), &alone);
    }
}

#[test]
fn summaries_stand_in_the_order_of_the_layers() {
    let layout = image((1..20).map(|size| tar::Builder::new().file("a", vec![b'a'; size * 512])));
    let scratch = tempfile::tempdir().unwrap();
    let unpacked = Image::in_layout(layout.path(), "t").jobs(4).unpack(&scratch.path().join("rootfs")).unwrap();
    let sizes: Vec<u64> = unpacked.layers.iter().map(|layer| layer.uncompressed_size).collect();
    assert_eq!(sizes, (1..20).map(|size| 512 + size * 512 + 1024).collect::<Vec<u64>>());
}

/// Hostile row 43: the same blob may stand twice, and each time it acts on what is below it.
#[test]
fn a_layer_may_stand_twice() {
    let base = || tar::Builder::new().dir("d/").file("d/a", b"a").file("d/b", b"b");
    let layout = image([base(), tar::Builder::new().whiteout("d/a").file("d/b", b"changed"), base()]);
    let tree = Image::in_layout(layout.path(), "t").tree();
    let once = Image::in_layout(image([base()]).path(), "t").tree();
    tree::assert_same(&tree, &once);
}

/// N-08: an empty list is legal by the text.
#[test]
fn an_image_without_layers_is_an_empty_directory() {
    let tree = Image::in_layout(image([]).path(), "t").tree();
    assert_eq!(tree.keys().collect::<Vec<_>>(), [Path::new("")]);
    assert_eq!(tree[Path::new("")].mode, 0o755);
}

/// A place whose blobs come late.
struct Slow<'a> {
    place: &'a dyn Source,
    digest: String,
    delay: Duration,
}

impl Source for Slow<'_> {
    fn index(&self) -> portolan::Result<Vec<u8>> {
        self.place.index()
    }

    fn fetch(&self, descriptor: &Descriptor) -> portolan::Result<Option<Blob>> {
        if descriptor.digest == self.digest {
            std::thread::sleep(self.delay);
        }
        self.place.fetch(descriptor)
    }

    fn referrers(&self, digest: &str) -> portolan::Result<Vec<Descriptor>> {
        self.place.referrers(digest)
    }

    fn kind(&self) -> &'static str {
        "slow place"
    }
}

/// The paths of an image when the layer of this index is the last that arrives.
fn paths_when_late(layout: &Path, late: usize) -> portolan::Result<Vec<String>> {
    let place = LayoutSource::open(toolkit(), layout)?;
    let selector = reference::Selector { tag: Some("t".to_owned()), digest: None };
    let image = manifest::resolve(toolkit(), &place, &selector, linux_amd64())?;
    let digest = image.manifest.layers[late].digest.clone();
    let slow = Slow { place: &place, digest, delay: Duration::from_millis(200) };
    let layers = Layers {
        toolkit: toolkit(),
        source: &slow,
        image: &image,
        count: None,
        strict: false,
        jobs: 4,
        progress: &Quiet,
        interrupt: &Interrupt::default(),
    };
    let (tree, _) = layers.tree()?;
    tree.walk(None)?.map(|node| node.map(|node| String::from_utf8(node.path).unwrap())).collect()
}

/// containerd's first parallel unpack brought deleted files back (containerd#13030, hostile row 21): a layer that is
/// decoded before the one below it must still be applied after it.
#[test]
fn a_deletion_holds_whichever_layer_arrives_last() {
    let layout = image([
        tar::Builder::new().dir("d/").file("d/deleted", b"1").file("d/kept", b"2").file("replaced", b"old"),
        tar::Builder::new().whiteout("d/deleted").file("replaced", b"new").dir("e/").file("e/old", b"3"),
        tar::Builder::new().dir("e/").opaque("e").file("e/new", b"4"),
        tar::Builder::new().whiteout("replaced"),
    ]);
    for late in 0..4 {
        let paths = paths_when_late(layout.path(), late).unwrap();
        assert_eq!(paths, ["", "d", "d/kept", "e", "e/new"], "layer {late} came last");
    }
}

/// Whichever of two bad layers is read first, the message is the same.
#[test]
fn the_lowest_bad_layer_is_the_one_reported() {
    let mut layout = Layout::new();
    let layers = (0..4).map(|at| layer(tar::Builder::new().file(format!("file-{at}"), vec![b'x'; 2000])));
    let manifest = layout.image(Builder::new("linux/amd64").layers(layers));
    layout.tag(&manifest, "t");
    let digests: Vec<String> = layout.document(manifest.digest())["layers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|layer| layer["digest"].as_str().unwrap().to_owned())
        .collect();
    for index in [1, 3] {
        layout.corrupt(&digests[index], |bytes| bytes[20] ^= 1);
    }
    let layout = written(&layout);
    for late in 0..4 {
        let error = paths_when_late(layout.path(), late).unwrap_err();
        assert!(matches!(error, portolan::Error::Image { code: ErrorCode::DigestMismatch, .. }), "{error:?}");
        assert!(chain(&error).contains(&digests[1]), "layer {late} came last: {error}");
    }
}
