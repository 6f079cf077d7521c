//! Extended headers (POSIX 1003.1 pax, "pax Extended Header").
//!
//! | record | answer |
//! |---|---|
//! | malformed, cut short, of a wrong length, with a NUL in a name | error: whoever skips it reads another archive |
//! | the same key twice with different values | error: readers disagree about which counts |
//! | `path`, `linkpath`, `size`, `uid`, `gid`, `mtime` | wins over the header, for the data *and* for where the next header is |
//! | an empty value of one of these | the value of the header (or of nothing) counts, as POSIX says |
//! | `SCHILY.xattr.NAME` | attribute with the bytes of the value |
//! | `LIBARCHIVE.xattr.NAME` | attribute; the name is percent-encoded, the value base64. Both may be given if they agree |
//! | `SCHILY.devmajor`, `SCHILY.devminor` | the numbers of a device |
//! | `GNU.sparse.*` | see [`super::sparse`] |
//! | `hdrcharset` | ignored: names are bytes |
//! | `atime`, `ctime`, `comment`, `uname`, `gname`, `SCHILY.*`, `MSWINDOWS.*`, `LIBARCHIVE.creationtime`, all others | ignored: no part of what is unpacked here (R-06; R-08 binds Windows only) |

use super::sparse;
use crate::change::{Timestamp, Xattr};
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, Engine, GeneralPurpose, GeneralPurposeConfig};
use portolan_image::sort::positions;

/// A record that may be given, and may be given as empty.
pub(crate) type Given<T> = Option<Option<T>>;

/// What the records of one extended header say.
#[derive(Debug, Default)]
pub(crate) struct Records {
    pub(crate) path: Given<Vec<u8>>,
    pub(crate) linkpath: Given<Vec<u8>>,
    pub(crate) size: Given<u64>,
    pub(crate) uid: Given<u64>,
    pub(crate) gid: Given<u64>,
    pub(crate) mtime: Given<Timestamp>,
    pub(crate) devmajor: Given<u64>,
    pub(crate) devminor: Given<u64>,
    pub(crate) xattrs: Vec<Xattr>,
    pub(crate) sparse: sparse::Records,
}

/// What a global header may say: nothing that names or measures an entry.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Global {
    pub(crate) uid: Given<u64>,
    pub(crate) gid: Given<u64>,
    pub(crate) mtime: Given<Timestamp>,
}

impl Global {
    /// Takes over the records of one more global header.
    pub(crate) fn merge(&mut self, records: Records) -> Result<(), String> {
        let Records { path, linkpath, size, uid, gid, mtime, devmajor, devminor, xattrs, sparse } = records;
        // Go (and so Docker and containerd) ignore global headers, GNU tar and Python obey them. Where that would change
        // which file an entry is, or where it ends, or would multiply attributes over all entries, nobody is followed.
        let harmless = path.is_none()
            && linkpath.is_none()
            && size.is_none()
            && devmajor.is_none()
            && devminor.is_none()
            && xattrs.is_empty()
            && sparse.is_empty();
        if !harmless {
            return Err("a global extended header gives a path, link, size, device, attribute or sparse map".to_owned());
        }
        self.uid = uid.or(self.uid);
        self.gid = gid.or(self.gid);
        self.mtime = mtime.or(self.mtime);
        Ok(())
    }
}

/// Parses the records of one extended header, or says which rule is broken.
pub(crate) fn parse(mut bytes: &[u8]) -> Result<Records, String> {
    let mut records = Records::default();
    while !bytes.is_empty() {
        let (key, value) = take_record(&mut bytes)?;
        records.take(key, value).map_err(|reason| format!("extended header record {}: {reason}", show(key)))?;
    }
    records.sparse.end_pairs()?;
    records.dedup_xattrs()?;
    Ok(records)
}

/// Takes the key and the value of `LENGTH KEY=VALUE\n` from the front; the length counts the whole record.
fn take_record<'a>(bytes: &mut &'a [u8]) -> Result<(&'a [u8], &'a [u8]), &'static str> {
    let space =
        bytes.iter().take(20).position(|&byte| byte == b' ').ok_or("an extended header record has no length")?;
    let len = bytes.get(..space).and_then(decimal).ok_or("the length of an extended header record is no number")?;
    let split = usize::try_from(len).ok().and_then(|len| bytes.split_at_checked(len));
    let (record, rest) = split.ok_or("an extended header record is longer than the header")?;
    let record = record.get(space + 1..).ok_or("an extended header record is shorter than its length")?;
    let record = record.strip_suffix(b"\n").ok_or("an extended header record does not end in a newline")?;
    let equals = record.iter().position(|&byte| byte == b'=').ok_or("an extended header record has no =")?;
    let (key, value) = record.split_at(equals);
    if key.is_empty() || key.contains(&0) {
        return Err("an extended header record has an empty key or one with a NUL");
    }
    *bytes = rest;
    Ok((key, value.get(1..).unwrap_or_default()))
}

