use super::stream::BATCH;
use super::*;
use crate::change::{Entry, Kind};
use crate::tar::samples::{archive, entry, file, link, long, pax};
use flate2::Compression as Level;
use portolan_image::Code;
use portolan_image::digest::SoftwareHashes;
use proptest::prelude::*;
use std::io::Write;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Level::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

/// The changes without contents, and the content of every regular file by its ordinal.
type Unpacked = (Vec<Change>, Vec<Vec<u8>>, Summary);

fn unpack_in(chunks: &[&[u8]], options: Options) -> Result<Unpacked> {
    let mut unpacker = Unpacker::new(&SoftwareHashes, options)?;
    let (mut changes, mut contents) = (Vec::new(), Vec::<Vec<u8>>::new());
    for chunk in chunks {
        unpacker.feed(chunk.to_vec())?;
        while let Some(batch) = unpacker.take_changes()? {
            for change in batch.changes {
                match &change {
                    Change::Content(content) => {
                        let file = contents.last_mut().unwrap();
                        let start = content.offset as usize;
                        file[start..start + content.range.len()].copy_from_slice(&batch.bytes[content.range.clone()]);
                    }
                    Change::Entry(Entry { kind, .. }) => {
                        contents.push(match kind {
                            Kind::File { size } => vec![0; *size as usize],
                            _ => Vec::new(),
                        });
                        changes.push(change);
                    }
                    _ => changes.push(change),
                }
            }
        }
    }
    Ok((changes, contents, unpacker.finish()?))
}

fn unpack(bytes: &[u8], options: Options) -> Result<Unpacked> {
    unpack_in(&[bytes], options)
}

fn code(bytes: &[u8], options: Options) -> Code {
    unpack(bytes, options).unwrap_err().code()
}

fn sample() -> Vec<u8> {
    let long_name = "long/".repeat(30) + "x";
    archive(&[
        entry(b'5', b"./", b""),
        file("a", b"content of a"),
        pax(&[("path", &long_name), ("SCHILY.xattr.user.x", "y"), ("mtime", "-1.5")]),
        file("short", &[7; 3000]),
        long(b'L', long_name.replace('l', "L").as_bytes()),
        link(b'2', "short", "../anywhere"),
        file("dir/.wh.gone", b""),
        file("dir/.wh..wh..opq", b""),
        file("empty", b""),
        link(b'1', "hard", "a"),
        file("big", &(0..10_000u32).flat_map(u32::to_le_bytes).collect::<Vec<_>>()),
    ])
}

