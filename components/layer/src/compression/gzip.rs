//! The gzip format (RFC 1952), member by member.
//!
//! | in the stream | answer |
//! |---|---|
//! | several members | their bytes are joined (RFC 1952 section 2.2); estargz makes one a file (R-02) |
//! | CRC-32 or length of a member wrong | error |
//! | CRC-16 of a header wrong, reserved flags, a method that is not deflate | error |
//! | extra field, name, comment | skipped, at most `header-bytes` a member |
//! | zero bytes after the last member | accepted to the end of the blob and reported, as gzip(1) does |
//! | anything else after the last member | error, as Go does |
//! | the end inside a member | error |

pub(crate) mod block;

use super::{Grammar, damaged};
use crate::error::Result;
use portolan_image::Limits;
use portolan_image::digest::Crc32;
use zlib_rs::crc32::crc32;
use zlib_rs::{Inflate, InflateFlush, Status};

pub(crate) const MAGIC: [u8; 2] = [0x1f, 0x8b];
const FORMAT: &str = "gzip";

const FHCRC: u8 = 2;
const FEXTRA: u8 = 4;
const FNAME: u8 = 8;
const FCOMMENT: u8 = 16;
const RESERVED: u8 = 0xe0;

#[derive(Clone, Copy)]
enum State {
    /// Ten bytes with the flags.
    Header,
    /// Two bytes, the length of the extra field.
    ExtraLength,
    Extra(usize),
    /// A name or comment to its NUL.
    Text,
    HeaderCrc,
    Body,
    /// CRC-32 and length of the member.
    Trailer,
    /// Nothing, the next member, or zeros.
    Between,
    Padding,
}

/// Where a member is gone on with.
#[derive(Clone)]
pub(crate) struct Resumption {
    pub(crate) start: block::Start,
    pub(crate) member: Member,
}

/// How far a member was decoded.
#[derive(Clone, Copy)]
pub(crate) struct Member {
    number: u64,
    crc: u32,
    pub(crate) length: u64,
}

impl Member {
    /// Whether the other is the same member, however far it was decoded.
    pub(crate) fn is_same(self, other: Self) -> bool {
        self.number == other.number
    }
}

pub(crate) struct Decoder {
    state: State,
    /// The optional fields that the header still announces.
    flags: u8,
    /// Bytes of the optional fields of this member.
    optional: u64,
    limits: Limits,
    inflate: Inflate,
    header_crc: u32,
    crc: u32,
    /// Decoded from this member.
    length: u64,
    /// How many members were begun.
    members: u64,
    /// Whether a block has just ended, and the decoder was told to stop there.
    at_block: bool,
    crc32: Crc32,
    /// Consumed in all.
    offset: u64,
    padding: u64,
}

impl Decoder {
    pub(crate) fn new(limits: &Limits, crc32: Crc32) -> Self {
        Self {
            state: State::Header,
            flags: 0,
            optional: 0,
            limits: limits.clone(),
            inflate: Inflate::new(false, 15),
            header_crc: 0,
            crc: 0,
            length: 0,
            members: 0,
            at_block: false,
            crc32,
            offset: 0,
            padding: 0,
        }
    }

    /// A decoder that goes on from an offset: within a member, or else between two.
    pub(crate) fn resume(limits: &Limits, crc32: Crc32, offset: u64, within: Option<&Resumption>) -> Self {
        let mut decoder = Self { offset, ..Self::new(limits, crc32) };
        if let Some(Resumption { start, member }) = within {
            // It began there before.
            if start.begin(&mut decoder.inflate) {
                decoder.state = State::Body;
            }
            (decoder.members, decoder.crc, decoder.length) = (member.number, member.crc, member.length);
        } else if offset > 0 {
            decoder.state = State::Between;
        }
        decoder
    }

    /// The member that is being decoded.
    pub(crate) fn member(&self) -> Member {
        Member { number: self.members, crc: self.crc, length: self.length }
    }

    /// Whether it stopped between two blocks of a member.
    pub(crate) fn is_between_blocks(&self) -> bool {
        self.at_block
    }

    pub(crate) fn finish(&self, rest: &[u8]) -> Result<u64> {
        match self.state {
            State::Between if !rest.is_empty() => {
                Err(self.damaged("something follows the last member that is no member"))
            }
            State::Between | State::Padding => Ok(self.padding),
            _ => Err(self.damaged("the stream ends inside a member")),
        }
    }

    fn start_member(&mut self, fixed: [u8; 10]) -> Result<()> {
        let [first, second, method, flags, ..] = fixed;
        if [first, second] != MAGIC {
            return Err(self.damaged("a member does not begin with 1f 8b"));
        }
        if method != 8 {
            return Err(self.damaged(format!("the method of a member is {method}, only 8 (deflate) exists")));
        }
        // RFC 1952 section 2.3.1.2: a reserved bit may announce a field that would be read as data otherwise.
        if flags & RESERVED != 0 {
            return Err(self.damaged(format!("a member sets reserved flags ({flags:#04x})")));
        }
        self.flags = flags;
        self.optional = 0;
        self.header_crc = crc32(0, &fixed);
        self.crc = 0;
        self.length = 0;
        self.members += 1;
        self.next_field();
        Ok(())
    }

