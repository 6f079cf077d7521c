//! The seeds of every target, made by the builders of the tests and taken from its fixtures.

use portolan_tests::image::{Compression, gzip, skippable_frame, zstd_frame};
use portolan_tests::tar::{Builder, Checksum, Entry, Long, Magic, Numbers, Sparse};
use portolan_tests::{awkward, demo};
use std::fs;
use std::path::Path;

/// The longest seed; longer ones teach the fuzzer nothing and slow it down.
const MOST: usize = 16 << 10;

/// Target, name and bytes of each seed.
#[must_use]
pub fn all() -> Vec<(&'static str, String, Vec<u8>)> {
    let mut seeds = Vec::new();
    let archives = archives();
    for (name, archive) in &archives {
        seeds.push(("tar", name.clone(), archive.clone()));
        seeds.push(("archive", name.clone(), [&[0, 2], &archive[..]].concat()));
        for compression in 0..3 {
            let control = [0, compression, 0, 0, 9, 4, 13, 0];
            seeds.push(("unpacker", format!("{name}-{compression}"), [&control, &archive[..]].concat()));
        }
        let strict = [9, 0, 2, 5, 7, 7, 0, 0];
        seeds.push(("unpacker", format!("{name}-tight"), [&strict, &archive[..]].concat()));
    }
    for (name, blob) in streams(&archives) {
        let target = if name.starts_with("gzip") { "gzip" } else { "zstd" };
        let control: &[u8] = if target == "gzip" { &[0, 9, 4, 0, 13] } else { &[9, 4, 0, 13] };
        seeds.push((target, name, [control, &blob].concat()));
    }
    seeds.extend(documents().into_iter().map(|(name, document)| ("documents", name, document)));
    let words = words().into_iter().enumerate();
    seeds.extend(words.map(|(at, word)| ("reference", format!("word-{at}"), word.into_bytes())));
    seeds.retain(|(_, _, bytes)| bytes.len() <= MOST);
    seeds
}

/// Small archives of everything that the builders can make.
#[must_use]
pub fn archives() -> Vec<(String, Vec<u8>)> {
    let mut archives: Vec<(String, Vec<u8>)> = awkward::layers()
        .into_iter()
        .chain(awkward::gnu_layers())
        .map(|(name, layer)| (name.replace(|char: char| !char.is_ascii_alphanumeric(), "-"), layer.build()))
        .collect();
    let long = format!("{}/{}", "d".repeat(90), "n".repeat(120));
    let file = || Entry::file(&long, b"content");
    let mut add = |name: &str, builder: Builder| archives.push((name.to_owned(), builder.build()));
    add("empty", Builder::new());
    add("kinds", Builder::new().dir("a").file("a/f", b"hello").symlink("a/s", "../x").hardlink("a/h", "a/f").fifo("p"));
    add("devices", Builder::new().char_device("c", 1, 3).block_device("b", 8, 0));
    add("whiteouts", Builder::new().dir("a").opaque("a").whiteout("a/x").whiteout("y").file("a/y", b"y"));
    add("contiguous", Builder::new().entry(Entry::new(b'7', "seven").content(b"7")).entry(Entry::new(0, "v7/")));
    for (name, long) in [("pax", Long::Pax), ("gnu", Long::Gnu)] {
        add(
            &format!("long-{name}"),
            Builder::new().entry(file().long(long)).entry(Entry::symlink("s", &long_link()).long(long)),
        );
    }
    for (name, magic) in [("gnu", Magic::Gnu), ("v7", Magic::V7)] {
        add(
            &format!("magic-{name}"),
            Builder::new().entry(Entry::file("f", b"f").magic(magic)).entry(Entry::dir("d/").magic(magic)),
        );
    }
    add("base256", Builder::new().entry(Entry::file("f", b"f").numbers(Numbers::Base256).owner(3_000_000, 7)));
    add("signed", Builder::new().entry(Entry::file(b"\xffname", b"f").checksum(Checksum::Signed)));
    let records = Entry::file("f", b"12345").size(0).pax("size", "5").pax("path", "pax/name").pax("mtime", "1.5");
    add("records", Builder::new().entry(records.xattr("user.mime_type", b"text/plain")).file("g", b"g"));
    add("xattrs", Builder::new().entry(Entry::file("f", b"f").xattr_libarchive("user.a", b"\0\xff")));
    add("global", Builder::new().pax_global([("mtime", "3"), ("uid", "4")]).file("f", b"f"));
    for form in Sparse::ALL {
        let segments: &[(u64, &[u8])] = &[(0, b"begin"), (4096, b"middle"), (9000, b"end")];
        let name = format!("sparse-{form:?}").to_lowercase();
        add(
            &name,
            Builder::new().entry(form.entry("holes", 9003, &segments[..2])).entry(form.entry("end", 9003, segments)),
        );
    }
    add("no-end", Builder::new().file("f", b"f").end_blocks(0));
    add("data-after-end", Builder::new().file("f", b"f").raw([0; 1024]).file("g", b"g"));
    archives
}

