//! Digests of content, and the three kinds of them that must not be mixed up (descriptor.md#digests, config.md).

use crate::error::{Error, Result};
use std::fmt;
use std::str::FromStr;

#[cfg(feature = "software-hashes")]
mod software;
#[cfg(feature = "software-hashes")]
pub use software::SoftwareHashes;

/// The algorithm of a digest: the three registered ones, one that is computable but not registered, or any other.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Algorithm {
    /// SHA-256; every implementation must verify it (G-04).
    Sha256,
    /// SHA-384; not registered with the image-spec (G-07), yet known to others and computable here.
    Sha384,
    /// SHA-512 (G-05).
    Sha512,
    /// BLAKE3 with 256 bits of output (G-06).
    Blake3,
    /// Fits the grammar and names nothing known: parses, and cannot be verified (G-02).
    Other(String),
}

impl Algorithm {
    /// The name as it stands before the colon.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
            Self::Blake3 => "blake3",
            Self::Other(name) => name,
        }
    }

    /// The algorithm of a name that obeys the grammar; unknown names are [`Algorithm::Other`].
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        match name {
            "sha256" => Self::Sha256,
            "sha384" => Self::Sha384,
            "sha512" => Self::Sha512,
            "blake3" => Self::Blake3,
            other => Self::Other(other.to_owned()),
        }
    }

    /// Whether the image-spec registers the algorithm (G-07).
    #[must_use]
    pub fn is_registered(&self) -> bool {
        matches!(self, Self::Sha256 | Self::Sha512 | Self::Blake3)
    }

    /// The number of hexadecimal digits of an encoded digest, where it is known.
    #[must_use]
    pub fn encoded_len(&self) -> Option<usize> {
        match self {
            Self::Sha256 | Self::Blake3 => Some(64),
            Self::Sha384 => Some(96),
            Self::Sha512 => Some(128),
            Self::Other(_) => None,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The digest of a blob's bytes as they are stored and sent, `algorithm:encoded`.
///
/// A value of this type always obeys the grammar, so it holds no `/` and no `..` and may become a path (G-10).
///
/// ```
/// use portolan_image::{Algorithm, Digest};
/// let digest: Digest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a".parse()?;
/// assert_eq!(digest.algorithm(), &Algorithm::Sha256);
/// assert!("sha256:../../etc/passwd".parse::<Digest>().is_err());
/// # Ok::<(), portolan_image::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest {
    algorithm: Algorithm,
    encoded: String,
}

impl Digest {
    /// The digest of an algorithm whose hash is `bytes`, in lower-case hexadecimal.
    #[must_use]
    pub fn from_hash(algorithm: Algorithm, bytes: &[u8]) -> Self {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut encoded = String::with_capacity(bytes.len() * 2);
        for byte in bytes {
            encoded.push(char::from(HEX[usize::from(byte >> 4)]));
            encoded.push(char::from(HEX[usize::from(byte & 15)]));
        }
        Self { algorithm, encoded }
    }

    /// The algorithm.
    #[must_use]
    pub fn algorithm(&self) -> &Algorithm {
        &self.algorithm
    }

    /// The part after the colon.
    #[must_use]
    pub fn encoded(&self) -> &str {
        &self.encoded
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm, self.encoded)
    }
}

impl FromStr for Digest {
    type Err = Error;

    /// Parses `algorithm:encoded` (G-01), with the rules of the algorithm where it is known (G-04, G-05, G-06, G-08).
    fn from_str(text: &str) -> Result<Self> {
        let invalid = |rule| Error::InvalidDigest { text: text.chars().take(160).collect(), rule };
        let (name, encoded) = text.split_once(':').ok_or_else(|| invalid("expected algorithm:encoded"))?;
        let part = |part: &str| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        if !name.split(['+', '.', '_', '-']).all(part) {
            return Err(invalid("an algorithm is lower-case letters and digits, joined by single + . _ or -"));
        }
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'=' | b'_' | b'-');
        if encoded.is_empty() || !encoded.bytes().all(letter) {
            return Err(invalid("the encoded part is letters, digits, = _ and -, at least one"));
        }
        let algorithm = Algorithm::from_name(name);
        if let Some(len) = algorithm.encoded_len() {
            let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            if encoded.len() != len || !encoded.bytes().all(hex) {
                return Err(invalid(match algorithm {
                    Algorithm::Sha384 => "a sha384 digest is exactly 96 lower-case hexadecimal digits",
                    Algorithm::Sha512 => "a sha512 digest is exactly 128 lower-case hexadecimal digits",
                    Algorithm::Blake3 => "a blake3 digest is exactly 64 lower-case hexadecimal digits",
                    _ => "a sha256 digest is exactly 64 lower-case hexadecimal digits",
                }));
            }
        }
        Ok(Self { algorithm, encoded: encoded.to_owned() })
    }
}

