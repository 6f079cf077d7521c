//! Going on between two blocks of a deflate stream (RFC 1951), where a block begins at any bit of a byte.
//!
//! What comes before is the last 32 KiB that were decoded, for the back references, and the bits of the last byte that
//! belong to the next block. How many they are, the decoder does not say. It is found by trying all eight answers on
//! what follows: the right one decodes it as it was decoded, so where no other does, it is the only one left. A place
//! where two do is no place to go on from.
//!
//! A decoder begins at a byte. So that it begins at a bit, blocks without content come before, as long as it takes.

use zlib_rs::{Inflate, InflateFlush};

/// How far back a reference reaches.
pub(crate) const WINDOW: usize = 32 << 10;

/// How much is decoded to tell the answers apart.
pub(crate) const SAMPLE: usize = 8 << 10;

/// Where a block begins.
#[derive(Clone)]
pub(crate) struct Start {
    /// The byte before the next one.
    pub(super) last: u8,
    /// How many of its bits, from the highest down, belong to the block.
    pub(super) unused: u32,
    /// The last bytes that were decoded.
    pub(super) window: Box<[u8]>,
}

/// What tells one answer from another: two that are alike decode everything alike.
#[derive(PartialEq, Eq)]
enum Meaning {
    /// A block that is stored from a whole byte on, so that the bits before its header have no further effect.
    Stored {
        length_at: u8,
        is_last: bool,
    },
    Coded {
        unused: u32,
    },
}

impl Start {
    /// Finds where a block begins after `last` and before `input`, of which `decoded` is the beginning.
    pub(crate) fn find(last: u8, window: &[u8], input: &[u8], decoded: &[u8]) -> Option<Self> {
        let decoded = decoded.get(..SAMPLE).unwrap_or(decoded);
        let mut start = Self { last, unused: 0, window: window.into() };
        let mut found: Option<(Meaning, u32)> = None;
        let mut inflate = Inflate::new(false, 15);
        let mut room = vec![0; decoded.len()];
        for unused in 0..8 {
            start.unused = unused;
            if !start.begin(&mut inflate) || !decodes(&mut inflate, input, &mut room) || room != decoded {
                continue;
            }
            let meaning = start.meaning(*input.first()?);
            match &found {
                Some((other, _)) if *other != meaning => return None,
                Some(_) => {}
                None => found = Some((meaning, unused)),
            }
        }
        let (_, unused) = found?;
        Some(Self { unused, ..start })
    }

    /// Makes a decoder go on from here.
    pub(super) fn begin(&self, inflate: &mut Inflate) -> bool {
        inflate.reset(false);
        if inflate.set_dictionary(&self.window).is_err() {
            return false;
        }
        let (lead, len) = lead(self.last, self.unused);
        let Some(lead) = lead.get(..len) else { return false };
        let begun = inflate.decompress(lead, &mut [0; 1], InflateFlush::NoFlush).is_ok() || lead.is_empty();
        begun && inflate.total_in() == len as u64 && inflate.total_out() == 0
    }

    fn meaning(&self, next: u8) -> Meaning {
        let bits = (u32::from(next) << self.unused) | u32::from(self.last) >> (8 - self.unused);
        if bits >> 1 & 3 == 0 {
            Meaning::Stored { length_at: u8::from(self.unused < 3), is_last: bits & 1 == 1 }
        } else {
            Meaning::Coded { unused: self.unused }
        }
    }
}

/// Fills `room`, or says that it cannot.
fn decodes(inflate: &mut Inflate, input: &[u8], room: &mut [u8]) -> bool {
    let begun = (inflate.total_in(), inflate.total_out());
    loop {
        let used = (inflate.total_in() - begun.0) as usize;
        let filled = (inflate.total_out() - begun.1) as usize;
        let (Some(input), Some(left)) = (input.get(used..), room.get_mut(filled..)) else { return false };
        if left.is_empty() {
            return true;
        }
        let before = (inflate.total_in(), inflate.total_out());
        let more = inflate.decompress(input, left, InflateFlush::NoFlush).is_ok();
        if !more || before == (inflate.total_in(), inflate.total_out()) {
            return false;
        }
    }
}

/// Blocks without content, and after them the first bits of a block.
fn lead(last: u8, unused: u32) -> ([u8; 16], usize) {
    let (mut bits, mut len) = (0_u128, 0);
    let mut push = |value: u32, count: u32| {
        bits |= u128::from(value) << len;
        len += count;
    };
    if unused > 0 {
        let mut ahead = 8 - unused;
        if ahead % 2 == 1 {
            // 91 bits, 3 more than whole bytes: codes of the reader's own choice, of which one ends the block. The
            // lengths of its code lengths: 1 for 18 (many zeros) and for 1, the third and the last but one of their
            // order.
            for (value, count) in [(0b100, 3), (0, 5), (1, 5), (14, 4), (1 << 6, 9), (0, 30), (0, 12), (1, 3)] {
                push(value, count);
            }
            // 138 and 118 zeros, 1 for the end of the block, 1 for each of two distances, and the end of the block.
            for (value, count) in [(1, 1), (127, 7), (1, 1), (107, 7), (0, 4)] {
                push(value, count);
            }
            ahead = (ahead + 5) % 8;
        }
        for _ in 0..ahead / 2 {
            // 10 bits, 2 more than whole bytes: fixed codes, and the end of the block.
            push(0b010, 10);
        }
        push(u32::from(last) >> (8 - unused), unused);
    }
    (bits.to_le_bytes(), (len / 8) as usize)
}