#[test]
fn the_three_compressions_give_the_same_changes() {
    let plain = unpack(&sample(), Options::default()).unwrap();
    assert_eq!(plain.0.len(), 9, "{:#?}", plain.0);
    assert_eq!(plain.1[1], b"content of a");
    assert_eq!(plain.2.entries, 7);
    for (blob, compression) in [(gzip(&sample()), Compression::Gzip), (zstd(&sample()), Compression::Zstd)] {
        let other = unpack(&blob, Options::default()).unwrap();
        assert_eq!((&other.0, &other.1, &other.2.diff_id), (&plain.0, &plain.1, &plain.2.diff_id));
        assert_eq!((other.2.compression, other.2.size), (compression, blob.len() as u64));
        assert_eq!(other.2.uncompressed_size, sample().len() as u64);
        assert_eq!(other.2.warnings, []);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_split_of_the_blob_gives_the_same_changes(
        mut cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
        form in 0..3,
    ) {
        let blob = match form { 0 => sample(), 1 => gzip(&sample()), _ => zstd(&sample()) };
        let mut ends: Vec<usize> = cuts.drain(..).map(|cut| cut.index(blob.len())).collect();
        ends.push(blob.len());
        ends.sort_unstable();
        let mut start = 0;
        let chunks: Vec<&[u8]> = ends.into_iter().map(|end| { let chunk = &blob[start..end]; start = end; chunk }).collect();
        prop_assert_eq!(unpack_in(&chunks, Options::default()).unwrap(), unpack(&blob, Options::default()).unwrap());
    }
}

#[test]
fn a_blob_fed_byte_by_byte_gives_the_same_changes() {
    for blob in [sample(), gzip(&sample()), zstd(&sample())] {
        let chunks: Vec<&[u8]> = blob.chunks(1).collect();
        assert_eq!(unpack_in(&chunks, Options::default()).unwrap(), unpack(&blob, Options::default()).unwrap());
    }
}

// R-02, hostile input 34.
#[test]
fn members_and_frames_are_joined() {
    let sample = sample();
    let (one, two) = sample.split_at(5000);
    let joined = [gzip(one), gzip(b""), gzip(two)].concat();
    assert_eq!(unpack(&joined, Options::default()).unwrap().0, unpack(&sample, Options::default()).unwrap().0);
    let skippable = [&b"\x5a\x2a\x4d\x18\x05\0\0\0table"[..]].concat();
    let joined = [skippable.clone(), zstd(one), skippable.clone(), zstd(b""), zstd(two), skippable].concat();
    let unpacked = unpack(&joined, Options::default()).unwrap();
    assert_eq!(unpacked.0, unpack(&sample, Options::default()).unwrap().0);
    assert_eq!(unpacked.2.size, joined.len() as u64);
}

fn expecting(digest: &str, size: u64) -> Options {
    Options { expected: Some((digest.parse().unwrap(), size)), ..Options::default() }
}

fn summary(blob: &[u8]) -> Summary {
    unpack(blob, Options::default()).unwrap().2
}

#[test]
fn digest_size_and_diff_id_are_verified_in_any_algorithm() {
    let blob = gzip(&sample());
    let summary = summary(&blob);
    for algorithm in [Algorithm::Sha256, Algorithm::Sha384, Algorithm::Sha512, Algorithm::Blake3] {
        let digest = |bytes: &[u8]| portolan_image::digest::digest_bytes(&SoftwareHashes, &algorithm, bytes).unwrap();
        let options = Options {
            expected: Some((digest(&blob), blob.len() as u64)),
            diff_id: Some(DiffId(digest(&sample()))),
            ..Options::default()
        };
        let verified = unpack(&blob, options.clone()).unwrap().2;
        assert_eq!(verified.digest, digest(&blob));
        assert_eq!(verified.entries, summary.entries);
        let wrong = Options { diff_id: Some(DiffId(digest(b""))), ..options.clone() };
        assert_eq!(code(&blob, wrong), Code::DiffIdMismatch);
        let wrong = Options { expected: Some((digest(b""), blob.len() as u64)), ..options };
        assert_eq!(code(&blob, wrong), Code::DigestMismatch);
    }
    let unknown = Options { diff_id: Some(DiffId("md5:00".parse().unwrap())), ..Options::default() };
    assert_eq!(code(&blob, unknown), Code::UnsupportedAlgorithm);
}

// Hostile input 38.
#[test]
fn a_blob_longer_than_promised_is_refused_at_the_first_byte_too_many() {
    let blob = gzip(&sample());
    let digest = summary(&blob).digest.to_string();
    let mut unpacker = Unpacker::new(&SoftwareHashes, expecting(&digest, blob.len() as u64)).unwrap();
    unpacker.feed(blob.clone()).unwrap();
    assert_eq!(unpacker.feed(vec![0]).unwrap_err().code(), Code::SizeMismatch);
    assert_eq!(unpacker.take_changes().unwrap_err().code(), Code::SizeMismatch);
    assert_eq!(unpacker.finish().unwrap_err().code(), Code::SizeMismatch);
    assert_eq!(code(&blob, expecting(&digest, blob.len() as u64 + 1)), Code::SizeMismatch);
}

#[test]
fn a_digest_mismatch_explains_a_damaged_stream() {
    let blob = gzip(&sample());
    let (digest, size) = (summary(&blob).digest.to_string(), blob.len() as u64);
    let mut damaged = blob.clone();
    damaged[200] ^= 0xff;
    let mut unpacker = Unpacker::new(&SoftwareHashes, expecting(&digest, size)).unwrap();
    let mut fault = None;
    for chunk in damaged.chunks(100) {
        unpacker.feed(chunk.to_vec()).unwrap();
        while fault.is_none() {
            match unpacker.take_changes() {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) => fault = Some(error),
            }
        }
    }
    assert_eq!(fault.unwrap().code(), Code::InvalidCompression);
    assert_eq!(unpacker.finish().unwrap_err().code(), Code::DigestMismatch);
}

