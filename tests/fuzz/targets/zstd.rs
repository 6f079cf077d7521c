//! zstd frames, compared with the decoder of the `zstd` crate, which is the reference in C: the same bytes, or both refuse.
//!
//! A first frame holds the end of an archive, so that what is decoded need not be one.
//!
//! | in the stream | here | zstd in C | why |
//! |---|---|---|---|
//! | a frame that names a dictionary | refused | refused | layers have none |
//! | a window above the limit | refused before it is allocated | refused above its own | row 33 of the attacks |
//! | a Huffman stream of literals with bits left over, or without its end mark | refused | its fast loops do not look | RFC 8878 section 4.2.2 |
//! | one Huffman stream whose last code runs past its beginning | accepted | refused | ruzstd 0.9.1 does not look |
//! | four Huffman streams of other lengths than a quarter each, right in sum | accepted | accepted with other bytes | ruzstd 0.9.1 looks at the sum alone |
//!
//! What the reference compressed is never refused and gives the same bytes. The last two rows are defects of ruzstd that only
//! a checksum or the DiffID tells; for their sake damaged frames are compared by their lengths, and it is not compared
//! whether the reference finds corruption inside a block. Everything else that it refuses must be refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portolan_fuzz::chunks::chunks;
use portolan_fuzz::recording::decode;
use portolan_image::Limits;
use std::io::Read;

const MOST: usize = 4 << 20;
const CONTROL: usize = 4;
/// A frame of 1024 zeros: a single segment, one block of one byte repeated.
const END_OF_ARCHIVE: [u8; 11] = [0x28, 0xb5, 0x2f, 0xfd, 0x60, 0x00, 0x03, 0x03, 0x20, 0x00, 0x00];

/// What is refused here alone, by the words of the error.
const STRICTER: [&str; 2] = ["zstd-window-bytes", "DecompressLiteralsError"];

fuzz_target!(|data: &[u8]| {
    let Some((cuts, stream)) = data.split_first_chunk::<CONTROL>() else { return };
    let is_valid = cuts[0] >= 0xf0;
    let compressed = if is_valid { zstd::bulk::compress(stream, i32::from(cuts[0] & 15)).unwrap() } else { Vec::new() };
    let blob = [&END_OF_ARCHIVE[..], if is_valid { &compressed[..] } else { stream }].concat();
    let limits = || Limits::default().with("layer-uncompressed-bytes=16M,zstd-window-bytes=8M").unwrap();
    let whole = decode([&blob[..]].into_iter(), limits());
    let cut = decode(chunks(&blob, cuts), limits());
    assert_eq!(whole.1.is_ok(), cut.1.is_ok(), "in one piece {:?}, in pieces {:?}", whole.1, cut.1);

    let (theirs, result) = reference(&blob);
    if theirs.len() > MOST {
        return;
    }
    match (&whole.1, &result) {
        (Ok(()), Ok(())) => {
            assert_eq!(whole.0.len(), theirs.len());
            assert!(whole.0 == theirs || !is_valid, "other bytes of what the reference compressed");
            assert!(cut.0 == whole.0);
        }
        (Ok(()), Err(error)) => {
            let message = error.to_string();
            assert!(!is_valid && message.contains("corruption"), "the reference refuses: {message}");
        }
        (Err(error), Ok(())) => {
            let message = error.to_string();
            let wanted = !is_valid && STRICTER.iter().any(|stricter| message.contains(stricter));
            assert!(wanted, "the reference accepts what is refused: {message}");
        }
        (Err(_), Err(_)) => {}
    }
});

fn reference(blob: &[u8]) -> (Vec<u8>, std::io::Result<()>) {
    let mut bytes = Vec::new();
    let mut decoder = zstd::stream::read::Decoder::with_buffer(blob).unwrap();
    decoder.window_log_max(23).unwrap();
    let result = decoder.take(MOST as u64 + 1).read_to_end(&mut bytes).map(drop);
    (bytes, result)
}
