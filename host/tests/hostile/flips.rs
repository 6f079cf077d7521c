//! Ten thousand single bytes changed, one at a time, all over a layout.

use crate::faults::Numbers;
use portolan::interrupt::Interrupt;
use portolan::manifest::Descriptor;
use portolan::progress::Quiet;
use portolan::source::{Blob, Source};
use portolan::verify::Verify;
use portolan::{Error, Result, Toolkit};
use portolan_tests::image::{Builder, Layer, Layout};
use portolan_tests::tar::Builder as Tar;
use std::collections::BTreeMap;
use std::io::Cursor;

const FLIPS: usize = 10_000;

/// A layout in memory.
struct Memory {
    index: Vec<u8>,
    blobs: BTreeMap<String, Vec<u8>>,
}

impl Source for Memory {
    fn index(&self) -> Result<Vec<u8>> {
        Ok(self.index.clone())
    }

    fn fetch(&self, descriptor: &Descriptor) -> Result<Option<Blob>> {
        Ok(self.blobs.get(&descriptor.digest).map(|bytes| Blob::new(Cursor::new(bytes.clone()), bytes.len() as u64)))
    }

    fn referrers(&self, _: &str) -> Result<Vec<Descriptor>> {
        Ok(Vec::new())
    }

    fn kind(&self) -> &'static str {
        "layout in memory"
    }
}

fn memory() -> Memory {
    let mut layout = Layout::new();
    let lower = Tar::new().dir("etc").file("etc/passwd", "root:x:0:0::/:\n").symlink("bin", "usr/bin").build();
    let upper = Tar::new().whiteout("etc/passwd").file("etc/motd", "hello").hardlink("etc/m", "etc/motd").build();
    let image = |platform: &str| {
        Builder::new(platform)
            .layer(Layer::gzip(lower.clone()))
            .layer(Layer::zstd(upper.clone()))
            .created("2024-01-01T00:00:00Z")
    };
    let (one, other) = (layout.image(image("linux/amd64")), layout.image(image("linux/arm64/v8")));
    let index = layout.index(&[one, other]);
    layout.tag(&index, "latest");
    let blobs = layout.digests().map(|digest| (digest.to_owned(), layout.bytes(digest).unwrap().to_vec())).collect();
    Memory { index: layout.index_json(), blobs }
}

fn verify(toolkit: &Toolkit, source: &Memory) -> Result<portolan::manifest::Verified> {
    let interrupt = Interrupt::default();
    Verify { toolkit, source, root: None, strict: false, jobs: 1, progress: &Quiet, interrupt: &interrupt }.run()
}

#[test]
fn every_flip_in_a_referenced_blob_is_reported() {
    let toolkit = Toolkit::shared().unwrap();
    let mut source = memory();
    let sound = verify(toolkit, &source).unwrap();
    assert_eq!((sound.errors, sound.warnings), (0, 0), "{:?}", sound.findings);

    let digests: Vec<String> = source.blobs.keys().cloned().collect();
    let total: usize = source.blobs.values().map(Vec::len).sum();
    let mut numbers = Numbers(13);
    for _ in 0..FLIPS {
        let mut at = usize::try_from(numbers.below(total as u64)).unwrap();
        let flip = u8::try_from(1 + numbers.below(255)).unwrap();
        let digest = digests.iter().find(|digest| {
            let length = source.blobs[*digest].len();
            let found = at < length;
            at -= if found { 0 } else { length };
            found
        });
        let digest = digest.unwrap();
        source.blobs.get_mut(digest).unwrap()[at] ^= flip;
        let verified =
            verify(toolkit, &source).unwrap_or_else(|error| panic!("byte {at} of {digest}, {flip:#04x}: {error}"));
        let finding = verified.findings.iter().find(|finding| finding.digest.as_deref() == Some(digest));
        let finding = finding.unwrap_or_else(|| panic!("byte {at} of {digest}, {flip:#04x} is not reported"));
        assert_eq!(portolan::word(finding.code), "digest-mismatch", "byte {at} of {digest}, {flip:#04x}: {finding:?}");
        source.blobs.get_mut(digest).unwrap()[at] ^= flip;
    }
}

/// Nothing promises what `index.json` is, so a flip there may be harmless; it is never a crash.
#[test]
fn a_flip_in_the_index_is_no_crash() {
    let toolkit = Toolkit::shared().unwrap();
    let mut source = memory();
    let mut numbers = Numbers(17);
    for _ in 0..FLIPS / 10 {
        let at = usize::try_from(numbers.below(source.index.len() as u64)).unwrap();
        let flip = u8::try_from(1 + numbers.below(255)).unwrap();
        source.index[at] ^= flip;
        match verify(toolkit, &source) {
            Ok(_) | Err(Error::Image { .. }) => {}
            Err(error) => panic!("byte {at} of index.json, {flip:#04x}: {error:?}"),
        }
        source.index[at] ^= flip;
    }
}
