//! Sparse files in the four ways GNU tar has written them.

use super::BLOCK;
use super::entry::{Entry, Magic};
#[cfg(test)]
use super::pax;

/// The way a sparse file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sparse {
    /// Type flag `S`, the map in the header and in blocks after it.
    Old,
    /// PAX records `GNU.sparse.offset` and `GNU.sparse.numbytes`, repeated for each segment.
    Pax00,
    /// One PAX record `GNU.sparse.map`.
    Pax01,
    /// The map in decimal lines before the data.
    Pax10,
}

impl Sparse {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Old, Self::Pax00, Self::Pax01, Self::Pax10];

    /// A sparse file of `size` bytes with data at these offsets and zeros elsewhere.
    ///
    /// Every segment but the last should be whole blocks: GNU tar reads each from a new block, other readers do not.
    #[must_use]
    pub fn entry(self, name: impl AsRef<[u8]>, size: u64, segments: &[(u64, &[u8])]) -> Entry {
        let name = name.as_ref();
        let data = segments.iter().flat_map(|(_, bytes)| bytes.iter().copied()).collect::<Vec<_>>();
        let mut map: Vec<(u64, u64)> = segments.iter().map(|(offset, bytes)| (*offset, bytes.len() as u64)).collect();
        // A hole at the end is told by an empty segment there.
        if map.last().is_none_or(|(offset, len)| offset + len < size) {
            map.push((size, 0));
        }
        let count = map.len().to_string();
        let cut = [b"GNUSparseFile.0/".as_slice(), name].concat();
        match self {
            Self::Old => old(name, size, &map, &data),
            Self::Pax00 => map.iter().fold(
                Entry::file(name, &data).pax("GNU.sparse.size", size.to_string()).pax("GNU.sparse.numblocks", count),
                |entry, (offset, len)| {
                    entry.pax("GNU.sparse.offset", offset.to_string()).pax("GNU.sparse.numbytes", len.to_string())
                },
            ),
            Self::Pax01 => {
                let list: Vec<String> = map.iter().map(|(offset, len)| format!("{offset},{len}")).collect();
                Entry::file(cut, &data)
                    .pax("GNU.sparse.name", name)
                    .pax("GNU.sparse.size", size.to_string())
                    .pax("GNU.sparse.numblocks", count)
                    .pax("GNU.sparse.map", list.join(","))
            }
            Self::Pax10 => {
                let lines: String = map.iter().map(|(offset, len)| format!("{offset}\n{len}\n")).collect();
                let mut content = format!("{count}\n{lines}").into_bytes();
                content.resize(content.len().next_multiple_of(BLOCK), 0);
                content.extend_from_slice(&data);
                Entry::file(cut, content)
                    .pax("GNU.sparse.major", "1")
                    .pax("GNU.sparse.minor", "0")
                    .pax("GNU.sparse.name", name)
                    .pax("GNU.sparse.realsize", size.to_string())
            }
        }
    }
}

fn old(name: &[u8], size: u64, map: &[(u64, u64)], data: &[u8]) -> Entry {
    let fields: Vec<u8> = map.iter().flat_map(|(at, len)| format!("{at:011o}\0{len:011o}\0").into_bytes()).collect();
    let (first, more) = fields.split_at(fields.len().min(4 * 24));
    let first = first.to_vec();
    let extended = !more.is_empty();
    let mut entry = Entry::new(b'S', name).magic(Magic::Gnu).content(data).header(move |block| {
        block[386..386 + first.len()].copy_from_slice(&first);
        block[482] = u8::from(extended);
        block[483..494].copy_from_slice(format!("{size:011o}").as_bytes());
    });
    let chunks: Vec<&[u8]> = more.chunks(21 * 24).collect();
    for (at, chunk) in chunks.iter().enumerate() {
        let mut block = [0; BLOCK];
        block[..chunk.len()].copy_from_slice(chunk);
        block[504] = u8::from(at + 1 < chunks.len());
        entry.between.extend_from_slice(&block);
    }
    entry
}

/// The records a reader of version 0.0 must not fold into one: they repeat in pairs.
#[cfg(test)]
#[test]
fn version_0_0_repeats_its_keys() {
    let bytes = Sparse::Pax00.entry("s", 3000, &[(0, b"a"), (1000, b"b")]).to_bytes();
    let needle = pax::record("GNU.sparse.offset", "1000");
    assert!(bytes.windows(needle.len()).any(|window| window == needle));
}
