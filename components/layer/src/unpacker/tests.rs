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
