//! gzip members, compared with flate2's `MultiGzDecoder`: the same bytes, or both refuse.
//!
//! The input is either a stream as it is, or deflate streams that are given the header and the trailer they need. A first
//! member holds the end of an archive, so that what is decoded need not be one.
//!
//! | in the stream | here | flate2 | why |
//! |---|---|---|---|
//! | zeros after the last member | accepted with a warning | refused | gzip(1) does, and tapes and registries hold such blobs |
//! | reserved flags | refused | accepted where it does not look | RFC 1952 section 2.3.1.2 |
//! | the length in a trailer | compared modulo 2^32 | likewise | |
//! | optional fields of more than `header-bytes` | refused | refused above its own 64 KiB | CVE-2022-2879 |
#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use flate2::{Crc, Decompress, FlushDecompress};
use libfuzzer_sys::fuzz_target;
use portolan_fuzz::chunks::chunks;
use portolan_fuzz::recording::decode;
use portolan_image::Limits;
use std::io::Read;

const MOST: usize = 4 << 20;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    cuts: [u8; 4],
    parts: Vec<Part<'a>>,
    rest: &'a [u8],
}

#[derive(Arbitrary, Debug)]
enum Part<'a> {
    Member { flags: u8, extra: &'a [u8], name: &'a [u8], comment: &'a [u8], deflate: &'a [u8], spoil: Option<(u8, u8)> },
    Stored { content: &'a [u8] },
    Raw { bytes: &'a [u8] },
    Zeros { count: u8 },
}

fuzz_target!(|data: &[u8]| {
    let (cuts, stream) = match data.split_first() {
        Some((0, raw)) if raw.len() > 4 => (raw[..4].to_vec(), raw[4..].to_vec()),
        Some((_, structured)) => {
            let Ok(input) = Input::arbitrary_take_rest(Unstructured::new(structured)) else { return };
            (input.cuts.to_vec(), stream(&input))
        }
        None => return,
    };
    let mut blob = stored(&[0; 1024]);
    blob.extend(stream);
    check(&blob, &cuts);
});

fn check(blob: &[u8], cuts: &[u8]) {
    let limits = || Limits::default().with("layer-uncompressed-bytes=16M").unwrap();
    let whole = decode([blob].into_iter(), limits());
    let cut = decode(chunks(blob, cuts), limits());
    assert_eq!(whole.1.is_ok(), cut.1.is_ok(), "in one piece {:?}, in pieces {:?}", whole.1, cut.1);

    // Zeros after the last member are the one thing that is accepted beyond what flate2 accepts.
    let (theirs, result) = flate2_decode(blob);
    if theirs.len() > MOST {
        return;
    }
    match (&whole.1, &result) {
        (Ok(()), Ok(())) => {
            assert!(whole.0 == theirs, "other bytes: {} and {}", whole.0.len(), theirs.len());
            assert!(cut.0 == theirs);
        }
        (Ok(()), Err(error)) => {
            let trimmed = blob.len() - blob.iter().rev().take_while(|&&byte| byte == 0).count();
            // A trailer may itself end in zeros.
            let accepted = (trimmed..=blob.len()).any(|end| {
                let (theirs, result) = flate2_decode(&blob[..end]);
                result.is_ok() && theirs == whole.0
            });
            assert!(accepted, "flate2 refuses: {error}");
        }
        (Err(error), Ok(())) => {
            let message = error.to_string();
            let wanted = ["reserved flags", "optional fields"].iter().any(|wanted| message.contains(wanted));
            assert!(wanted, "flate2 accepts what is refused: {message}");
        }
        (Err(_), Err(_)) => {}
    }
}

fn flate2_decode(blob: &[u8]) -> (Vec<u8>, std::io::Result<()>) {
    let mut bytes = Vec::new();
    let result = flate2::bufread::MultiGzDecoder::new(blob).take(MOST as u64 + 1).read_to_end(&mut bytes).map(drop);
    (bytes, result)
}

fn stream(input: &Input<'_>) -> Vec<u8> {
    let mut stream = Vec::new();
    for part in &input.parts {
        match part {
            Part::Member { flags, extra, name, comment, deflate, spoil } => {
                let mut member = member(*flags, extra, name, comment, deflate);
                if let Some((from_end, byte)) = spoil
                    && let Some(at) = member.len().checked_sub(1 + usize::from(*from_end))
                {
                    member[at] = *byte;
                }
                stream.extend(member);
            }
            Part::Stored { content } => stream.extend(stored(content)),
            Part::Raw { bytes } => stream.extend_from_slice(bytes),
            Part::Zeros { count } => stream.resize(stream.len() + usize::from(*count), 0),
        }
    }
    stream.extend_from_slice(input.rest);
    stream
}

/// A member with the fields that its flags announce, and the trailer that its deflate stream needs.
fn member(flags: u8, extra: &[u8], name: &[u8], comment: &[u8], deflate: &[u8]) -> Vec<u8> {
    let text = |text: &[u8]| text.iter().copied().filter(|&byte| byte != 0).chain([0]).collect::<Vec<u8>>();
    let mut member = vec![0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 255];
    if flags & 4 != 0 {
        let extra = &extra[..extra.len().min(0xffff)];
        member.extend((extra.len() as u16).to_le_bytes());
        member.extend_from_slice(extra);
    }
    if flags & 8 != 0 {
        member.extend(text(name));
    }
    if flags & 16 != 0 {
        member.extend(text(comment));
    }
    let mut crc = Crc::new();
    if flags & 2 != 0 {
        crc.update(&member);
        member.extend((crc.sum() as u16).to_le_bytes());
    }
    let mut inflate = Decompress::new(false);
    let mut decoded = vec![0; 1 << 18];
    _ = inflate.decompress(deflate, &mut decoded, FlushDecompress::None);
    let (consumed, len) = (inflate.total_in() as usize, inflate.total_out() as usize);
    member.extend_from_slice(&deflate[..consumed]);
    crc.reset();
    crc.update(&decoded[..len]);
    member.extend(crc.sum().to_le_bytes());
    member.extend((len as u32).to_le_bytes());
    member
}

fn stored(content: &[u8]) -> Vec<u8> {
    let content = &content[..content.len().min(0xffff)];
    let len = content.len() as u16;
    let deflate = [&[1][..], &len.to_le_bytes(), &(!len).to_le_bytes(), content].concat();
    member(0, &[], &[], &[], &deflate)
}
