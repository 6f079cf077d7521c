//! The zstd format (RFC 8878), frame by frame.
//!
//! | in the stream | answer |
//! |---|---|
//! | several frames | their bytes are joined; zstd:chunked makes one a file (R-02) |
//! | skippable frames | skipped without being held; zstd:chunked keeps its table of contents in one |
//! | a window above `zstd-window-bytes` | refused before anything is allocated |
//! | a dictionary | refused: there is none to be had |
//! | a content checksum or content size that is wrong | error |
//! | the end inside a frame, anything after the last frame | error, as zstd(1) does |

use super::{Grammar, damaged};
use crate::error::{Error, Result};
use portolan_image::Limits;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use std::io::Read;

pub(crate) const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
const FORMAT: &str = "zstd";

#[derive(Clone, Copy)]
enum State {
    Between,
    /// Bytes of a skippable frame that are still to come.
    Skippable(u64),
    Blocks,
    /// The last block is decoded, and some of it may still have to be collected.
    Draining,
}

pub(crate) struct Decoder {
    state: State,
    frame: FrameDecoder,
    header: Header,
    /// Decoded from this frame.
    decoded: u64,
    window_limit: u64,
    /// Consumed in all.
    offset: u64,
}

#[derive(Clone, Copy, Default)]
struct Header {
    len: usize,
    window: u64,
    dictionary: u32,
    content: Option<u64>,
    checksum: bool,
}

pub(crate) fn is_frame(start: &[u8]) -> bool {
    start.starts_with(&MAGIC) || (start.len() >= 4 && may_be_skippable(start))
}

/// Whether the first bytes, four or fewer, could be those of a skippable frame.
pub(crate) fn may_be_skippable(start: &[u8]) -> bool {
    let magic = [0x50, 0x2a, 0x4d, 0x18];
    let mut pairs = start.iter().zip(magic);
    pairs.next().is_none_or(|(first, _)| first & 0xf0 == 0x50) && pairs.all(|(byte, magic)| *byte == magic)
}

impl Decoder {
    pub(crate) fn new(limits: &Limits) -> Self {
        let mut frame = FrameDecoder::new();
        frame.set_max_window_size(limits.zstd_window_bytes);
        Self {
            state: State::Between,
            frame,
            header: Header::default(),
            decoded: 0,
            window_limit: limits.zstd_window_bytes,
            offset: 0,
        }
    }

    /// A decoder that goes on between two frames.
    pub(crate) fn resume(limits: &Limits, offset: u64) -> Self {
        Self { offset, ..Self::new(limits) }
    }

    pub(crate) fn finish(&self, rest: &[u8]) -> Result<()> {
        match self.state {
            State::Between if rest.is_empty() => Ok(()),
            State::Between if !is_frame(rest) => Err(self.damaged("something follows the last frame that is no frame")),
            _ => Err(self.damaged("the stream ends inside a frame")),
        }
    }

    fn start_frame(&mut self, rest: &mut &[u8]) -> Result<bool> {
        if rest.len() < 4 {
            return Ok(false);
        }
        if !is_frame(rest) {
            return Err(self.damaged("something follows the last frame that is no frame"));
        }
        if !rest.starts_with(&MAGIC) {
            let Some(&[_, _, _, _, a, b, c, d]) = rest.first_chunk::<8>() else { return Ok(false) };
            *rest = rest.get(8..).unwrap_or_default();
            self.state = State::Skippable(u64::from(u32::from_le_bytes([a, b, c, d])));
            return Ok(true);
        }
        let Some(header) = parse_header(rest) else { return Ok(false) };
        if header.reserved_is_set(rest) {
            return Err(self.damaged("a frame sets the reserved bit"));
        }
        if header.dictionary != 0 {
            return Err(
                self.damaged(format!("a frame needs the dictionary {}, and layers have none", header.dictionary))
            );
        }
        Limits::check("zstd-window-bytes", self.window_limit, header.window, || {
            format!("a zstd window of {} bytes", header.window)
        })?;
        let (bytes, after) = rest.split_at_checked(header.len).unwrap_or((rest, &[]));
        self.frame.reset(bytes).map_err(|error| self.damaged(error.to_string()))?;
        *rest = after;
        self.header = header;
        self.decoded = 0;
        self.state = State::Blocks;
        Ok(true)
    }

