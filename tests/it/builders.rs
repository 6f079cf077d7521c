//! The builders against GNU tar and against readers of their own formats.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use portolan_tests::image::{Algorithm, Builder, Compression, Layer, Layout};
use portolan_tests::tar::{self, Checksum, Entry, Long, Numbers, Sparse};
use std::io::Read;

fn gnu_tar_lists(archive: &[u8]) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), archive).unwrap();
    portolan_tests::peers::tar_list(file.path())
}

#[test]
fn gnu_tar_reads_ordinary_entries() {
    let long = format!("{}/{}", "d".repeat(120), "f".repeat(90));
    let archive = tar::Builder::new()
        .dir("a/")
        .file("a/b", b"x")
        .symlink("l", "t")
        .hardlink("h", "a/b")
        .whiteout("a/f")
        .opaque("a")
        .fifo("p")
        .char_device("c", 1, 3)
        .entry(Entry::file(&long, b"pax"))
        .entry(Entry::file(&long, b"gnu").long(Long::Gnu))
        .entry(Entry::file(&long, b"prefix").long(Long::Prefix))
        .entry(Entry::file("owner", b"").owner(3_000_000_000, 4_000_000_000).mode(0o4711).mtime(-1))
        .entry(Entry::file("base256", b"").owner(3_000_000_000, 1).mtime(-1).numbers(Numbers::Base256))
        .build();
    let list = gnu_tar_lists(&archive);
    let expected = [
        "drwxr-xr-x 0/0               0 2024-01-01 00:00:00 a/".to_owned(),
        "-rw-r--r-- 0/0               1 2024-01-01 00:00:00 a/b".to_owned(),
        "lrwxrwxrwx 0/0               0 2024-01-01 00:00:00 l -> t".to_owned(),
        "hrw-r--r-- 0/0               0 2024-01-01 00:00:00 h link to a/b".to_owned(),
        "-rw-r--r-- 0/0               0 2024-01-01 00:00:00 a/.wh.f".to_owned(),
        "-rw-r--r-- 0/0               0 2024-01-01 00:00:00 a/.wh..wh..opq".to_owned(),
        "prw-r--r-- 0/0               0 2024-01-01 00:00:00 p".to_owned(),
        "crw-r--r-- 0/0             1,3 2024-01-01 00:00:00 c".to_owned(),
        format!("-rw-r--r-- 0/0               3 2024-01-01 00:00:00 {long}"),
        format!("-rw-r--r-- 0/0               3 2024-01-01 00:00:00 {long}"),
        format!("-rw-r--r-- 0/0               6 2024-01-01 00:00:00 {long}"),
        "-rws--x--x 3000000000/4000000000 0 1969-12-31 23:59:59 owner".to_owned(),
        "-rw-r--r-- 3000000000/1          0 1969-12-31 23:59:59 base256".to_owned(),
    ];
    let squeeze = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let lines: Vec<String> = list.lines().map(squeeze).collect();
    assert_eq!(lines, expected.iter().map(|line| squeeze(line)).collect::<Vec<_>>());
}

#[test]
fn a_hostile_header_says_what_the_test_wants() {
    let bytes = |entry: Entry| -> [u8; 512] { entry.to_bytes()[..512].try_into().unwrap() };
    let sum = |block: &[u8; 512]| u32::from_str_radix(std::str::from_utf8(&block[148..154]).unwrap(), 8).unwrap();
    let changed = bytes(Entry::file("a", b"").header(|block| block[0] = b'b'));
    assert_eq!((changed[0], sum(&changed)), (b'b', tar::checksum(&changed)));
    let wrong = bytes(Entry::file("a", b"").checksum(Checksum::Wrong));
    assert_eq!(sum(&wrong), tar::checksum(&wrong) + 1);
    let negative = bytes(Entry::file("a", b"").size(-1).numbers(Numbers::Base256));
    assert_eq!(negative[124..136], [0xff; 12]);
    assert_eq!(&bytes(Entry::file("a", b"xyz").size(0))[124..136], b"00000000000\0");
    assert_eq!(Entry::file("a", b"xyz").unpadded().to_bytes().len(), 515);
    let smuggled = Entry::file("a", b"xyz").size(0).pax("size", "3").to_bytes();
    assert_eq!((smuggled.len(), &smuggled[512..522]), (4 * 512, b"9 size=3\n\0".as_slice()));
    assert!(tar::Builder::new().end_blocks(0).build().is_empty());
    assert_eq!(tar::Builder::new().file("a", b"").record_size(10240).build().len(), 10240);
}

#[test]
fn gnu_tar_reads_every_form_of_sparse_file() {
    for form in Sparse::ALL {
        let many: Vec<(u64, &[u8])> = (0..30).map(|at| (at * 8192, b"data".repeat(128).leak() as &[u8])).collect();
        let archive = tar::Builder::new().entry(form.entry("hole", 1 << 20, &many)).file("next", b"!").build();
        let lines: Vec<String> = gnu_tar_lists(&archive).lines().map(str::to_owned).collect();
        assert!(lines[0].contains("1048576") && lines[0].ends_with(" hole"), "{form:?}: {lines:?}");
        assert!(lines[1].ends_with(" next"), "{form:?}: {lines:?}");
    }
}

#[test]
fn every_compression_gives_back_its_bytes() {
    let bytes: Vec<u8> = (0..100_000u32).flat_map(|word| (word / 7).to_le_bytes()).collect();
    for compression in [Compression::Gzip, Compression::GzipMembers(3)] {
        let mut back = Vec::new();
        flate2::read::MultiGzDecoder::new(&compression.compress(&bytes)[..]).read_to_end(&mut back).unwrap();
        assert_eq!(back, bytes, "{compression:?}");
    }
    for compression in [Compression::Zstd, Compression::ZstdSkippable] {
        assert_eq!(zstd::decode_all(&compression.compress(&bytes)[..]).unwrap(), bytes, "{compression:?}");
    }
}

#[test]
fn a_hook_before_the_digest_keeps_the_layout_consistent_and_corruption_does_not() {
    let layer = Layer::gzip(tar::Builder::new().file("a", b"1").build());
    let image = Builder::new("linux/amd64").layer(layer).edit_manifest(|manifest| manifest["schemaVersion"] = 3.into());
    let mut layout = Layout::single("latest", image);
    let consistent = |layout: &Layout| {
        layout.digests().all(|digest| Algorithm::Sha256.digest(layout.bytes(digest).unwrap()) == digest)
    };
    let manifest = layout.entries()[0].digest().to_owned();
    assert_eq!(layout.document(&manifest)["schemaVersion"], 3);
    assert!(consistent(&layout));
    layout.corrupt(&manifest, |bytes| bytes.push(b' '));
    assert!(!consistent(&layout));
}

#[test]
fn a_repeated_layer_of_a_classic_docker_archive_is_a_symlink() {
    let layer = || Layer::gzip(tar::Builder::new().file("a", b"1").build());
    let layout = Layout::single("1.0", Builder::new("linux/amd64").layer(layer()).layer(layer()));
    let list = gnu_tar_lists(&layout.docker_archive("example/twice"));
    assert_eq!(list.lines().filter(|line| line.contains("/layer.tar -> ../")).count(), 1, "{list}");
    assert!(list.contains("manifest.json") && list.contains("repositories"), "{list}");
    let list = gnu_tar_lists(&layout.docker_combined("example/twice"));
    assert!(list.contains("manifest.json") && list.contains("oci-layout"), "{list}");
}
