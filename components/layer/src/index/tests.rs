use super::*;
use crate::tar::samples::{archive, file, pax, with};
use crate::{Change, Options, Selection, Unpacker};
use flate2::write::GzEncoder;
use portolan_image::Code;
use portolan_image::digest::SoftwareHashes;
use proptest::prelude::*;
use std::io::Write;

/// Bytes that follow from a number: words where they should be compressible, noise otherwise.
fn bytes(seed: u64, len: usize, is_noise: bool) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        if is_noise {
            bytes.extend_from_slice(&state.to_le_bytes());
        } else {
            bytes.extend_from_slice(format!("{:03x} ", state & 0x3ff).as_bytes());
        }
    }
    bytes.truncate(len);
    bytes
}

/// Files of many sizes, with the contents that they have.
fn files() -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let contents: Vec<Vec<u8>> = (0..60_u64)
        .map(|number| match number {
            20 => bytes(number, 900_000, false),
            30 => vec![0; 700_000],
            _ => bytes(number, (number as usize * 7919) % 90_000, number % 3 == 0),
        })
        .collect();
    let long = "directory/".repeat(20);
    let parts = contents.iter().enumerate().map(|(number, content)| {
        let name = format!("{long}{number}");
        [pax(&[("path", &name)]), file("short", content)].concat()
    });
    (parts.collect(), contents)
}

fn gzip(bytes: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::new(level));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

fn pieces(bytes: &[u8], compress: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    bytes.chunks(77_777).flat_map(compress).collect()
}

/// Reads a layer whole, with a checkpoint every so many bytes.
fn indexed(blob: &[u8], chunk: usize, spacing: u64, most: usize) -> Index {
    let mut unpacker =
        Unpacker::new(&SoftwareHashes, Options { checkpoints: most, content: Selection::None, ..Options::default() })
            .unwrap();
    unpacker.stream.checkpoints.spacing = spacing;
    unpacker.marks.spacing = spacing / 4;
    for chunk in blob.chunks(chunk) {
        unpacker.feed(chunk.to_vec()).unwrap();
        while unpacker.take_changes().unwrap().is_some() {}
    }
    unpacker.finish_with_index().unwrap().1.unwrap()
}

/// The content of an entry, from the part of the blob that the index names, and how long that part is.
fn content(index: &Index, blob: &[u8], ordinal: u32, chunk: usize) -> Result<(Vec<u8>, u64)> {
    let Span { offset, length } = index.locate(ordinal)?;
    let mut excerpt = index.open(ordinal)?;
    let (mut bytes, mut fault) = (Vec::new(), None);
    for piece in blob[offset as usize..][..length as usize].chunks(chunk) {
        excerpt.feed(piece.to_vec())?;
        while fault.is_none() {
            match excerpt.take_changes() {
                Ok(Some(batch)) => {
                    for change in batch.changes {
                        if let Change::Content(content) = change {
                            bytes.resize(content.offset as usize, 0);
                            bytes.extend_from_slice(&batch.bytes[content.range]);
                        }
                    }
                }
                Ok(None) => break,
                Err(error) => fault = Some(error),
            }
        }
    }
    excerpt.finish()?;
    Ok((bytes, length))
}

fn forms(tar: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("plain", tar.to_vec()),
        ("stored", gzip(tar, 0)),
        ("fast", gzip(tar, 1)),
        ("gzip", gzip(tar, 6)),
        ("best", gzip(tar, 9)),
        ("members", pieces(tar, |piece| gzip(piece, 6))),
        ("zstd", zstd(tar)),
        ("frames", pieces(tar, zstd)),
    ]
}

#[test]
fn every_file_reads_through_the_index_as_it_does_without() {
    let (parts, contents) = files();
    let tar = archive(&parts);
    for (form, blob) in forms(&tar) {
        for chunk in [7_000, blob.len()] {
            let index = indexed(&blob, chunk, 100_000, 1000);
            for (ordinal, expected) in contents.iter().enumerate() {
                let (actual, _) = content(&index, &blob, ordinal as u32, 33_333).unwrap();
                assert!(actual == *expected, "{form}, chunks of {chunk}, entry {ordinal}");
            }
        }
    }
}

#[test]
fn a_file_near_the_end_takes_a_small_part_of_the_blob() {
    let (parts, _) = files();
    let tar = archive(&parts);
    for (form, blob) in forms(&tar) {
        let index = indexed(&blob, 20_000, 100_000, 1000);
        let length = content(&index, &blob, 58, 10_000).unwrap().1;
        // One frame, and one block: the fastest level of zlib-ng, which this encoder follows, makes no second one.
        let is_whole = matches!(form, "zstd" | "fast");
        assert_eq!(length > blob.len() as u64 / 4, is_whole, "{form}: {length} of {}", blob.len());
        let inside = index.checkpoints.iter().filter(|(_, it)| it.within.is_some()).count();
        assert_eq!(inside > 10, matches!(form, "stored" | "gzip" | "best"), "{form}: {inside}");
    }
}

