//! From compressed bytes to changes, without the hash of the blob: what every reading of a layer has in common.

use super::{Batch, Hashing};
use crate::change::Change;
use crate::compression::gzip::block::{SAMPLE, Start, WINDOW};
use crate::compression::gzip::{Member, Resumption};
use crate::compression::{self, Compression, Decoder, Detection};
use crate::error::{Error, Result};
use crate::index::{Checkpoint, Spaced};
use crate::tar;
use portolan_image::Limits;
use portolan_image::digest::Crc32;

/// How many decoded bytes one batch has at most.
pub(super) const BATCH: usize = 1 << 20;

/// The ratio of a stream is looked at once so many bytes are out: short streams of zeros are harmless and common.
const RATIO_FROM: u64 = 64 << 20;

/// Decoded bytes between two checkpoints, as long as there are few. A checkpoint takes about as long as decoding 50
/// KiB.
const SPACING: u64 = 4 << 20;

/// Decodes a layer, or a part of it.
pub(crate) struct Stream {
    pub(crate) limits: Limits,
    crc32: Crc32,
    /// Takes what is decoded, where that is to be hashed.
    pub(super) diff_hash: Option<Hashing>,
    /// What was fed and not decoded yet, from `position`.
    input: Vec<u8>,
    position: usize,
    /// Bytes of the blob that were decoded.
    pub(crate) consumed: u64,
    /// Bytes that were decoded from them.
    decoded: u64,
    compression: Option<Compression>,
    /// Nothing for a plain tar.
    decoder: Option<Decoder>,
    pub(crate) archive: tar::Reader,
    /// A buffer that left with no batch and serves the next one.
    buffer: Vec<u8>,
    pub(crate) checkpoints: Spaced<Checkpoint>,
    /// The last decoded bytes, while a checkpoint is waited for.
    tail: Vec<u8>,
    /// A place between two blocks of a member of gzip, until it is known where the next block begins.
    pending: Option<Pending>,
}

struct Pending {
    /// Where in `input` it is.
    position: usize,
    consumed: u64,
    decoded: u64,
    member: Member,
    archive: tar::Reader,
    window: Vec<u8>,
}

impl Stream {
    /// Starts at the beginning, and keeps so many checkpoints at most.
    pub(super) fn new(limits: Limits, crc32: Crc32, archive: tar::Reader, checkpoints: usize) -> Self {
        Self {
            limits,
            crc32,
            diff_hash: None,
            input: Vec::new(),
            position: 0,
            consumed: 0,
            decoded: 0,
            compression: None,
            decoder: None,
            archive,
            buffer: Vec::new(),
            checkpoints: Spaced::new(SPACING, checkpoints),
            tail: Vec::new(),
            pending: None,
        }
    }

    /// Starts at a checkpoint.
    pub(crate) fn resume(limits: &Limits, crc32: Crc32, compression: Compression, from: &Checkpoint) -> Self {
        let within = from.within.as_ref();
        Self {
            consumed: from.consumed,
            decoded: from.decoded,
            compression: Some(compression),
            decoder: Decoder::resume(compression, limits, crc32, from.consumed, within),
            ..Self::new(limits.clone(), crc32, from.archive.without_content(), 0)
        }
    }

    pub(crate) fn feed(&mut self, chunk: Vec<u8>) {
        self.pending = None;
        if self.position == self.input.len() {
            self.input = chunk;
        } else {
            self.input.drain(..self.position);
            self.input.extend_from_slice(&chunk);
        }
        self.position = 0;
    }

    pub(super) fn compression(&self) -> Option<Compression> {
        self.compression
    }

    /// Forgets what was fed, after an error.
    pub(super) fn give_up(&mut self) {
        self.input = Vec::new();
        self.position = 0;
        self.pending = None;
    }

    /// Tells the compression by the first bytes; nothing when there are too few.
    pub(super) fn detect(&mut self, complete: bool) -> Result<Option<Compression>> {
        let actual = match compression::detect(&self.input, complete) {
            Detection::Undecided => return Ok(None),
            Detection::Refused(format) => return Err(Error::UnsupportedCompression { format: format.to_owned() }),
            Detection::Found(actual) => actual,
        };
        self.compression = Some(actual);
        self.decoder = Decoder::new(actual, &self.limits, self.crc32);
        Ok(Some(actual))
    }

    /// The next changes; nothing when more input is needed.
    pub(crate) fn advance(&mut self) -> Result<Option<Batch>> {
        let wanting = self.pending.is_none() && self.checkpoints.is_due(self.decoded);
        let pause = wanting && !self.check_point();
        let mut buffer = std::mem::take(&mut self.buffer);
        let len = if self.decoder.is_some() { self.decode(&mut buffer, pause)? } else { self.pass(&mut buffer) };
        if len == 0 {
            self.buffer = buffer;
            return Ok(None);
        }
        self.decoded += len as u64;
        self.check_size()?;
        let decoded = buffer.get(..len).unwrap_or_default();
        self.settle(decoded);
        let mut changes = Vec::new();
        self.archive.feed(decoded, &mut changes)?;
        if pause {
            self.suspend(decoded);
        }
        let bytes = self.wanted(buffer, len, &mut changes);
        Ok(Some(Batch { changes, bytes }))
    }