    fn decode_block(&mut self, rest: &mut &[u8]) -> Result<bool> {
        let Some(&[a, b, c]) = rest.first_chunk::<3>() else { return Ok(false) };
        let block = u32::from_le_bytes([a, b, c, 0]);
        let (last, kind, size) = (block & 1 == 1, block >> 1 & 3, (block >> 3) as usize);
        // RFC 8878 section 3.1.1.2.4; without it a short stream could ask for two MiB to be held.
        if size > 128 << 10 {
            return Err(self.damaged(format!("a block of {size} bytes is longer than 128 KiB")));
        }
        let body = if kind == 1 { 1 } else { size };
        let len = 3 + body + if last && self.header.checksum { 4 } else { 0 };
        let Some((mut bytes, after)) = rest.split_at_checked(len) else { return Ok(false) };
        self.frame
            .decode_blocks(&mut bytes, BlockDecodingStrategy::UptoBlocks(1))
            .map_err(|error| self.damaged(error.to_string()))?;
        *rest = after;
        if last {
            self.state = State::Draining;
        }
        Ok(true)
    }

    fn collect(&mut self, output: &mut [u8], decoded: &mut usize) -> Result<bool> {
        *decoded = self.frame.read(output).map_err(|error| self.damaged(error.to_string()))?;
        self.decoded += *decoded as u64;
        Ok(*decoded > 0)
    }

    fn end_frame(&mut self) -> Result<()> {
        if let Some(content) = self.header.content
            && content != self.decoded
        {
            return Err(self.damaged(format!("a frame of {} bytes says that it has {content}", self.decoded)));
        }
        if self.header.checksum {
            let (stored, actual) = (self.frame.get_checksum_from_data(), self.frame.get_calculated_checksum());
            if stored != actual {
                let show = |sum: Option<u32>| sum.unwrap_or_default();
                let reason = format!("the checksum of a frame is {:08x}, it says {:08x}", show(actual), show(stored));
                return Err(self.damaged(reason));
            }
        }
        self.state = State::Between;
        Ok(())
    }

    fn damaged(&self, reason: impl Into<String>) -> Error {
        damaged(FORMAT, self.offset, reason)
    }
}

impl Grammar for Decoder {
    fn step(&mut self, rest: &mut &[u8], output: &mut [u8], decoded: &mut usize, _pause: bool) -> Result<bool> {
        match self.state {
            State::Between => self.start_frame(rest),
            State::Skippable(0) => {
                self.state = State::Between;
                Ok(true)
            }
            State::Skippable(left) => {
                let now = left.min(rest.len() as u64);
                *rest = rest.get(now as usize..).unwrap_or_default();
                self.state = State::Skippable(left - now);
                Ok(now > 0)
            }
            State::Blocks | State::Draining => {
                if self.frame.can_collect() > 0 {
                    return self.collect(output, decoded);
                }
                match self.state {
                    State::Draining => self.end_frame().map(|()| true),
                    _ => self.decode_block(rest),
                }
            }
        }
    }

    fn consumed(&mut self, bytes: u64) {
        self.offset += bytes;
    }

    fn is_between(&self) -> bool {
        matches!(self.state, State::Between)
    }
}

impl Header {
    fn reserved_is_set(self, frame: &[u8]) -> bool {
        frame.get(4).is_some_and(|descriptor| descriptor & 8 != 0)
    }
}

/// The header of a frame (RFC 8878 section 3.1.1.1), or nothing where there are too few bytes.
fn parse_header(frame: &[u8]) -> Option<Header> {
    let descriptor = *frame.get(4)?;
    let single = descriptor & 0x20 != 0;
    let mut rest = frame.get(5..)?;
    let mut number = |len: usize| -> Option<u64> {
        let (bytes, after) = rest.split_at_checked(len)?;
        rest = after;
        Some(bytes.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte)))
    };
    let window = if single { 0 } else { number(1)? };
    let dictionary = number([0, 1, 2, 4][usize::from(descriptor & 3)])? as u32;
    let content_len = match descriptor >> 6 {
        0 => usize::from(single),
        1 => 2,
        2 => 4,
        _ => 8,
    };
    let content = match (content_len, number(content_len)?) {
        (0, _) => None,
        (2, content) => Some(content + 256),
        (_, content) => Some(content),
    };
    let window = if single {
        content.unwrap_or_default()
    } else {
        let base = 1u64 << (10 + (window >> 3));
        base + base / 8 * (window & 7)
    };
    let len = frame.len() - rest.len();
    Some(Header { len, window, dictionary, content, checksum: descriptor & 4 != 0 })
}
