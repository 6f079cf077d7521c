//! Parts of blobs: `Range` of a pull (RFC 9110 section 14) and `Content-Range` of a chunk (spec.md).

use super::Result;
use super::refusal::{Code, Refusal, quote};

/// What a `Range` header asks for, against what there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Everything: there is no range, or one that may be ignored.
    Whole,
    /// The bytes from the first to the last, both included: 206.
    Range(u64, u64),
    /// Nothing that is there: 416.
    Unsatisfiable,
}

impl Part {
    /// Reads the value of a `Range` header against the size of the blob.
    ///
    /// Several ranges, other units and broken values are ignored, as RFC 9110 section 14.2 allows. A range that ends before
    /// it starts cannot be satisfied (section 15.5.17 names invalid ranges too). Of a blob without
    /// any bytes no range can be satisfied.
    #[must_use]
    pub fn parse(value: Option<&str>, size: u64) -> Self {
        let parse = || {
            let (unit, range) = value?.split_once('=')?;
            if !unit.trim().eq_ignore_ascii_case("bytes") {
                return None;
            }
            let (first, last) = range.trim().split_once('-')?;
            let (first, last) = (first.trim(), last.trim());
            if first.is_empty() {
                let count = number(last)?.min(size);
                return Some(if count == 0 { Self::Unsatisfiable } else { Self::Range(size - count, size - 1) });
            }
            let first = number(first)?;
            let last = if last.is_empty() { u64::MAX } else { number(last)? };
            Some(if first >= size || last < first {
                Self::Unsatisfiable
            } else {
                Self::Range(first, last.min(size - 1))
            })
        };
        parse().unwrap_or(Self::Whole)
    }
}

/// A decimal number without sign; one too large for any blob is the largest there is.
fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

/// The value of the `Content-Range` of a 206.
#[must_use]
pub fn content_range(first: u64, last: u64, size: u64) -> String {
    format!("bytes {first}-{last}/{size}")
}

/// The value of `Range` in an answer about an upload (U-11). Without any bytes it is `0-0`, as registries have it (U-15).
#[must_use]
pub fn received(bytes: u64) -> String {
    format!("0-{}", bytes.saturating_sub(1))
}

/// A chunk of an upload as its headers announce it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// The first byte.
    pub start: u64,
    /// How many bytes.
    pub bytes: u64,
}

impl Chunk {
    /// Reads a `Content-Range`: `start-end`, both included, without unit and total (U-10). The form of RFC 9110,
    /// `bytes start-end/total`, is understood too.
    ///
    /// # Errors
    /// [`Code::BlobUploadInvalid`] for another form, [`Code::SizeInvalid`] when `content_length` is another one.
    pub fn parse(content_range: Option<&str>, content_length: Option<u64>) -> Result<Option<Self>> {
        let Some(text) = content_range else { return Ok(None) };
        let invalid = || {
            let message = format!("a Content-Range of a chunk is START-END, both included, not {}", quote(text));
            Refusal::new(Code::BlobUploadInvalid, message)
        };
        let range = text.trim().strip_prefix("bytes ").unwrap_or(text.trim());
        let range = range.split_once('/').map_or(range, |(range, _)| range);
        let (start, end) = range.split_once('-').ok_or_else(invalid)?;
        let (start, end) = (number(start).ok_or_else(invalid)?, number(end).ok_or_else(invalid)?);
        let bytes = end.checked_sub(start).and_then(|bytes| bytes.checked_add(1)).ok_or_else(invalid)?;
        match content_length {
            // An empty last chunk cannot be written as a range; `N-N` with nothing in it is what clients send.
            Some(0) if bytes == 1 => Ok(Some(Self { start, bytes: 0 })),
            Some(length) if length != bytes => {
                let message = format!("Content-Range {} is {bytes} bytes, Content-Length says {length}", quote(text));
                Err(Refusal::new(Code::SizeInvalid, message))
            }
            _ => Ok(Some(Self { start, bytes })),
        }
    }
}

/// The refusal of a chunk that does not start where the upload ends (U-13).
#[must_use]
pub fn out_of_order(start: u64, received: u64) -> Refusal {
    let message = format!("the chunk starts at byte {start}, the upload has {received} bytes");
    Refusal::new(Code::BlobUploadInvalid, message).with_status(416).with_header("range", self::received(received))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn q_09_ranges_are_those_of_rfc_9110() {
        let cases = [
            ("bytes=0-0", Part::Range(0, 0)),
            ("bytes=2-5", Part::Range(2, 5)),
            ("Bytes= 2 - 99 ", Part::Range(2, 9)),
            ("bytes=3-", Part::Range(3, 9)),
            ("bytes=-3", Part::Range(7, 9)),
            ("bytes=-99", Part::Range(0, 9)),
            ("bytes=10-", Part::Unsatisfiable),
            ("bytes=-0", Part::Unsatisfiable),
            ("bytes=99999999999999999999-", Part::Unsatisfiable),
            ("bytes=5-2", Part::Unsatisfiable),
            ("bytes=0-1,3-4", Part::Whole),
            ("items=0-1", Part::Whole),
            ("bytes=a-b", Part::Whole),
            ("bytes=-", Part::Whole),
            ("bytes=+1-2", Part::Whole),
        ];
        for (value, part) in cases {
            assert_eq!(Part::parse(Some(value), 10), part, "{value}");
        }
        assert_eq!(Part::parse(None, 10), Part::Whole);
        assert_eq!(Part::parse(Some("bytes=0-0"), 0), Part::Unsatisfiable);
    }

    #[test]
    fn u_10_a_chunk_is_two_numbers() {
        assert_eq!(Chunk::parse(Some("5-9"), Some(5)).unwrap(), Some(Chunk { start: 5, bytes: 5 }));
        assert_eq!(Chunk::parse(Some("5-9"), None).unwrap(), Some(Chunk { start: 5, bytes: 5 }));
        assert_eq!(Chunk::parse(Some("bytes 0-1/2"), None).unwrap(), Some(Chunk { start: 0, bytes: 2 }));
        assert_eq!(Chunk::parse(Some("5-5"), Some(0)).unwrap(), Some(Chunk { start: 5, bytes: 0 }));
        assert_eq!(Chunk::parse(Some("5-9"), Some(4)).unwrap_err().code, Code::SizeInvalid);
        for text in ["9-5", "x", "1-", "-1", "0-18446744073709551615", "+1-2", ""] {
            assert_eq!(Chunk::parse(Some(text), None).unwrap_err().status, 400, "{text}");
        }
    }

    #[test]
    fn u_15_an_upload_without_bytes_says_0_0() {
        assert_eq!((received(0), received(1), received(10)), ("0-0".into(), "0-0".into(), "0-9".into()));
    }
}
