//! A part of a layer, read again.

use super::{Checkpoint, Index, Mark};
use crate::error::{Error, Result};
use crate::unpacker::stream::Stream;
use crate::unpacker::{Batch, Selection};
use portolan_image::digest::Hash;
use portolan_image::{Algorithm, Digest};

/// Reads the content of one entry again: feed the bytes of the [span](Index::locate), take changes until there are
/// none, feed the next, and finish.
///
/// The changes are those of the layer from some place before the entry on. No content is there but that of the entry,
/// and after it there may be no changes. Nothing taken is trustworthy before [`finish`](Self::finish) has returned
/// without an error.
pub struct Excerpt {
    stream: Stream,
    ordinal: u32,
    algorithm: Algorithm,
    hash: Box<dyn Hash>,
    expected: Digest,
    /// The digest of the layer, for messages.
    layer: Digest,
    start: u64,
    /// Bytes before the place where decoding begins.
    skip: u64,
    /// Bytes that are still to be fed.
    left: u64,
    end: u64,
    fault: Option<Error>,
}

impl Excerpt {
    pub(super) fn new(
        index: &Index,
        ordinal: u32,
        from: &Checkpoint,
        mark: Mark<'_>,
        end: u64,
        expected: Digest,
    ) -> Self {
        let mut stream = Stream::resume(&index.limits, index.crc32, index.compression, from);
        stream.archive.select(Selection::Only(vec![ordinal]));
        Self {
            stream,
            ordinal,
            algorithm: index.algorithm.clone(),
            hash: mark.hash.duplicate(),
            expected,
            layer: index.digest.clone(),
            start: mark.offset,
            skip: from.consumed - mark.offset,
            left: end - mark.offset,
            end,
            fault: None,
        }
    }

    /// Takes the next bytes of the span.
    ///
    /// # Errors
    /// [`Error::Changed`] when there are more than the span has.
    pub fn feed(&mut self, mut chunk: Vec<u8>) -> Result<()> {
        let len = chunk.len() as u64;
        self.left = self.left.checked_sub(len).ok_or_else(|| self.changed())?;
        self.hash.update(&chunk);
        if self.fault.is_some() || self.stream.archive.is_past(self.ordinal) {
            return Ok(());
        }
        let skipped = self.skip.min(len);
        self.skip -= skipped;
        chunk.drain(..skipped as usize);
        if !chunk.is_empty() {
            self.stream.feed(chunk);
        }
        Ok(())
    }

    /// Decodes at most about a MiB; nothing when more input is needed, or when the entry was read.
    ///
    /// # Errors
    /// Whatever is wrong with the bytes, again at every later call. Feed the rest of the span and finish: that tells
    /// whether they are those that were read before.
    pub fn take_changes(&mut self) -> Result<Option<Batch>> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        if self.stream.archive.is_past(self.ordinal) {
            return Ok(None);
        }
        self.stream.advance().inspect_err(|error| self.fault = Some(error.clone()))
    }

    /// Ends the span, once all its bytes were fed and all changes taken.
    ///
    /// # Errors
    /// [`Error::Changed`] when the bytes are not those that were read before.
    pub fn finish(self) -> Result<()> {
        let changed = self.changed();
        let actual = Digest::from_hash(self.algorithm, &self.hash.finish());
        if self.left > 0 || actual != self.expected {
            return Err(changed);
        }
        match self.fault {
            Some(fault) => Err(fault),
            None if self.stream.archive.is_past(self.ordinal) => Ok(()),
            None => {
                Err(portolan_image::Error::InvalidState { reason: "finish was called before all changes were taken" }
                    .into())
            }
        }
    }

    fn changed(&self) -> Error {
        Error::Changed { digest: self.layer.clone(), start: self.start, end: self.end }
    }
}
