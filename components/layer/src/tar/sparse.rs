//! Sparse files, in every way that GNU tar has written them (GNU tar manual, "Storing Sparse Files").
//!
//! | format | where the map is |
//! |---|---|
//! | old GNU, type `S` | four entries in the header, 21 in each block that follows |
//! | PAX 0.0 | a record `GNU.sparse.offset` and one `GNU.sparse.numbytes` a segment |
//! | PAX 0.1 | the record `GNU.sparse.map` |
//! | PAX 1.0 | decimal lines before the data |
//!
//! Segments stand in order, do not overlap, lie within the file, and are together exactly as long as the data; a map
//! that is not so is an error, as is any other version. A map has at most `sparse-bytes` bytes (CVE-2025-58183).

use super::header;
use super::pax::{Given, amount, name, set};

/// Bytes of a file that the archive has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) offset: u64,
    pub(crate) len: u64,
}

/// Where the map of a sparse file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// In the records.
    Records,
    /// Before the data.
    Data,
}

/// The `GNU.sparse.*` records of one extended header.
#[derive(Debug, Default)]
pub(crate) struct Records {
    major: Given<u64>,
    minor: Given<u64>,
    /// The real name; the header has a made-up one.
    pub(crate) name: Given<Vec<u8>>,
    size: Given<u64>,
    realsize: Given<u64>,
    numblocks: Given<u64>,
    map: Given<Vec<Segment>>,
    pairs: Vec<Segment>,
    /// An offset that waits for its length.
    offset: Option<u64>,
}

impl Records {
    pub(crate) fn is_empty(&self) -> bool {
        let Self { major, minor, name, size, realsize, numblocks, map, pairs, offset } = self;
        major.is_none()
            && minor.is_none()
            && name.is_none()
            && size.is_none()
            && realsize.is_none()
            && numblocks.is_none()
            && map.is_none()
            && pairs.is_empty()
            && offset.is_none()
    }

    pub(crate) fn take(&mut self, key: &[u8], value: &[u8]) -> Result<(), String> {
        match key {
            b"major" => set(&mut self.major, value, amount),
            b"minor" => set(&mut self.minor, value, amount),
            b"name" => set(&mut self.name, value, name),
            b"size" => set(&mut self.size, value, amount),
            b"realsize" => set(&mut self.realsize, value, amount),
            b"numblocks" => set(&mut self.numblocks, value, amount),
            b"map" => set(&mut self.map, value, map),
            b"offset" => match self.offset.replace(amount(value)?) {
                None => Ok(()),
                Some(_) => Err("two offsets without a length between".to_owned()),
            },
            b"numbytes" => {
                let offset = self.offset.take().ok_or("a length without an offset")?;
                self.pairs.push(Segment { offset, len: amount(value)? });
                Ok(())
            }
            _ => Err("unknown record about sparse files".to_owned()),
        }
    }

    pub(crate) fn end_pairs(&self) -> Result<(), String> {
        match self.offset {
            Some(_) => Err("the last sparse offset has no length".to_owned()),
            None => Ok(()),
        }
    }

    /// Where the map is, the size of the file with its holes, and the map where it is here.
    pub(crate) fn finish(self) -> Result<(Version, u64, Vec<Segment>), String> {
        let version = match (self.major.flatten(), self.minor.flatten()) {
            (Some(1), Some(0)) => Version::Data,
            (Some(0), Some(0 | 1)) | (None, None) => Version::Records,
            (major, minor) => {
                let show = |part: Option<u64>| part.map_or("?".to_owned(), |part| part.to_string());
                return Err(format!("unknown version {}.{} of sparse files", show(major), show(minor)));
            }
        };
        let size = match (self.size.flatten(), self.realsize.flatten()) {
            (Some(size), Some(real)) if size != real => return Err("two sizes of one sparse file".to_owned()),
            (size, real) => size.or(real).ok_or("a sparse file without its size")?,
        };
        let segments = match (version, self.map.flatten(), self.pairs) {
            (Version::Data, None, pairs) if pairs.is_empty() => Vec::new(),
            (Version::Records, Some(map), pairs) if pairs.is_empty() => map,
            (Version::Records, None, pairs) => pairs,
            _ => return Err("two maps of one sparse file".to_owned()),
        };
        if version == Version::Records
            && let Some(count) = self.numblocks.flatten()
            && count != segments.len() as u64
        {
            return Err(format!("a sparse map of {} segments says that it has {count}", segments.len()));
        }
        Ok((version, size, segments))
    }
}

/// The map of PAX 0.1: offsets and lengths with commas between.
fn map(value: &[u8]) -> Result<Vec<Segment>, &'static str> {
    pair(value.split(|&byte| byte == b',').map(amount)).map_err(|()| "the value is no list of offsets and lengths")
}

/// The map of PAX 1.0: how many segments, then an offset and a length for each, every number on a line.
pub(crate) fn parse_lines(text: &[u8], count: u64) -> Result<Vec<Segment>, String> {
    let lines = text.split(|&byte| byte == b'\n').skip(1).take((count * 2) as usize);
    pair(lines.map(amount)).map_err(|()| "a line of a sparse map is no number".to_owned())
}

fn pair(mut numbers: impl Iterator<Item = Result<u64, &'static str>>) -> Result<Vec<Segment>, ()> {
    let mut segments = Vec::new();
    while let Some(offset) = numbers.next() {
        let len = numbers.next().ok_or(())?;
        segments.push(Segment { offset: offset.map_err(drop)?, len: len.map_err(drop)? });
    }
    Ok(segments)
}

/// Appends the entries of an old GNU map, which ends at the first entry without an offset.
pub(crate) fn append_entries(segments: &mut Vec<Segment>, entries: &[u8]) -> Result<(), String> {
    for entry in entries.chunks_exact(24) {
        if entry.first() == Some(&0) {
            break;
        }
        let (offset, len) = entry.split_at(12);
        let field = |field| header::number(field).and_then(|number| u64::try_from(number).ok());
        match (field(offset), field(len)) {
            (Some(offset), Some(len)) => segments.push(Segment { offset, len }),
            _ => return Err("an entry of the sparse map is no number from 0".to_owned()),
        }
    }
    Ok(())
}

/// Fails unless the segments are in order, within the file, and as long as the data.
pub(crate) fn verify(segments: &[Segment], size: u64, data: u64) -> Result<(), String> {
    let (mut end, mut total) = (0u64, 0u64);
    for segment in segments {
        if segment.offset < end {
            return Err(format!(
                "the sparse segment at {} begins before the end {end} of the one before",
                segment.offset
            ));
        }
        end = segment.offset.checked_add(segment.len).filter(|&end| end <= size).ok_or_else(|| {
            format!("the sparse segment of {} bytes at {} lies beyond the file of {size}", segment.len, segment.offset)
        })?;
        total += segment.len;
    }
    if total != data {
        return Err(format!("the sparse map has {total} bytes of data, the archive {data}"));
    }
    Ok(())
}

/// Whether one of the entries of an old GNU map is the end of it.
pub(super) fn has_end(entries: &[u8]) -> bool {
    entries.chunks_exact(24).any(|entry| entry.first() == Some(&0))
}
