//! Going back into a layer that was read before, without reading it from its beginning.
//!
//! While a layer is read for the first time, an [`Unpacker`](crate::Unpacker) that is told so keeps two kinds of
//! things:
//!
//! - *checkpoints*, from which it could go on: every 4 MiB of decoded bytes, with the last 32 KiB of them where that is
//!   in the middle of a gzip stream. Plain tars need an offset and nothing else. In zstd they are between frames, since
//!   nobody can go on within one; so a blob of one frame is read from its beginning.
//! - *marks*: copies of the hash of the blob as it was at an offset, every MiB of it.
//!
//! Both are bounded: when there are too many, every second one goes, and the next ones are kept half as often.
//!
//! **What is read again is as true as what was read first.** An [`Excerpt`] begins and ends at marks, or at the end of
//! the blob. It goes on hashing from the first mark, and must arrive at the hash of the second one, or at the digest of
//! the blob: other bytes do not. So nothing is hashed twice while a layer is read for the first time, and what the place
//! of the blob answers later is believed no more than what it answered then.

mod excerpt;
#[cfg(test)]
mod tests;

pub use excerpt::Excerpt;

use crate::compression::Compression;
use crate::compression::gzip::Resumption;
use crate::error::Result;
use crate::tar;
use portolan_image::digest::{Crc32, Hash};
use portolan_image::{Algorithm, Digest, Error, Limits};

/// A place where a layer can be gone on with.
pub(crate) struct Checkpoint {
    /// Bytes of the blob before it.
    pub(crate) consumed: u64,
    /// Decoded bytes before it.
    pub(crate) decoded: u64,
    /// What else is needed in the middle of a member of gzip.
    pub(crate) within: Option<Resumption>,
    pub(crate) archive: tar::Reader,
}

/// Things at offsets that ascend, some way apart and not too many.
pub(crate) struct Spaced<T> {
    pub(crate) spacing: u64,
    pub(crate) most: usize,
    pub(crate) kept: Vec<(u64, T)>,
}

impl<T> Spaced<T> {
    pub(crate) fn new(spacing: u64, most: usize) -> Self {
        Self { spacing, most, kept: Vec::new() }
    }

    /// Whether the next one is wanted at this offset.
    pub(crate) fn is_due(&self, offset: u64) -> bool {
        self.most > 0 && self.kept.last().is_none_or(|(last, _)| offset - last >= self.spacing)
    }

    pub(crate) fn push(&mut self, offset: u64, value: T) {
        if self.kept.len() >= self.most.max(2) {
            let mut number = 0;
            self.kept.retain(|_| {
                number += 1;
                number % 2 == 1
            });
            self.spacing *= 2;
        }
        self.kept.push((offset, value));
    }
}

/// A part of a blob, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Where it begins.
    pub offset: u64,
    /// How long it is.
    pub length: u64,
}

/// Where in a layer one can go on.
pub struct Index {
    pub(crate) limits: Limits,
    pub(crate) crc32: Crc32,
    pub(crate) compression: Compression,
    pub(crate) algorithm: Algorithm,
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    pub(crate) entries: u64,
    pub(crate) checkpoints: Vec<(u64, Checkpoint)>,
    pub(crate) marks: Vec<(u64, Box<dyn Hash>)>,
}

impl Index {
    /// The part of the blob that has to be read for the content of an entry.
    ///
    /// # Errors
    /// `InvalidState` when the layer has no entry of this number.
    pub fn locate(&self, ordinal: u32) -> Result<Span> {
        let (_, Mark { offset, .. }, end) = self.part(ordinal)?;
        Ok(Span { offset, length: end - offset })
    }

    /// Starts reading the content of an entry.
    ///
    /// # Errors
    /// `InvalidState` when the layer has no entry of this number.
    pub fn open(&self, ordinal: u32) -> Result<Excerpt> {
        let (from, mark, end) = self.part(ordinal)?;
        let expected = match self.marks.iter().find(|(offset, _)| *offset == end && end != self.size) {
            Some((_, hash)) => Digest::from_hash(self.algorithm.clone(), &hash.duplicate().finish()),
            None => self.digest.clone(),
        };
        Ok(Excerpt::new(self, ordinal, from, mark, end, expected))
    }

    /// From where an entry is decoded, from where the blob is read, and to where.
    fn part(&self, ordinal: u32) -> Result<(&Checkpoint, Mark<'_>, u64)> {
        let missing = Error::InvalidState { reason: "the layer has no entry of this number" };
        if u64::from(ordinal) >= self.entries {
            return Err(missing.into());
        }
        let before = |(_, it): &(u64, Checkpoint)| it.archive.entries() <= u64::from(ordinal);
        let following = self.checkpoints.partition_point(before);
        let from = self.checkpoints.get(following.wrapping_sub(1)).map(|(_, it)| it).ok_or(missing.clone())?;
        // Where the next entry has begun, this one was read.
        let past = |(_, it): &&(u64, Checkpoint)| it.archive.entries() > u64::from(ordinal) + 1;
        let needed = self.checkpoints.iter().skip(following).find(past).map_or(self.size, |(_, it)| it.consumed);
        let end = self.marks.iter().map(|(offset, _)| *offset).find(|offset| *offset >= needed).unwrap_or(self.size);
        let mark = self.marks.iter().rfind(|(offset, _)| *offset <= from.consumed);
        let (offset, hash) = mark.map(|(offset, hash)| (*offset, hash.as_ref())).ok_or(missing)?;
        Ok((from, Mark { offset, hash }, end))
    }
}

/// The hash of a blob as it was at an offset.
struct Mark<'a> {
    offset: u64,
    hash: &'a dyn Hash,
}
