//! PAX records: `LENGTH KEY=VALUE\n`, the length in decimal and counting itself.

/// One record.
#[must_use]
pub fn record(key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Vec<u8> {
    let (key, value) = (key.as_ref(), value.as_ref());
    let rest = key.len() + value.len() + 3;
    let mut len = rest + 1;
    while len != rest + len.to_string().len() {
        len = rest + len.to_string().len();
    }
    [len.to_string().as_bytes(), b" ", key, b"=", value, b"\n"].concat()
}

/// Many records, one after the other.
#[must_use]
pub fn records<K: AsRef<[u8]>, V: AsRef<[u8]>>(pairs: impl IntoIterator<Item = (K, V)>) -> Vec<u8> {
    pairs.into_iter().flat_map(|(key, value)| record(key, value)).collect()
}

/// Adds a record unless the test gave one for the key.
pub(super) fn set_default(records: &mut Vec<(Vec<u8>, Vec<u8>)>, key: &[u8], value: &[u8]) {
    if records.iter().all(|(other, _)| other != key) {
        records.push((key.to_vec(), value.to_vec()));
    }
}

/// Base64 without padding, as libarchive writes attributes.
pub(super) fn base64(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = Vec::new();
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        out.extend((0..=chunk.len()).map(|digit| DIGITS[(word >> (18 - 6 * digit) & 63) as usize]));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_counts_its_own_length() {
        assert_eq!(record("a", "b"), b"6 a=b\n");
        assert_eq!(record("path", "x".repeat(90)), [b"99 path=".as_slice(), &[b'x'; 90], b"\n"].concat()[..]);
        let long = record("path", "x".repeat(91));
        assert_eq!((long.len(), &long[..4]), (101, b"101 ".as_slice()));
    }

    #[test]
    fn base64_leaves_out_the_padding() {
        assert_eq!((base64(b""), base64(b"f"), base64(b"fo")), (vec![], b"Zg".to_vec(), b"Zm8".to_vec()));
        assert_eq!(base64(b"foobar"), b"Zm9vYmFy");
    }
}
