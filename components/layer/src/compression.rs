//! How the bytes of a layer are compressed, told by their first bytes.
//!
//! The media type of a layer is only a label: registries hold plain tars labelled gzip and the other way round. The
//! bytes decide, and a label that says otherwise is a [warning](crate::Warning), or an error where the caller is strict.
//!
//! | first bytes | answer |
//! |---|---|
//! | `1f 8b` | gzip, see [`gzip`] |
//! | `28 b5 2f fd`, or a skippable frame `5? 2a 4d 18` | zstd, see [`zstd`] |
//! | those of xz, bzip2, lzma, lzip, lz4, compress, zip or 7z, and no tar header | refused by name |
//! | none at all | an empty archive: an empty layer, as Docker once wrote them |
//! | anything else | plain tar |

pub mod gzip;
pub mod zstd;

use crate::error::{Error, Result};
use crate::tar::header;
use portolan_image::Limits;
use portolan_image::digest::Crc32;

/// A compression that layers may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compression {
    /// A plain tar archive.
    None,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

impl Compression {
    /// The word for it: `none`, `gzip` or `zstd`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// What the first bytes of a blob say.
pub(crate) enum Detection {
    /// More bytes could change the answer.
    Undecided,
    /// The compression.
    Found(Compression),
    /// A format that is known and not read here.
    Refused(&'static str),
}

/// Tells the compression by the first bytes; `complete` when these are all bytes of the blob.
pub(crate) fn detect(start: &[u8], complete: bool) -> Detection {
    let undecided = |magic: &[u8]| !complete && start.len() < magic.len() && magic.starts_with(start);
    if start.is_empty() && !complete {
        return Detection::Undecided;
    }
    if start.starts_with(&gzip::MAGIC) {
        return Detection::Found(Compression::Gzip);
    }
    if zstd::is_frame(start) {
        return Detection::Found(Compression::Zstd);
    }
    let short_skippable = !complete && start.len() < 4 && zstd::may_be_skippable(start);
    if undecided(&gzip::MAGIC) || undecided(&zstd::MAGIC) || short_skippable {
        return Detection::Undecided;
    }
    // A tar begins with a file name, and a file may be called like the magic of another format. So these are looked at
    // only where there is no tar header.
    const REFUSED: [(&[u8], &str); 9] = [
        (b"\xfd7zXZ\0", "xz"),
        (b"BZh", "bzip2"),
        (b"\x5d\0\0", "lzma"),
        (b"LZIP", "lzip"),
        (b"\x04\x22\x4d\x18", "lz4"),
        (b"\x1f\x9d", "compress"),
        (b"PK\x03\x04", "zip"),
        (b"7z\xbc\xaf\x27\x1c", "7z"),
        (b"\x89LZO\0", "lzop"),
    ];
    for (magic, name) in REFUSED {
        if undecided(magic) {
            return Detection::Undecided;
        }
        if start.starts_with(magic) {
            return match start.first_chunk() {
                None if !complete => Detection::Undecided,
                Some(block) if header::has_valid_checksum(block) => Detection::Found(Compression::None),
                _ => Detection::Refused(name),
            };
        }
    }
    Detection::Found(Compression::None)
}

/// A decoder of one of the compressions.
pub(crate) enum Decoder {
    Gzip(Box<gzip::Decoder>),
    Zstd(Box<zstd::Decoder>),
}

impl Decoder {
    /// A decoder, or nothing for a plain tar.
    pub(crate) fn new(compression: Compression, limits: &Limits, crc32: Crc32) -> Option<Self> {
        match compression {
            Compression::None => None,
            Compression::Gzip => Some(Self::Gzip(Box::new(gzip::Decoder::new(limits, crc32)))),
            Compression::Zstd => Some(Self::Zstd(Box::new(zstd::Decoder::new(limits)))),
        }
    }

    /// A decoder that goes on from an offset: within a member of gzip, or else between two members or frames.
    pub(crate) fn resume(
        compression: Compression,
        limits: &Limits,
        crc32: Crc32,
        offset: u64,
        within: Option<&gzip::Resumption>,
    ) -> Option<Self> {
        match compression {
            Compression::None => None,
            Compression::Gzip => Some(Self::Gzip(Box::new(gzip::Decoder::resume(limits, crc32, offset, within)))),
            Compression::Zstd => Some(Self::Zstd(Box::new(zstd::Decoder::resume(limits, offset)))),
        }
    }

    /// Decodes from `input` into `output`, and says how much of both was used.
    ///
    /// Nothing of both means that more input is needed, which must begin with what was not used. With `pause` it stops
    /// wherever it could be gone on from.
    pub(crate) fn decode(&mut self, input: &[u8], output: &mut [u8], pause: bool) -> Result<(usize, usize)> {
        match self {
            Self::Gzip(decoder) => decode(decoder.as_mut(), input, output, pause),
            Self::Zstd(decoder) => decode(decoder.as_mut(), input, output, pause),
        }
    }

    /// Whether it is between two members or frames, or before the first.
    pub(crate) fn is_between(&self) -> bool {
        match self {
            Self::Gzip(decoder) => decoder.is_between(),
            Self::Zstd(decoder) => decoder.is_between(),
        }
    }

    /// The member of gzip that was stopped in, where that was between two of its blocks.
    pub(crate) fn stopped_within(&self) -> Option<gzip::Member> {
        match self {
            Self::Gzip(decoder) if decoder.is_between_blocks() => Some(decoder.member()),
            _ => None,
        }
    }

    /// Whether it is still in a member of gzip.
    pub(crate) fn is_within(&self, member: gzip::Member) -> bool {
        matches!(self, Self::Gzip(decoder) if decoder.member().is_same(member))
    }

    /// Ends the stream; `rest` is what was left of the input. Returns the number of zero bytes that pad the end.
    pub(crate) fn finish(&self, rest: &[u8]) -> Result<u64> {
        match self {
            Self::Gzip(decoder) => decoder.finish(rest),
            Self::Zstd(decoder) => decoder.finish(rest).map(|()| 0),
        }
    }
}

/// A format as steps, each of which uses some input, gives some output or changes its state.
trait Grammar {
    /// One step; false when it needs more input or more room. With `pause` it ends where one could go on, too.
    fn step(&mut self, rest: &mut &[u8], output: &mut [u8], decoded: &mut usize, pause: bool) -> Result<bool>;

    /// So many bytes of the input were used.
    fn consumed(&mut self, bytes: u64);

    /// Whether it is between two members or frames, or before the first.
    fn is_between(&self) -> bool;
}

fn decode(grammar: &mut impl Grammar, input: &[u8], output: &mut [u8], pause: bool) -> Result<(usize, usize)> {
    let mut rest = input;
    let mut decoded = 0;
    // Stops at the first decoded bytes, so that the caller hashes them while they are in the cache.
    while decoded == 0 {
        let before = rest.len();
        let more = grammar.step(&mut rest, output, &mut decoded, pause)?;
        grammar.consumed((before - rest.len()) as u64);
        if !more || (pause && grammar.is_between()) {
            break;
        }
    }
    Ok((input.len() - rest.len(), decoded))
}

fn damaged(format: &'static str, offset: u64, reason: impl Into<String>) -> Error {
    Error::InvalidCompression { format, offset, reason: reason.into() }
}

#[cfg(test)]
mod tests;