#[test]
fn an_error_stays_where_the_blob_is_what_was_promised() {
    let blob = archive(&[file("../x", b"")]);
    let digest = portolan_image::digest::digest_bytes(&SoftwareHashes, &Algorithm::Sha256, &blob).unwrap();
    let mut unpacker = Unpacker::new(&SoftwareHashes, expecting(&digest.to_string(), blob.len() as u64)).unwrap();
    let (start, rest) = blob.split_at(1000);
    unpacker.feed(start.to_vec()).unwrap();
    for _ in 0..2 {
        assert_eq!(unpacker.take_changes().unwrap_err().code(), Code::InvalidPath);
    }
    unpacker.feed(rest.to_vec()).unwrap();
    assert_eq!(unpacker.take_changes().unwrap_err().code(), Code::InvalidPath);
    assert_eq!(unpacker.finish().unwrap_err().code(), Code::InvalidPath);
}

#[test]
fn finishing_before_all_is_taken_is_an_error() {
    let mut unpacker = Unpacker::new(&SoftwareHashes, Options::default()).unwrap();
    unpacker.feed(sample()).unwrap();
    assert_eq!(unpacker.finish().unwrap_err().code(), Code::InvalidState);
}

// Hostile input 35.
#[test]
fn a_wrong_label_is_a_warning_and_an_error_for_the_strict() {
    let label = |label, strict| Options { label: Some(label), strict, ..Options::default() };
    let warning = |label, actual| vec![Warning::CompressionMismatch { label, actual }];
    let blob = zstd(&sample());
    let warned = unpack(&blob, label(Compression::Gzip, false)).unwrap().2.warnings;
    assert_eq!(warned, warning(Compression::Gzip, Compression::Zstd));
    assert_eq!(code(&blob, label(Compression::Gzip, true)), Code::CompressionMismatch);
    assert_eq!(unpack(&sample(), label(Compression::None, true)).unwrap().2.warnings, []);
    // Docker once wrote blobs of no bytes at all for layers without a change.
    let warnings = unpack(b"", label(Compression::Gzip, false)).unwrap().2.warnings;
    assert_eq!(warnings, [warning(Compression::Gzip, Compression::None), vec![Warning::MissingEnd]].concat());
    assert_eq!(code(b"", label(Compression::Gzip, true)), Code::CompressionMismatch);
}

// Hostile input 36.
#[test]
fn a_compression_that_is_not_read_is_refused_by_name() {
    let blob = [&b"\xfd7zXZ\0"[..], &[1; 1000]].concat();
    let error = unpack_in(&blob.chunks(3).collect::<Vec<_>>(), Options::default()).unwrap_err();
    assert_eq!(error, Error::UnsupportedCompression { format: "xz".to_owned() });
}

#[test]
fn a_blob_too_short_for_anything_is_refused() {
    for blob in [&b"x"[..], b"\x1f", b"\x1f\x8b", b"\x28\xb5\x2f", b"\x28\xb5\x2f\xfd", b"BZ", b"BZh9"] {
        assert!(unpack(blob, Options::default()).is_err(), "{blob:?}");
    }
}

#[test]
fn zeros_after_gzip_are_warned_of() {
    let blob = [gzip(&sample()), vec![0; 9]].concat();
    assert_eq!(summary(&blob).warnings, [Warning::PaddedStream { bytes: 9 }]);
    assert_eq!(code(&blob, Options { strict: true, ..Options::default() }), Code::InvalidCompression);
}