#[test]
fn a_part_that_has_changed_is_refused_with_the_digest_of_the_layer() {
    let (parts, _) = files();
    let tar = archive(&parts);
    for (form, blob) in forms(&tar) {
        let index = indexed(&blob, 20_000, 100_000, 1000);
        for ordinal in [3, 40, 59] {
            let Span { offset, length } = index.locate(ordinal).unwrap();
            for place in [0, length / 2, length - 1] {
                let mut changed = blob.clone();
                changed[(offset + place) as usize] ^= 4;
                let error = content(&index, &changed, ordinal, 9_999).unwrap_err();
                assert_eq!(error.code(), Code::DigestMismatch, "{form}: {error}");
                assert!(error.to_string().contains(&index.digest.to_string()), "{error}");
            }
        }
    }
}

#[test]
fn a_part_of_another_length_is_refused() {
    let (parts, _) = files();
    let blob = gzip(&archive(&parts), 6);
    let index = indexed(&blob, 20_000, 100_000, 1000);
    let Span { offset, length } = index.locate(30).unwrap();
    let mut excerpt = index.open(30).unwrap();
    excerpt.feed(blob[offset as usize..][..length as usize - 1].to_vec()).unwrap();
    while excerpt.take_changes().unwrap().is_some() {}
    assert_eq!(excerpt.finish().unwrap_err().code(), Code::DigestMismatch);
    let mut excerpt = index.open(30).unwrap();
    let more = excerpt.feed(blob[offset as usize..][..=length as usize].to_vec());
    assert_eq!(more.unwrap_err().code(), Code::DigestMismatch);
}

#[test]
fn there_are_never_more_checkpoints_and_marks_than_were_asked_for() {
    let (parts, contents) = files();
    let tar = archive(&parts);
    for (form, blob) in forms(&tar) {
        for most in [1, 7] {
            let index = indexed(&blob, 5_000, 50_000, most);
            assert!(index.checkpoints.len() <= most.max(2), "{form}: {}", index.checkpoints.len());
            assert!(index.marks.len() <= 2 * most, "{form}: {}", index.marks.len());
            assert!(content(&index, &blob, 59, 9_999).unwrap().0 == contents[59], "{form}");
        }
    }
}

#[test]
fn without_being_asked_for_there_is_no_index() {
    let blob = archive(&[file("a", b"b")]);
    let mut unpacker = Unpacker::new(&SoftwareHashes, Options::default()).unwrap();
    unpacker.feed(blob).unwrap();
    while unpacker.take_changes().unwrap().is_some() {}
    assert!(unpacker.finish_with_index().unwrap().1.is_none());
}

#[test]
fn an_entry_that_is_not_there_is_an_error() {
    let index = indexed(&archive(&[file("a", b"b")]), 512, 1000, 10);
    assert_eq!(index.locate(1).unwrap_err().code(), Code::InvalidState);
    assert_eq!(index.locate(u32::MAX).unwrap_err().code(), Code::InvalidState);
    let none = indexed(&archive(&[]), 512, 1000, 10);
    assert_eq!(none.locate(0).unwrap_err().code(), Code::InvalidState);
}

#[test]
fn a_sparse_file_keeps_its_holes() {
    let header = with(crate::tar::samples::header(b'0', b"sparse", 3000), 0, b"sparse");
    let body = [&header[..], &crate::tar::samples::padded(&[7; 3000])].concat();
    let sparse = [
        pax(&[("GNU.sparse.size", "90000"), ("GNU.sparse.numblocks", "2"), ("GNU.sparse.map", "0,1000,50000,2000")]),
        body,
    ]
    .concat();
    let tar = archive(&[file("before", &bytes(1, 400_000, false)), sparse, file("after", &bytes(2, 400_000, false))]);
    for (form, blob) in forms(&tar) {
        let index = indexed(&blob, 10_000, 50_000, 1000);
        let (actual, _) = content(&index, &blob, 1, 7_000).unwrap();
        assert_eq!(actual.len(), 52_000, "{form}");
        assert!(actual[..1000] == [7; 1000] && actual[1000..50_000] == [0; 49_000] && actual[50_000..] == [7; 2000]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever the source answers the second time, nothing traps, and what is not refused is what it was.
    #[test]
    fn hostile_answers_are_refused(seed: u64, level in 0_u32..10, ordinal in 0_u32..12, place: prop::sample::Index, value: u8, chunk in 1_usize..40_000) {
        let contents: Vec<_> = (0..12).map(|number| bytes(seed ^ number, (seed >> (number * 4)) as usize % 120_000, number % 2 == 0)).collect();
        let parts: Vec<_> = contents.iter().map(|content| file("f", content)).collect();
        let mut blob = gzip(&archive(&parts), level);
        let index = indexed(&blob, chunk, 40_000, 50);
        prop_assert!(content(&index, &blob, ordinal, chunk).unwrap().0 == contents[ordinal as usize]);
        let place = place.index(blob.len());
        let is_same = blob[place] == value;
        blob[place] = value;
        let Span { offset, length } = index.locate(ordinal).unwrap();
        let is_inside = (offset..offset + length).contains(&(place as u64));
        match content(&index, &blob, ordinal, chunk) {
            Ok((actual, _)) => prop_assert!((is_same || !is_inside) && actual == contents[ordinal as usize]),
            Err(error) => prop_assert!(is_inside && error.code() == Code::DigestMismatch),
        }
    }
}