fn long_link() -> String {
    "t/".repeat(70) + "end"
}

fn streams(archives: &[(String, Vec<u8>)]) -> Vec<(String, Vec<u8>)> {
    let mut streams = Vec::new();
    for (name, archive) in archives.iter().filter(|(_, archive)| archive.len() <= 64 << 10) {
        for compression in
            [Compression::Gzip, Compression::GzipMembers(3), Compression::Zstd, Compression::ZstdSkippable]
        {
            let form = format!("{compression:?}").replace(['(', ')'], "-").to_lowercase();
            streams.push((format!("{form}-{name}"), compression.compress(archive)));
        }
        for level in [-5, 1, 5, 12, 19] {
            streams.push((format!("zstd-level{level}-{name}"), zstd::bulk::compress(archive, level).unwrap()));
        }
    }
    let text: Vec<u8> =
        (0..3000u32).flat_map(|number| format!("{} ", number.wrapping_mul(0x9e37_79b1) >> 20).into_bytes()).collect();
    for level in [1, 3, 9, 19] {
        streams.push((format!("zstd-text{level}"), zstd::bulk::compress(&text, level).unwrap()));
    }
    streams.push(("zstd-frames".to_owned(), [zstd_frame(b"a"), skippable_frame(3, b"xyz"), zstd_frame(b"")].concat()));
    streams.push(("gzip-text".to_owned(), gzip(&text)));
    streams.push(("gzip-padded".to_owned(), [gzip(b"a"), vec![0; 30]].concat()));
    streams
}

fn documents() -> Vec<(String, Vec<u8>)> {
    let mut documents = Vec::new();
    let kinds = ["descriptor", "index", "manifest", "config", "layout", "archive"];
    let mut add = |name: &str, bytes: &[u8]| {
        let Some(kind) = kinds.iter().position(|kind| name.starts_with(kind)) else { return };
        documents.push((name.to_owned(), [&[kind as u8], bytes].concat()));
        if matches!(kind, 1 | 2) {
            documents.push((format!("document-{name}"), [&[6], bytes].concat()));
        }
    };
    for directory in ["valid", "invalid", "extra"] {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(directory);
        for file in fs::read_dir(directory).unwrap() {
            let file = file.unwrap();
            add(&file.file_name().into_string().unwrap(), &fs::read(file.path()).unwrap());
        }
    }
    let archive = demo::layout().docker_archive("portolan-demo");
    for entry in tar::Archive::new(&archive[..]).entries().unwrap() {
        let mut entry = entry.unwrap();
        if entry.path_bytes().as_ref() == b"manifest.json" {
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut entry, &mut bytes).unwrap();
            add("archive-demo", &bytes);
        }
    }
    documents
}

/// Every text of the vectors that could be a reference, a digest, a platform or a media type.
fn words() -> Vec<String> {
    let mut words: Vec<String> =
        ["layers=3, ratio=2K", "a/{b,c*}/**/[a-z]?\0a/b/x/yz", "2015-10-31T22:22:56.015925234Z"]
            .map(str::to_owned)
            .to_vec();
    for file in ["references", "digests", "media-types", "names-tags", "platforms", "platform-variants", "refnames"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/vectors").join(format!("{file}.json"));
        collect(&serde_json::from_slice(&fs::read(path).unwrap()).unwrap(), &mut words);
    }
    words.sort();
    words.dedup();
    words
}

fn collect(value: &serde_json::Value, words: &mut Vec<String>) {
    match value {
        serde_json::Value::String(text) if text.len() < 300 => words.push(text.clone()),
        serde_json::Value::Array(values) => values.iter().for_each(|value| collect(value, words)),
        serde_json::Value::Object(members) => members.iter().for_each(|(name, value)| {
            words.push(name.clone());
            collect(value, words);
        }),
        _ => {}
    }
}