impl Records {
    fn take(&mut self, key: &[u8], value: &[u8]) -> Result<(), String> {
        match key {
            b"path" => set(&mut self.path, value, name),
            b"linkpath" => set(&mut self.linkpath, value, name),
            b"size" => set(&mut self.size, value, amount),
            b"uid" => set(&mut self.uid, value, amount),
            b"gid" => set(&mut self.gid, value, amount),
            b"mtime" => set(&mut self.mtime, value, timestamp),
            b"SCHILY.devmajor" => set(&mut self.devmajor, value, amount),
            b"SCHILY.devminor" => set(&mut self.devminor, value, amount),
            _ => {
                if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
                    self.take_xattr(name.to_vec(), value.to_vec())
                } else if let Some(name) = key.strip_prefix(b"LIBARCHIVE.xattr.") {
                    let name = percent_decoded(name).ok_or("the name is not percent-encoded")?;
                    let value = base64_decoded(value).ok_or("the value is not base64")?;
                    self.take_xattr(name, value)
                } else if let Some(key) = key.strip_prefix(b"GNU.sparse.") {
                    self.sparse.take(key, value)
                } else {
                    Ok(())
                }
            }
        }
    }

    fn take_xattr(&mut self, name: Vec<u8>, value: Vec<u8>) -> Result<(), String> {
        if name.is_empty() || name.contains(&0) {
            return Err("the name of an extended attribute is empty or has a NUL".to_owned());
        }
        self.xattrs.push(Xattr { name, value });
        Ok(())
    }

    /// Leaves out attributes that are given twice alike, and fails where the values differ.
    fn dedup_xattrs(&mut self) -> Result<(), String> {
        // By sorting, as one header has room for tens of thousands.
        let xattrs = &self.xattrs;
        let order = positions(xattrs.len(), &mut |one, other| xattrs[one].name.cmp(&xattrs[other].name));
        let mut again = vec![false; xattrs.len()];
        for pair in order.windows(2) {
            let &[first, second] = pair else { continue };
            let (one, other) = (&xattrs[first], &xattrs[second]);
            if one.name == other.name {
                if one.value != other.value {
                    return Err(format!("the attribute {} is given twice with different values", show(&one.name)));
                }
                again[second] = true;
            }
        }
        let mut again = again.into_iter();
        self.xattrs.retain(|_| !again.next().unwrap_or_default());
        Ok(())
    }
}

/// Sets a record, unless it was set to something else.
pub(crate) fn set<T: PartialEq>(
    field: &mut Given<T>,
    value: &[u8],
    parse: fn(&[u8]) -> Result<T, &'static str>,
) -> Result<(), String> {
    let value = if value.is_empty() { None } else { Some(parse(value)?) };
    match field {
        Some(earlier) if *earlier != value => Err("given twice with different values".to_owned()),
        _ => {
            *field = Some(value);
            Ok(())
        }
    }
}

pub(crate) fn name(value: &[u8]) -> Result<Vec<u8>, &'static str> {
    if value.contains(&0) { Err("the value has a NUL") } else { Ok(value.to_vec()) }
}

pub(crate) fn amount(value: &[u8]) -> Result<u64, &'static str> {
    decimal(value).ok_or("the value is no number from 0 to 2^63 - 1")
}

fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    let number = digits.iter().try_fold(0u64, |value, &byte| match byte {
        b'0'..=b'9' => value.checked_mul(10)?.checked_add(u64::from(byte - b'0')),
        _ => None,
    })?;
    (number <= i64::MAX as u64).then_some(number)
}

/// Seconds since the epoch with a sign and a fraction; what is finer than a nanosecond is cut off.
fn timestamp(value: &[u8]) -> Result<Timestamp, &'static str> {
    let invalid = "the value is no time in seconds";
    let (negative, value) = match value.strip_prefix(b"-") {
        Some(value) => (true, value),
        None => (false, value),
    };
    let (whole, fraction) = match value.iter().position(|&byte| byte == b'.') {
        Some(point) => (value.get(..point).unwrap_or_default(), value.get(point + 1..).unwrap_or_default()),
        None => (value, &[][..]),
    };
    if whole.is_empty() || !whole.iter().chain(fraction).all(u8::is_ascii_digit) {
        return Err(invalid);
    }
    let whole =
        whole.iter().fold(0i128, |value, &byte| value.saturating_mul(10).saturating_add(i128::from(byte - b'0')));
    let padded = fraction.iter().chain(std::iter::repeat(&b'0')).take(9);
    let fraction = padded.fold(0i128, |value, &byte| value * 10 + i128::from(byte - b'0'));
    let total = whole.saturating_mul(1_000_000_000).saturating_add(fraction);
    Ok(clamped(if negative { -total } else { total }))
}

/// The time of so many nanoseconds since the epoch, at most what a signed 64-bit number of them can hold (the years
/// 1677 to 2262): beyond, file systems and other languages wrap around.
pub(crate) fn clamped(nanoseconds: i128) -> Timestamp {
    let nanoseconds = nanoseconds.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64;
    Timestamp {
        seconds: nanoseconds.div_euclid(1_000_000_000),
        nanoseconds: nanoseconds.rem_euclid(1_000_000_000) as u32,
    }
}

fn percent_decoded(text: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'%' {
            let (&[high, low], after) = rest.split_first_chunk()?;
            let digit = |byte: u8| char::from(byte).to_digit(16);
            decoded.push((digit(high)? << 4 | digit(low)?) as u8);
            rest = after;
        } else {
            decoded.push(byte);
        }
    }
    Some(decoded)
}

/// Base64 with or without padding: libarchive writes none.
fn base64_decoded(text: &[u8]) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    GeneralPurpose::new(&STANDARD, LENIENT).decode(text).ok()
}

fn show(key: &[u8]) -> String {
    crate::error::Shown(key).to_string()
}