    /// Goes to the next optional field that the flags announce, in the order of RFC 1952, or to the body.
    fn next_field(&mut self) {
        let fields =
            [(FEXTRA, State::ExtraLength), (FNAME, State::Text), (FCOMMENT, State::Text), (FHCRC, State::HeaderCrc)];
        for (flag, state) in fields {
            if self.flags & flag != 0 {
                self.flags &= !flag;
                self.state = state;
                return;
            }
        }
        self.state = State::Body;
    }

    fn skip_optional(&mut self, rest: &mut &[u8], len: usize) -> Result<()> {
        let (skipped, after) = rest.split_at_checked(len).unwrap_or((rest, &[]));
        self.header_crc = crc32(self.header_crc, skipped);
        self.optional += skipped.len() as u64;
        *rest = after;
        Limits::check("header-bytes", self.limits.header_bytes, self.optional, || {
            "the optional fields of a gzip header".to_owned()
        })?;
        Ok(())
    }

    fn inflate(&mut self, rest: &mut &[u8], output: &mut [u8], decoded: &mut usize, pause: bool) -> Result<bool> {
        let before = (self.inflate.total_in(), self.inflate.total_out());
        let flush = if pause { InflateFlush::Block } else { InflateFlush::NoFlush };
        let status = self.inflate.decompress(rest, output, flush);
        let consumed = (self.inflate.total_in() - before.0) as usize;
        *decoded = (self.inflate.total_out() - before.1) as usize;
        *rest = rest.get(consumed..).unwrap_or_default();
        let status = status.map_err(|_| {
            let reason = self.inflate.error_message().unwrap_or("the deflate stream is damaged");
            damaged(FORMAT, self.offset + consumed as u64, reason)
        })?;
        self.crc = (self.crc32)(self.crc, output.get(..*decoded).unwrap_or_default());
        self.length += *decoded as u64;
        // It stops with input and room left for nothing else.
        self.at_block = pause && status == Status::Ok && !rest.is_empty() && *decoded < output.len();
        if status == Status::StreamEnd {
            self.state = State::Trailer;
            return Ok(true);
        }
        Ok(consumed > 0 || *decoded > 0)
    }

    fn end_member(&mut self, crc: u32, length: u32) -> Result<()> {
        let (actual, actual_length) = (self.crc, self.length as u32);
        if crc != actual {
            return Err(self.damaged(format!("the CRC-32 of a member is {actual:08x}, its trailer says {crc:08x}")));
        }
        if length != actual_length {
            let reason = format!("a member is {actual_length} bytes long modulo 2^32, its trailer says {length}");
            return Err(self.damaged(reason));
        }
        self.inflate.reset(false);
        Ok(())
    }

    fn damaged(&self, reason: impl Into<String>) -> crate::Error {
        damaged(FORMAT, self.offset, reason)
    }
}

impl Grammar for Decoder {
    fn step(&mut self, rest: &mut &[u8], output: &mut [u8], decoded: &mut usize, pause: bool) -> Result<bool> {
        self.at_block = false;
        match self.state {
            State::Body => return self.inflate(rest, output, decoded, pause),
            State::Header => {
                let Some(&fixed) = take::<10>(rest) else { return Ok(false) };
                self.start_member(fixed)?;
            }
            State::ExtraLength => {
                let Some(length) = take::<2>(rest) else { return Ok(false) };
                self.header_crc = crc32(self.header_crc, length);
                self.state = State::Extra(usize::from(u16::from_le_bytes(*length)));
            }
            State::Extra(0) => self.next_field(),
            State::Extra(left) => {
                let now = left.min(rest.len());
                self.skip_optional(rest, now)?;
                self.state = State::Extra(left - now);
                return Ok(now > 0);
            }
            State::Text => {
                let end = rest.iter().position(|&byte| byte == 0);
                self.skip_optional(rest, end.map_or(rest.len(), |end| end + 1))?;
                if end.is_none() {
                    return Ok(false);
                }
                self.next_field();
            }
            State::HeaderCrc => {
                // "the two least significant bytes of the CRC32 for all bytes of the gzip header"
                let actual = (self.header_crc & 0xffff) as u16;
                let Some(&stored) = take::<2>(rest) else { return Ok(false) };
                let stored = u16::from_le_bytes(stored);
                if stored != actual {
                    let reason = format!("the CRC-16 of a member's header is {actual:04x}, it says {stored:04x}");
                    return Err(self.damaged(reason));
                }
                self.next_field();
            }
            State::Trailer => {
                let Some(&[a, b, c, d, e, f, g, h]) = take::<8>(rest) else { return Ok(false) };
                self.end_member(u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]))?;
                self.state = State::Between;
            }
            State::Between => match rest {
                [] => return Ok(false),
                [0, ..] => self.state = State::Padding,
                _ if MAGIC.starts_with(rest) => return Ok(false),
                _ if rest.starts_with(&MAGIC) => self.state = State::Header,
                _ => return Err(self.damaged("something follows the last member that is no member")),
            },
            State::Padding => {
                if rest.iter().any(|&byte| byte != 0) {
                    return Err(self.damaged("something follows the zeros after the last member"));
                }
                self.padding += rest.len() as u64;
                *rest = &[];
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn consumed(&mut self, bytes: u64) {
        self.offset += bytes;
    }

    fn is_between(&self) -> bool {
        matches!(self.state, State::Between) || (matches!(self.state, State::Header) && self.offset == 0)
    }
}

/// Takes a number of bytes from the front, or none when there are fewer.
fn take<'a, const N: usize>(rest: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (taken, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(taken)
}
