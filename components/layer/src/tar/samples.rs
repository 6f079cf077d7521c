//! Archives made by hand, for tests.

use super::header::{BLOCK, Block};

/// A ustar header with a checksum.
pub(crate) fn header(kind: u8, name: &[u8], size: u64) -> Block {
    let mut block = [0; BLOCK];
    block[..name.len()].copy_from_slice(name);
    put(&mut block, 100, b"0000644\0");
    put(&mut block, 108, b"0001750\0");
    put(&mut block, 116, b"0000144\0");
    put(&mut block, 124, format!("{size:011o}\0").as_bytes());
    put(&mut block, 136, b"14371573357\0");
    block[156] = kind;
    put(&mut block, 257, b"ustar\x0000");
    sum(&mut block);
    block
}

/// Overwrites bytes of a header and makes the checksum right again.
pub(crate) fn with(mut block: Block, start: usize, bytes: &[u8]) -> Block {
    put(&mut block, start, bytes);
    sum(&mut block);
    block
}

fn put(block: &mut Block, start: usize, bytes: &[u8]) {
    block[start..start + bytes.len()].copy_from_slice(bytes);
}

fn sum(block: &mut Block) {
    put(block, 148, b"        ");
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    put(block, 148, format!("{sum:06o}\0 ").as_bytes());
}

/// Data with its padding.
pub(crate) fn padded(data: &[u8]) -> Vec<u8> {
    let mut padded = data.to_vec();
    padded.resize(data.len().next_multiple_of(BLOCK), 0);
    padded
}

/// A header and its data.
pub(crate) fn entry(kind: u8, name: &[u8], data: &[u8]) -> Vec<u8> {
    [&header(kind, name, data.len() as u64)[..], &padded(data)].concat()
}

/// A regular file.
pub(crate) fn file(name: &str, data: &[u8]) -> Vec<u8> {
    entry(b'0', name.as_bytes(), data)
}

/// A link of a type.
pub(crate) fn link(kind: u8, name: &str, target: &str) -> Vec<u8> {
    with(header(kind, name.as_bytes(), 0), 157, target.as_bytes()).to_vec()
}

/// One record of an extended header.
pub(crate) fn record(key: &str, value: impl AsRef<[u8]>) -> Vec<u8> {
    let value = value.as_ref();
    let body = key.len() + value.len() + 3;
    let mut len = body + 1;
    while len != body + len.to_string().len() {
        len = body + len.to_string().len();
    }
    [format!("{len} {key}=").as_bytes(), value, b"\n"].concat()
}

/// An extended header with records.
pub(crate) fn pax(records: &[(&str, &str)]) -> Vec<u8> {
    let body: Vec<u8> = records.iter().flat_map(|(key, value)| record(key, value)).collect();
    entry(b'x', b"PaxHeaders.0/x", &body)
}

/// A GNU long name or long link.
pub(crate) fn long(kind: u8, name: &[u8]) -> Vec<u8> {
    entry(kind, b"././@LongLink", &[name, b"\0"].concat())
}

/// An archive of parts with its end.
pub(crate) fn archive(parts: &[Vec<u8>]) -> Vec<u8> {
    [parts.concat(), vec![0; 2 * BLOCK]].concat()
}