/// The digest of a layer's uncompressed tar bytes (C-16). Not the digest of the layer's blob.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DiffId(pub Digest);

impl fmt::Display for DiffId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The digest of a stack of layers (C-18): what is below matters, so it is neither a [`DiffId`] nor a blob's [`Digest`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChainId(pub Digest);

impl fmt::Display for ChainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One computation of a hash that is under way.
pub trait Hash: Send {
    /// Takes the next bytes.
    fn update(&mut self, bytes: &[u8]);

    /// Another computation that has taken the same bytes.
    fn duplicate(&self) -> Box<dyn Hash>;

    /// The hash of all bytes taken.
    fn finish(self: Box<Self>) -> Vec<u8>;
}

/// Whoever lends the arithmetic of hashing: the imported `hasher` in a component, [`SoftwareHashes`] elsewhere.
pub trait Hashes {
    /// Starts a hash, or nothing where the algorithm cannot be computed.
    fn start(&self, algorithm: &Algorithm) -> Option<Box<dyn Hash>>;

    /// How to continue a CRC-32, with which gzip guards its members, over more bytes. The first value is 0.
    fn crc32(&self) -> Crc32;
}

/// Continues a CRC-32 (ISO 3309) over more bytes.
pub type Crc32 = fn(u32, &[u8]) -> u32;

/// The ChainIDs of a stack of layers, bottom first, one for each DiffID (C-18).
///
/// # Errors
/// [`Error::UnsupportedAlgorithm`] when `hashes` cannot compute SHA-256, in which every ChainID but the first is given.
pub fn chain_ids(hashes: &dyn Hashes, diff_ids: &[DiffId]) -> Result<Vec<ChainId>> {
    let mut chain: Vec<ChainId> = Vec::with_capacity(diff_ids.len());
    for diff_id in diff_ids {
        let next = match chain.last() {
            None => diff_id.0.clone(),
            Some(below) => digest_bytes(hashes, &Algorithm::Sha256, format!("{below} {diff_id}").as_bytes())?,
        };
        chain.push(ChainId(next));
    }
    Ok(chain)
}

/// The digest of bytes that are all there.
///
/// # Errors
/// [`Error::UnsupportedAlgorithm`] when `hashes` cannot compute it.
pub fn digest_bytes(hashes: &dyn Hashes, algorithm: &Algorithm, bytes: &[u8]) -> Result<Digest> {
    let mut hash = hashes
        .start(algorithm)
        .ok_or_else(|| Error::UnsupportedAlgorithm { digest: Digest::from_hash(algorithm.clone(), &[]) })?;
    hash.update(bytes);
    Ok(Digest::from_hash(algorithm.clone(), &hash.finish()))
}

/// Verifies a stream of bytes against a digest and a size, without holding them.
///
/// Feed the bytes in any pieces, then finish. A stream that is longer than promised is refused at the first byte too
/// many (D-05, D-06), so nothing is hashed that cannot match.
pub struct Verifier {
    expected: Digest,
    size: u64,
    seen: u64,
    hash: Box<dyn Hash>,
}

impl Verifier {
    /// Starts verifying against a digest and a size in bytes.
    ///
    /// # Errors
    /// [`Error::UnsupportedAlgorithm`] when the digest cannot be computed.
    pub fn new(hashes: &dyn Hashes, expected: &Digest, size: u64) -> Result<Self> {
        let hash = hashes
            .start(expected.algorithm())
            .ok_or_else(|| Error::UnsupportedAlgorithm { digest: expected.clone() })?;
        Ok(Self { expected: expected.clone(), size, seen: 0, hash })
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] as soon as there are more bytes than promised.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<()> {
        self.seen += bytes.len() as u64;
        if self.seen > self.size {
            return Err(self.size_mismatch());
        }
        self.hash.update(bytes);
        Ok(())
    }

    /// Ends the stream and compares.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] or [`Error::DigestMismatch`].
    pub fn finish(self) -> Result<()> {
        if self.seen != self.size {
            return Err(self.size_mismatch());
        }
        let actual = Digest::from_hash(self.expected.algorithm().clone(), &self.hash.finish());
        if actual != self.expected {
            return Err(Error::DigestMismatch { expected: self.expected, actual });
        }
        Ok(())
    }

    fn size_mismatch(&self) -> Error {
        Error::SizeMismatch { digest: self.expected.clone(), expected: self.size, actual: self.seen }
    }
}