    /// Decodes and hashes the bytes of the next batch, and says how many there are. With `pause` it ends where a
    /// checkpoint can be, once it has what a window takes.
    fn decode(&mut self, buffer: &mut Vec<u8>, pause: bool) -> Result<usize> {
        // Bytes of an earlier batch may stay there: what is decoded overwrites them.
        buffer.resize(BATCH, 0);
        let mut len = 0;
        let Some(decoder) = &mut self.decoder else { return Ok(0) };
        while let Some(mut room) = buffer.get_mut(len..).filter(|room| !room.is_empty()) {
            let input = self.input.get(self.position..).unwrap_or_default();
            let missing = WINDOW.saturating_sub(self.tail.len() + len);
            let may_pause = pause && missing == 0;
            if pause && !may_pause {
                let most = missing.min(room.len());
                room = room.get_mut(..most).unwrap_or_default();
            }
            let (consumed, decoded) = decoder.decode(input, room, may_pause)?;
            if consumed == 0 && decoded == 0 {
                break;
            }
            self.position += consumed;
            self.consumed += consumed as u64;
            if let Some(hash) = &mut self.diff_hash {
                hash.update(room.get(..decoded).unwrap_or_default());
            }
            len += decoded;
            if may_pause && (decoder.is_between() || decoder.stopped_within().is_some()) {
                break;
            }
        }
        Ok(len)
    }

    /// Passes the bytes of a plain tar, without a copy where the chunk is no longer than a batch.
    fn pass(&mut self, buffer: &mut Vec<u8>) -> usize {
        let left = self.input.len() - self.position;
        let len = left.min(BATCH);
        if self.position == 0 && left == len {
            *buffer = std::mem::take(&mut self.input);
        } else {
            let end = self.position + len;
            buffer.clear();
            buffer.extend_from_slice(self.input.get(self.position..end).unwrap_or_default());
            self.position = end;
        }
        self.consumed += len as u64;
        if let Some(hash) = &mut self.diff_hash {
            hash.update(buffer);
        }
        len
    }

    fn check_size(&self) -> Result<()> {
        let (size, limits) = (self.decoded, &self.limits);
        let subject = || "the uncompressed size of the layer".to_owned();
        Limits::check("layer-uncompressed-bytes", limits.layer_uncompressed_bytes, size, subject)?;
        if size > RATIO_FROM {
            let ratio = size / self.consumed.max(1);
            Limits::check("ratio", limits.ratio, ratio, || {
                format!("the ratio of {size} uncompressed to {} compressed bytes", self.consumed)
            })?;
        }
        Ok(())
    }

    /// The bytes that contents point into: all, where that is most of them, and else only what is wanted.
    fn wanted(&mut self, mut buffer: Vec<u8>, len: usize, changes: &mut [Change]) -> Vec<u8> {
        let contents = changes.iter().filter_map(|change| match change {
            Change::Content(content) => Some(content.range.len()),
            _ => None,
        });
        let wanted: usize = contents.sum();
        // A buffer that is mostly empty stays as well: to replace it costs more than to copy a little.
        if wanted > buffer.len() / 2 {
            buffer.truncate(len);
            return buffer;
        }
        let mut bytes = Vec::with_capacity(wanted);
        for change in changes {
            if let Change::Content(content) = change {
                let start = bytes.len();
                bytes.extend_from_slice(buffer.get(content.range.clone()).unwrap_or_default());
                content.range = start..bytes.len();
            }
        }
        self.buffer = buffer;
        bytes
    }

    /// Ends the decoder and the archive, and says how many zeros pad the blob.
    pub(super) fn end(&mut self) -> Result<u64> {
        let rest = self.input.get(self.position..).unwrap_or_default();
        let mut padding = 0;
        if let Some(decoder) = &self.decoder {
            padding = decoder.finish(rest)?;
        } else if !rest.is_empty() {
            // Too short for a header, so there is no change in it.
            if let Some(hash) = &mut self.diff_hash {
                hash.update(rest);
            }
            self.archive.feed(rest, &mut Vec::new())?;
        }
        Ok(padding)
    }

    /// Keeps a checkpoint where nothing but the offset is needed to go on: in a plain tar, between members, between
    /// frames.
    fn check_point(&mut self) -> bool {
        if !self.decoder.as_ref().is_none_or(Decoder::is_between) {
            return false;
        }
        let Some(archive) = self.archive.at_rest() else { return false };
        let (consumed, decoded) = (self.consumed, self.decoded);
        self.tail.clear();
        self.checkpoints.push(decoded, Checkpoint { consumed, decoded, within: None, archive });
        true
    }

    /// Keeps the last decoded bytes, and notes whether the decoder stopped between two blocks.
    fn suspend(&mut self, decoded: &[u8]) {
        self.tail.extend_from_slice(decoded.get(decoded.len().saturating_sub(WINDOW)..).unwrap_or_default());
        self.tail.drain(..self.tail.len().saturating_sub(WINDOW));
        let Some(member) = self.decoder.as_ref().and_then(Decoder::stopped_within) else { return };
        let Some(archive) = self.archive.at_rest() else { return };
        let mut window = std::mem::take(&mut self.tail);
        window.drain(..window.len().saturating_sub(usize::try_from(member.length).unwrap_or(WINDOW)));
        self.pending = Some(Pending {
            position: self.position,
            consumed: self.consumed,
            decoded: self.decoded,
            member,
            archive,
            window,
        });
    }

    /// Makes the place that was noted a checkpoint, by what came after it.
    fn settle(&mut self, decoded: &[u8]) {
        let Some(Pending { position, consumed, decoded: at, member, archive, window }) = self.pending.take() else {
            return;
        };
        let (before, input) = self.input.split_at_checked(position).unwrap_or_default();
        let (Some(&last), Some(decoder)) = (before.last(), &self.decoder) else { return };
        if decoder.is_within(member)
            && let Some(start) = Start::find(last, &window, input, decoded.get(..SAMPLE).unwrap_or(decoded))
        {
            let within = Some(Resumption { start, member });
            self.checkpoints.push(at, Checkpoint { consumed, decoded: at, within, archive });
        }
    }
}
