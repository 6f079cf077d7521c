//! A layer: its tar bytes, how they are compressed, and what its descriptor says of it.

use super::{Algorithm, media_type};
use serde_json::{Map, Value};

/// How the bytes of a layer become its blob.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// As they are.
    #[default]
    None,
    /// One gzip member.
    Gzip,
    /// So many gzip members, one after the other (estargz).
    GzipMembers(usize),
    /// One zstd frame.
    Zstd,
    /// Several zstd frames with skippable frames before, between and after (zstd:chunked).
    ZstdSkippable,
}

impl Compression {
    /// The bytes compressed; the same on every machine.
    #[must_use]
    pub fn compress(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::None => bytes.to_vec(),
            Self::Gzip => gzip(bytes),
            Self::GzipMembers(members) => {
                let size = bytes.len().div_ceil(members.max(1)).max(1);
                bytes.chunks(size).flat_map(gzip).collect()
            }
            Self::Zstd => zstd_frame(bytes),
            Self::ZstdSkippable => {
                let (first, second) = bytes.split_at(bytes.len() / 2);
                [
                    skippable_frame(0, b"before"),
                    zstd_frame(first),
                    skippable_frame(7, b""),
                    zstd_frame(second),
                    skippable_frame(15, &[0; 300]),
                ]
                .concat()
            }
        }
    }

    /// The media type of such a layer.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::None => media_type::TAR,
            Self::Gzip | Self::GzipMembers(_) => media_type::TAR_GZIP,
            Self::Zstd | Self::ZstdSkippable => media_type::TAR_ZSTD,
        }
    }
}

/// One gzip member without name and time.
#[must_use]
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    out.extend(miniz_oxide::deflate::compress_to_vec(bytes, 9));
    out.extend(crc.sum().to_le_bytes());
    out.extend((bytes.len() as u32).to_le_bytes());
    out
}

/// One zstd frame with content size and checksum.
#[must_use]
pub fn zstd_frame(bytes: &[u8]) -> Vec<u8> {
    let mut compressor = zstd::bulk::Compressor::new(19).expect("libzstd makes a compressor");
    compressor.include_checksum(true).expect("libzstd knows checksums");
    compressor.compress(bytes).expect("libzstd compresses memory")
}

/// What libzstd makes of a frame; nothing where it refuses it.
#[must_use]
pub fn unzstd(frame: &[u8], most: usize) -> Option<Vec<u8>> {
    zstd::bulk::Decompressor::new().expect("libzstd makes a decompressor").decompress(frame, most).ok()
}

/// One zstd skippable frame; the type is 0 to 15.
#[must_use]
pub fn skippable_frame(kind: u32, payload: &[u8]) -> Vec<u8> {
    [&(0x184D_2A50 + kind).to_le_bytes()[..], &(payload.len() as u32).to_le_bytes(), payload].concat()
}

/// A layer; the members are public so that each may be made to contradict the others.
#[derive(Clone, Debug, Default)]
pub struct Layer {
    /// The tar bytes.
    pub tar: Vec<u8>,
    /// How they are compressed.
    pub compression: Compression,
    /// The blob's bytes, in place of the compressed tar bytes.
    pub blob: Option<Vec<u8>>,
    /// The media type, in place of the one of the compression.
    pub media_type: Option<String>,
    /// The algorithm of the descriptor's digest.
    pub algorithm: Algorithm,
    /// The diffID, in place of the SHA-256 of the tar bytes.
    pub diff_id: Option<String>,
    /// Members of the descriptor beyond the three that must be there.
    pub descriptor: Map<String, Value>,
    /// What made the layer, for the history.
    pub created_by: Option<String>,
}

impl Layer {
    /// A layer without compression.
    #[must_use]
    pub fn plain(tar: Vec<u8>) -> Self {
        Self { tar, ..Self::default() }
    }

    /// A gzip layer.
    #[must_use]
    pub fn gzip(tar: Vec<u8>) -> Self {
        Self::plain(tar).compression(Compression::Gzip)
    }

    /// A zstd layer.
    #[must_use]
    pub fn zstd(tar: Vec<u8>) -> Self {
        Self::plain(tar).compression(Compression::Zstd)
    }

    /// Sets the compression.
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Sets the label: the media type, true or not.
    #[must_use]
    pub fn media_type(mut self, media_type: &str) -> Self {
        self.media_type = Some(media_type.to_owned());
        self
    }

    /// Sets the blob's bytes; descriptor and digest will match them, the diffID stays that of the tar bytes.
    #[must_use]
    pub fn blob(mut self, blob: Vec<u8>) -> Self {
        self.blob = Some(blob);
        self
    }

    /// Sets the algorithm of the descriptor's digest.
    #[must_use]
    pub fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// Sets the diffID.
    #[must_use]
    pub fn diff_id(mut self, diff_id: &str) -> Self {
        self.diff_id = Some(diff_id.to_owned());
        self
    }

    /// Sets a member of the descriptor.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.descriptor.insert(key.to_owned(), value.into());
        self
    }

    /// Sets the history's `created_by`.
    #[must_use]
    pub fn created_by(mut self, created_by: &str) -> Self {
        self.created_by = Some(created_by.to_owned());
        self
    }

    /// The blob.
    #[must_use]
    pub fn to_blob(&self) -> Vec<u8> {
        self.blob.clone().unwrap_or_else(|| self.compression.compress(&self.tar))
    }

    /// The diffID the config will list.
    #[must_use]
    pub fn to_diff_id(&self) -> String {
        self.diff_id.clone().unwrap_or_else(|| Algorithm::Sha256.digest(&self.tar))
    }
}
