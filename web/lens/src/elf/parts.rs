//! A file of which only the parts that are asked for are read.

use std::cell::Cell;
use std::ops::Range;

use elsa::FrozenVec;
use object::read::ReadRef;

/// All parts together are at most so large, however often a file leads to the same.
const MOST_BYTES: u64 = 64 << 20;
/// A name is at most so long.
const MOST_NAME: u64 = 4096;

/// A file, with a function that fills bytes from an offset, and says whether it could.
pub struct Parts<F> {
    size: u64,
    read: F,
    kept: FrozenVec<Box<[u8]>>,
    left: Cell<u64>,
}

impl<F: Fn(u64, &mut [u8]) -> bool> Parts<F> {
    /// A file of so many bytes.
    pub fn new(size: u64, read: F) -> Self {
        Self { size, read, kept: FrozenVec::new(), left: Cell::new(MOST_BYTES) }
    }

    fn bytes(&self, range: Range<u64>) -> Option<Vec<u8>> {
        let length = range.end.checked_sub(range.start).filter(|_| range.end <= self.size)?;
        self.left.set(self.left.get().checked_sub(length)?);
        let mut bytes = vec![0; usize::try_from(length).ok()?];
        (self.read)(range.start, &mut bytes).then_some(bytes)
    }
}

impl<'a, F: Fn(u64, &mut [u8]) -> bool> ReadRef<'a> for &'a Parts<F> {
    fn len(self) -> Result<u64, ()> {
        Ok(self.size)
    }

    fn read_bytes_at(self, offset: u64, size: u64) -> Result<&'a [u8], ()> {
        let end = offset.checked_add(size).ok_or(())?;
        Ok(self.kept.push_get(self.bytes(offset..end).ok_or(())?.into()))
    }

    fn read_bytes_at_until(self, range: Range<u64>, delimiter: u8) -> Result<&'a [u8], ()> {
        let end = range.end.min(range.start.saturating_add(MOST_NAME));
        let mut bytes = self.bytes(range.start..end).ok_or(())?;
        bytes.truncate(bytes.iter().position(|byte| *byte == delimiter).ok_or(())?);
        Ok(self.kept.push_get(bytes.into()))
    }
}
