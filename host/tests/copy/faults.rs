//! What is wrong, what is stopped, and what happens at once.

use crate::{carried_out, digest, files, image, into_layout, opened, planned, portolan, toolkit, whole, written};
use portolan::manifest::Descriptor;
use portolan::source::{Blob, Source};
use portolan::{ErrorCode, Result, sink};
use portolan_tests::image::{Builder, Layer, Layout};
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A place that counts the bytes that are read of its layers, and breaks off after some of them.
struct Counting<'a> {
    place: &'a dyn Source,
    most: u64,
    read: Arc<AtomicU64>,
}

struct Counted {
    blob: Blob,
    most: u64,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min(10_000);
        if self.read.load(Ordering::SeqCst) > self.most {
            return Err(io::Error::other("the connection broke"));
        }
        let length = self.blob.read(&mut buffer[..length])?;
        self.read.fetch_add(length as u64, Ordering::SeqCst);
        Ok(length)
    }
}

impl Source for Counting<'_> {
    fn index(&self) -> Result<Vec<u8>> {
        self.place.index()
    }

    fn fetch(&self, descriptor: &Descriptor) -> Result<Option<Blob>> {
        self.place.fetch(descriptor)
    }

    fn fetch_from(&self, descriptor: &Descriptor, offset: u64) -> Result<Option<Blob>> {
        let Some(blob) = self.place.fetch_from(descriptor, offset)? else { return Ok(None) };
        let size = blob.size();
        Ok(Some(Blob::new(Counted { blob, most: self.most, read: Arc::clone(&self.read) }, size)))
    }

    fn referrers(&self, digest: &str) -> Result<Vec<Descriptor>> {
        self.place.referrers(digest)
    }

    fn kind(&self) -> &'static str {
        "counting place"
    }
}

#[test]
fn what_was_read_before_a_break_is_not_read_again() {
    let layout = written(&Layout::single("t", image("linux/amd64", "x")));
    let place = opened(&format!("oci:{}", layout.path().display()));
    let scratch = tempfile::tempdir().unwrap();
    let directory = scratch.path().join("layout");
    let read = Arc::new(AtomicU64::new(0));
    let counting = |most| Counting { place: place.source.as_ref(), most, read: Arc::clone(&read) };
    let error = into_layout(&counting(50_000), "t", &directory).unwrap_err();
    assert_eq!(error.word(), "io", "{error}");
    assert!(files(&directory).iter().any(|file| file.contains(".partial")), "{:?}", files(&directory));
    assert!(!directory.join("index.json").exists());
    into_layout(&counting(u64::MAX), "t", &directory).unwrap();
    let plan = planned(place.source.as_ref(), "t", &whole()).unwrap();
    assert_eq!(read.load(Ordering::SeqCst), plan.blobs.iter().map(|blob| blob.size).sum::<u64>());
    assert!(!files(&directory).iter().any(|file| file.contains(".partial")));
    portolan(&["verify", directory.to_str().unwrap()]);
    // Nothing is read of what is there.
    let done = into_layout(&counting(u64::MAX), "t", &directory).unwrap();
    assert_eq!((done.copied, done.bytes, done.present), (0, 0, 3));
}

/// Y-12: after kill -9 at any time a layout is what it was, and the next run goes on.
#[test]
fn a_killed_copy_is_gone_on_with() {
    let blob = |seed: u64| -> Vec<u8> { (0..3_000_000_u64).map(|at| ((at * (seed + 3)) >> 7) as u8).collect() };
    let layers = (0..4).map(|seed| Layer::plain(portolan_tests::tar::Builder::new().file("x", blob(seed)).build()));
    let layout = written(&Layout::single("t", Builder::new("linux/amd64").layers(layers)));
    let source = format!("oci:{}:t", layout.path().display());
    let scratch = tempfile::tempdir().unwrap();
    let to = scratch.path().join("layout");
    let reference = format!("oci:{}:t", to.display());
    let mut killed = 0;
    for delay in 0..20 {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_portolan"));
        let mut child = command.args(["copy", "-q", &source, &reference]).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(delay * 4));
        child.kill().unwrap();
        if child.wait().unwrap().success() {
            break;
        }
        killed += 1;
        if to.join("index.json").exists() {
            portolan(&["verify", &reference]);
        }
    }
    portolan(&["copy", &source, &reference]);
    assert!(killed > 0 && digest(&reference) == digest(&source));
    portolan(&["verify", to.to_str().unwrap()]);
}

#[test]
fn a_part_that_is_wrong_is_written_anew() {
    let layout = written(&Layout::single("t", image("linux/amd64", "x")));
    let place = opened(&format!("oci:{}", layout.path().display()));
    let plan = planned(place.source.as_ref(), "t", &whole()).unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let partial = scratch.path().join("layout/blobs/.partial");
    std::fs::create_dir_all(&partial).unwrap();
    for (blob, length) in plan.blobs.iter().zip([10, 1_000_000, 1]) {
        std::fs::write(partial.join(blob.digest.replace(':', "-")), vec![0; length]).unwrap();
    }
    into_layout(place.source.as_ref(), "t", &scratch.path().join("layout")).unwrap();
    portolan(&["verify", scratch.path().join("layout").to_str().unwrap()]);
}

#[test]
fn a_wrong_blob_leaves_nothing() {
    let mut layout = Layout::single("t", image("linux/amd64", "x"));
    let manifest = layout.document(layout.entries()[0].digest());
    let layer = manifest["layers"][1]["digest"].as_str().unwrap().to_owned();
    layout.corrupt(&layer, |bytes| bytes[70_000] ^= 1);
    let layout = written(&layout);
    let place = opened(&format!("oci:{}", layout.path().display()));
    let source = place.source.as_ref();
    let plan = planned(source, "t", &whole()).unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let path = |name: &str| scratch.path().join(name);
    let wrong = |result: Result<portolan::copy::Done>| {
        let error = result.unwrap_err();
        assert!(matches!(error, portolan::Error::Image { code: ErrorCode::DigestMismatch, .. }), "{error}");
    };
    wrong(carried_out(source, &sink::LayoutArchive::new(toolkit(), &path("a.tar"), false).unwrap(), &plan));
    wrong(carried_out(source, &sink::DockerArchive::new(toolkit(), &path("d.tar"), false).unwrap(), &plan));
    assert_eq!(files(scratch.path()), Vec::<String>::new());
    wrong(into_layout(source, "t", &path("layout")));
    let left = files(&path("layout"));
    assert!(!left.iter().any(|file| file.contains(&layer[7..]) || !file.starts_with("blobs/")), "{left:?}");
}

/// Y-12: nobody's entry is lost.
#[test]
fn copies_into_one_layout_at_once_lose_nothing() {
    let scratch = tempfile::tempdir().unwrap();
    let to = scratch.path().join("layout");
    // They share a layer, which only one of them writes.
    let layouts: Vec<_> =
        (0..8).map(|n| written(&Layout::single(&format!("t{n}"), image("linux/amd64", &n.to_string())))).collect();
    std::thread::scope(|scope| {
        for (n, layout) in layouts.iter().enumerate() {
            let to = &to;
            scope.spawn(move || {
                let place = opened(&format!("oci:{}", layout.path().display()));
                into_layout(place.source.as_ref(), &format!("t{n}"), to).unwrap();
            });
        }
    });
    for (n, layout) in layouts.iter().enumerate() {
        let [copied, wanted] = [&to, &layout.path().to_owned()].map(|at| digest(&format!("oci:{}:t{n}", at.display())));
        assert_eq!(copied, wanted);
    }
    portolan(&["verify", to.to_str().unwrap()]);
}
