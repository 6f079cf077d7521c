//! One test for each line of the tables of the compressions.

use super::*;
use crate::tar::samples::{archive, file};
use flate2::Compression as Level;
use portolan_image::Code;
use portolan_image::digest::{Hashes as _, SoftwareHashes};
use proptest::prelude::*;
use std::io::Write;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    with_header(flate2::GzBuilder::new(), bytes)
}

fn with_header(builder: flate2::GzBuilder, bytes: &[u8]) -> Vec<u8> {
    let mut encoder = builder.write(Vec::new(), Level::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

/// Decodes in pieces of a size, with little room for what comes out.
fn decode_in(blob: &[u8], piece: usize, limits: &Limits) -> Result<(Vec<u8>, u64)> {
    let Detection::Found(compression) = detect(blob, true) else { panic!("not detected") };
    let mut decoder = Decoder::new(compression, limits, SoftwareHashes.crc32()).unwrap();
    let (mut decoded, mut input) = (Vec::new(), Vec::new());
    for piece in blob.chunks(piece) {
        input.extend_from_slice(piece);
        loop {
            let mut room = [0; 999];
            let (consumed, len) = decoder.decode(&input, &mut room, false)?;
            input.drain(..consumed);
            decoded.extend_from_slice(&room[..len]);
            if (consumed, len) == (0, 0) {
                break;
            }
        }
    }
    let padding = decoder.finish(&input)?;
    Ok((decoded, padding))
}

/// Decodes whole and byte by byte, which must agree.
fn decode(blob: &[u8]) -> Result<(Vec<u8>, u64)> {
    let limits = Limits::default();
    let whole = decode_in(blob, usize::MAX, &limits);
    assert_eq!(whole.clone().ok(), decode_in(blob, 1, &limits).ok());
    whole
}

fn reason(blob: &[u8]) -> String {
    match decode(blob).unwrap_err() {
        Error::InvalidCompression { reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}

fn text() -> Vec<u8> {
    (0..3000u32).flat_map(|number| number.to_string().into_bytes()).collect()
}

fn found(start: &[u8]) -> &'static str {
    match detect(start, true) {
        Detection::Found(compression) => compression.as_str(),
        Detection::Refused(format) => format,
        Detection::Undecided => panic!("undecided although complete"),
    }
}

// Hostile inputs 35 and 36.
#[test]
fn formats_are_told_by_their_first_bytes() {
    assert_eq!(found(&gzip(b"")), "gzip");
    assert_eq!(found(&zstd(b"")), "zstd");
    assert_eq!(found(b"\x5f\x2a\x4d\x18\0\0\0\0"), "zstd");
    assert_eq!(found(b""), "none");
    assert_eq!(found(&archive(&[file("x", b"")])), "none");
    for (start, name) in [
        (&b"\xfd7zXZ\0"[..], "xz"),
        (b"BZh91AY&SY", "bzip2"),
        (b"\x5d\0\0\x80\0", "lzma"),
        (b"LZIP\x01", "lzip"),
        (b"\x04\x22\x4d\x18", "lz4"),
        (b"\x1f\x9d\x90", "compress"),
        (b"PK\x03\x04", "zip"),
    ] {
        assert_eq!(found(start), name);
        assert_eq!(found(&[start, &[b'x'; 600]].concat()), name);
    }
}

#[test]
fn a_file_may_be_called_like_the_magic_of_another_format() {
    for name in ["BZh91AY", "LZIP", "PK\x03\x04", "]"] {
        assert_eq!(found(&archive(&[file(name, b"")])), "none", "{name:?}");
    }
}

proptest! {
    #[test]
    fn what_is_decided_early_stays_decided(start in prop::collection::vec(any::<u8>(), 0..12), magic in 0usize..6) {
        let magics = [&b"\x1f\x8b"[..], b"\x28\xb5\x2f\xfd", b"\x50\x2a\x4d\x18", b"BZh", b"\xfd7zXZ\0", b""];
        let start = [magics[magic], &start].concat();
        for len in 0..start.len() {
            if let Detection::Found(early) = detect(&start[..len], false) {
                prop_assert_eq!(early.as_str(), found(&start));
            }
        }
    }
}

// Hostile input 34.
#[test]
fn every_header_of_gzip_is_read() {
    let builder = || flate2::GzBuilder::new();
    for builder in [
        builder(),
        builder().filename("name"),
        builder().comment("comment"),
        builder().extra(vec![1; 70]),
        builder().extra(vec![]),
        builder().filename("name").comment("comment").extra(vec![0; 3]).mtime(5),
    ] {
        assert_eq!(decode(&with_header(builder, &text())).unwrap(), (text(), 0));
    }
}

#[test]
fn the_crc_of_a_gzip_header_is_checked() {
    let plain = gzip(b"x");
    let mut header = plain[..10].to_vec();
    header[3] = 2;
    let mut crc = flate2::Crc::new();
    crc.update(&header);
    let crc = (crc.sum() as u16).to_le_bytes();
    assert_eq!(decode(&[&header, &crc[..], &plain[10..]].concat()).unwrap().0, b"x");
    let reason = reason(&[&header, &[crc[0] ^ 1, crc[1]][..], &plain[10..]].concat());
    assert!(reason.contains("CRC-16"), "{reason}");
}

// Hostile input 34.
#[test]
fn a_damaged_gzip_stream_is_refused() {
    let good = gzip(&text());
    let changed = |at: usize, byte: u8| {
        let mut blob = good.clone();
        blob[at] = byte;
        reason(&blob)
    };
    assert!(changed(2, 7).contains("method"));
    assert!(changed(3, 0x20).contains("flags"));
    assert!(changed(good.len() - 8, good[good.len() - 8] ^ 1).contains("CRC-32"));
    assert!(changed(good.len() - 1, 1).contains("bytes long"));
    for len in 2..good.len() {
        let limits = Limits::default();
        assert_eq!(decode_in(&good[..len], usize::MAX, &limits).unwrap_err().code(), Code::InvalidCompression, "{len}");
    }
}

// Hostile input 34.
#[test]
fn garbage_after_gzip_is_refused_and_zeros_are_counted() {
    let good = gzip(&text());
    assert_eq!(decode(&[&good[..], &[0; 700]].concat()).unwrap(), (text(), 700));
    for garbage in [&b"x"[..], b"\x1f", b"\x1f\x8c", b"\x1f\x8b", b"\0\0x", b"\0\x1f\x8b\x08"] {
        assert_eq!(decode(&[&good[..], garbage].concat()).unwrap_err().code(), Code::InvalidCompression, "{garbage:?}");
    }
}

// Hostile input 30.
#[test]
fn the_optional_fields_of_a_gzip_header_are_limited() {
    let blob = with_header(flate2::GzBuilder::new().filename("123456"), b"");
    let error = decode_in(&blob, 4, &Limits::default().with("header-bytes=6").unwrap()).unwrap_err();
    assert_eq!(error.code(), Code::LimitExceeded);
    assert!(decode_in(&blob, 4, &Limits::default().with("header-bytes=7").unwrap()).is_ok());
}

// R-02, hostile input 33.
#[test]
fn zstd_frames_and_skippable_frames_are_read() {
    let skippable = b"\x50\x2a\x4d\x18\x03\0\0\0abc";
    let blob = [&skippable[..], &zstd(&text()), skippable, &zstd(b""), &zstd(b"end"), skippable].concat();
    assert_eq!(decode(&blob).unwrap().0, [&text()[..], b"end"].concat());
}

/// A frame of one raw block: descriptor, what follows it, data.
fn frame(descriptor: u8, fields: &[u8], data: &[u8], end: &[u8]) -> Vec<u8> {
    let block = ((data.len() as u32) << 3 | 1).to_le_bytes();
    [&[0x28, 0xb5, 0x2f, 0xfd, descriptor][..], fields, &block[..3], data, end].concat()
}

#[test]
fn the_content_size_and_the_checksum_of_a_frame_are_checked() {
    assert_eq!(decode(&frame(0x20, &[3], b"abc", b"")).unwrap().0, b"abc");
    assert!(reason(&frame(0x60, &[0, 0], b"abc", b"")).contains("says that it has 256"));
    // The lower four bytes of XXH64 of "abc", 0x44bc2cf5ad770999.
    assert_eq!(decode(&frame(0x24, &[3], b"abc", b"\x99\x09\x77\xad")).unwrap().0, b"abc");
    assert!(reason(&frame(0x24, &[3], b"abc", b"\x98\x09\x77\xad")).contains("checksum"));
}

// Hostile input 33.
#[test]
fn a_window_above_the_limit_is_refused_before_it_is_held() {
    let limits = Limits::default();
    // 2^31 bytes, with a descriptor of the window and as a single segment.
    for blob in [frame(0, &[21 << 3], b"x", b""), frame(0xa0, &[0, 0, 0, 0x80], b"x", b"")] {
        assert_eq!(decode_in(&blob, usize::MAX, &limits).unwrap_err().code(), Code::LimitExceeded);
    }
    let eight = frame(0, &[13 << 3], b"x", b"");
    assert!(decode_in(&eight, usize::MAX, &limits.clone().with("zstd-window-bytes=8M").unwrap()).is_ok());
    let error = decode_in(&eight, usize::MAX, &limits.with("zstd-window-bytes=7M").unwrap()).unwrap_err();
    assert!(error.to_string().contains("zstd-window-bytes"), "{error}");
}

// Hostile input 33.
#[test]
fn a_frame_that_cannot_be_read_is_refused() {
    assert!(reason(&frame(0x21, &[7, 3], b"abc", b"")).contains("dictionary 7"));
    assert_eq!(decode(&frame(0x21, &[0, 3], b"abc", b"")).unwrap().0, b"abc");
    assert!(reason(&frame(0x28, &[3], b"abc", b"")).contains("reserved"));
    let good = zstd(&text());
    for len in 4..good.len() {
        let error = decode_in(&good[..len], usize::MAX, &Limits::default()).unwrap_err();
        assert_eq!(error.code(), Code::InvalidCompression, "{len}");
    }
    for garbage in [&b"x"[..], b"garbage", b"\0\0\0\0", b"\x28\xb5", b"\x50\x2a\x4d\x18\x09\0\0\0"] {
        assert_eq!(decode(&[&good[..], garbage].concat()).unwrap_err().code(), Code::InvalidCompression);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    // Hostile input 37.
    #[test]
    fn a_damaged_stream_never_panics(
        at in any::<prop::sample::Index>(),
        bytes in prop::collection::vec(any::<u8>(), 1..6),
        form in any::<bool>(),
        piece in 1usize..400,
    ) {
        let mut blob = if form { gzip(&text()) } else { zstd(&text()) };
        let at = 4 + at.index(blob.len() - 10);
        blob[at..at + bytes.len()].copy_from_slice(&bytes);
        let whole = decode_in(&blob, usize::MAX, &Limits::default()).map(|(decoded, _)| decoded);
        let pieces = decode_in(&blob, piece, &Limits::default()).map(|(decoded, _)| decoded);
        prop_assert_eq!(whole.ok(), pieces.ok());
    }
}