fn limited(limits: &str) -> Options {
    Options { limits: Limits::default().with(limits).unwrap(), ..Options::default() }
}

/// Hashes nothing, where the length of a stream is all that matters.
struct NoHash;

impl Hashes for NoHash {
    fn start(&self, _: &Algorithm) -> Option<Box<dyn Hash>> {
        Some(Box::new(Self))
    }

    fn crc32(&self) -> Crc32 {
        SoftwareHashes.crc32()
    }
}

impl Hash for NoHash {
    fn update(&mut self, _: &[u8]) {}

    fn duplicate(&self) -> Box<dyn Hash> {
        Box::new(Self)
    }

    fn finish(self: Box<Self>) -> Vec<u8> {
        vec![0; 32]
    }
}

// Hostile input 32.
#[test]
fn a_bomb_is_refused_by_its_ratio_or_its_size() {
    const BLOCKS: usize = 700;
    let header = crate::tar::samples::header(b'0', b"zeros", (BLOCKS as u64) << 17);
    let raw = |bytes: &[u8]| [&((bytes.len() as u32) << 3).to_le_bytes()[..3], bytes].concat();
    let run = [&(1u32 << 20 | 1 << 1).to_le_bytes()[..3], &[0]].concat();
    let blob = [&b"\x28\xb5\x2f\xfd\0\x38"[..], &raw(&header), &run.repeat(BLOCKS), &[1, 0, 0]].concat();
    let unpacked = |limits: &str| {
        let options = Options { content: Selection::None, ..limited(limits) };
        let mut unpacker = Unpacker::new(&NoHash, options)?;
        unpacker.feed(blob.clone())?;
        while unpacker.take_changes()?.is_some() {}
        unpacker.finish()
    };
    let error = unpacked("").unwrap_err();
    assert!(error.to_string().contains("raise ratio"), "{error}");
    assert_eq!(unpacked("ratio=1000000,layer-uncompressed-bytes=89M").unwrap().entries, 1);
    assert_eq!(unpacked("ratio=1000000,layer-uncompressed-bytes=80M").unwrap_err().code(), Code::LimitExceeded);
    assert_eq!(unpacked("layer-bytes=1K").unwrap_err().code(), Code::LimitExceeded);
}

#[test]
fn a_batch_is_bounded_however_small_its_input() {
    let blob = gzip(&archive(&[file("zeros", &vec![0; 5 << 20])]));
    let mut unpacker = Unpacker::new(&SoftwareHashes, Options::default()).unwrap();
    unpacker.feed(blob).unwrap();
    let mut total = 0;
    while let Some(batch) = unpacker.take_changes().unwrap() {
        assert!(batch.bytes.len() <= 2 * BATCH);
        total += batch.bytes.len();
    }
    assert!(total > 5 << 20);
}

#[test]
fn a_selection_changes_nothing_but_the_contents() {
    let all = unpack(&sample(), Options::default()).unwrap();
    for content in [Selection::None, Selection::Only(vec![1]), Selection::Only(vec![0, 6])] {
        let some = unpack(&gzip(&sample()), Options { content: content.clone(), ..Options::default() }).unwrap();
        assert_eq!(some.0, all.0);
        for (ordinal, bytes) in some.1.iter().enumerate() {
            let zeros = vec![0; bytes.len()];
            assert_eq!(bytes, if content.has(ordinal as u32) { &all.1[ordinal] } else { &zeros });
        }
    }
    let mut unpacker =
        Unpacker::new(&SoftwareHashes, Options { content: Selection::None, ..Options::default() }).unwrap();
    unpacker.feed(sample()).unwrap();
    assert!(unpacker.take_changes().unwrap().unwrap().bytes.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn random_bytes_never_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..2000),
        magic in prop::sample::select(vec![&b""[..], b"\x1f\x8b\x08\0", b"\x28\xb5\x2f\xfd", b"\x50\x2a\x4d\x18"]),
    ) {
        let blob = [magic, &bytes].concat();
        prop_assert!(unpack(&blob, Options::default()).is_err() || blob.is_empty());
    }
}
