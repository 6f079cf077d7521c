//! How much of anything an image may ask for.

use crate::error::{Error, Result};

macro_rules! limits {
    ($($(#[doc = $doc:literal])+ $field:ident, $key:literal, $default:expr;)+) => {
        /// The most that an image may ask for, one field a budget.
        ///
        /// The defaults fit every real image that is known to us and stop the known attacks; each field says why.
        /// Exceeding one is [`Error::LimitExceeded`], whose message names the key that raises it.
        ///
        /// ```
        /// use portolan_image::Limits;
        /// let limits = Limits::default().with("layers=16,layer-entries=1000")?;
        /// assert_eq!(limits.layers, 16);
        /// # Ok::<(), portolan_image::Error>(())
        /// ```
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Limits {
            $($(#[doc = $doc])+ pub $field: u64,)+
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }

        impl Limits {
            /// Every key with its value, in the order of the fields.
            #[must_use]
            pub fn entries(&self) -> Vec<(&'static str, u64)> {
                vec![$(($key, self.$field),)+]
            }

            fn field(&mut self, key: &str) -> Option<&mut u64> {
                match key {
                    $($key => Some(&mut self.$field),)+
                    _ => None,
                }
            }
        }
    };
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

limits! {
    /// Bytes of an index or manifest. Registries must handle 4 MiB (J-07) and customarily stop there.
    manifest_bytes, "manifest-bytes", 4 * MIB;
    /// Bytes of an image config. Long histories reach some hundred KiB; nothing real needs more than a manifest may.
    config_bytes, "config-bytes", 4 * MIB;
    /// Nesting of JSON values. The documents of the specs need 6 levels; deeper ones attack recursive parsers.
    json_depth, "json-depth", 64;
    /// Indexes inside indexes (I-09). Two is the most that is seen in practice.
    index_depth, "index-depth", 8;
    /// Entries of one index. A 4 MiB document cannot hold many more.
    index_entries, "index-entries", 16_384;
    /// Layers of one image. overlayfs takes 500, Docker 127.
    layers, "layers", 1_024;
    /// Bytes of an archive that has to be copied before it can be read in place: a compressed one, or standard input.
    archive_bytes, "archive-bytes", 256 * GIB;
    /// Compressed bytes of one layer. The largest layers seen are model weights of some ten GiB.
    layer_bytes, "layer-bytes", 256 * GIB;
    /// Uncompressed bytes of one layer. A bomb stops at `ratio` much earlier.
    layer_uncompressed_bytes, "layer-uncompressed-bytes", 1024 * GIB;
    /// Uncompressed over compressed bytes of one layer, once 64 MiB are out. Text and zeros reach 200, gzip stops at 1032.
    ratio, "ratio", 1_000;
    /// Entries of one layer. The largest images have about a million files; this is twice that.
    layer_entries, "layer-entries", 2_000_000;
    /// Paths in the merged tree of an image: four times that.
    tree_entries, "tree-entries", 4_000_000;
    /// Bytes of one path. Linux takes 4096 at once.
    path_bytes, "path-bytes", 4_096;
    /// Bytes of one component of a path. Linux takes 255.
    name_bytes, "name-bytes", 255;
    /// Components of one path. Linux has no limit of its own below `path-bytes`; deep trees attack recursive walkers.
    path_depth, "path-depth", 512;
    /// Bytes of one PAX header or GNU long name, as CVE-2022-2879 teaches.
    header_bytes, "header-bytes", MIB;
    /// Bytes of one sparse map, as CVE-2025-58183 teaches.
    sparse_bytes, "sparse-bytes", MIB;
    /// Bytes of all extended attributes of one entry. Linux takes 64 KiB a value.
    xattr_bytes, "xattr-bytes", 256 * KIB;
    /// Bytes of one zstd window. RFC 8878 asks for 8 MiB; zstd's own ceiling without `--long` is 128 MiB.
    zstd_window_bytes, "zstd-window-bytes", 128 * MIB;
    /// Bytes that extended metadata of one layer (names, links, attributes) may take in memory.
    layer_metadata_bytes, "layer-metadata-bytes", GIB;
    /// Bytes of a WebAssembly module or component that is compiled to be run or read whole. Large ones, such as language
    /// runtimes, reach some 60 MiB; compiling takes many times that in memory.
    wasm_bytes, "wasm-bytes", 256 * MIB;
    /// Bytes of memory of one WebAssembly instance; its address space ends at 4 GiB. The tree of an image takes most,
    /// some 400 bytes a path while it grows: a million files need less than half of this.
    memory_bytes, "memory-bytes", GIB;
    /// Seconds that one whole command may take; 0 is no limit. Real layers are slow on slow disks, so none by default.
    seconds, "seconds", 0;
}

impl Limits {
    /// These limits with some replaced, written `KEY=VALUE,...` where a value is a number with an optional suffix
    /// `K`, `M`, `G` or `T` (powers of 1024).
    ///
    /// # Errors
    /// [`Error::InvalidDocument`] naming the part, for an unknown key or a value that is no such number.
    pub fn with(mut self, text: &str) -> Result<Self> {
        for part in text.split(',').filter(|part| !part.trim().is_empty()) {
            let invalid =
                |reason: String| Error::InvalidDocument { document: "limits", pointer: part.trim().to_owned(), reason };
            let (key, value) = part.split_once('=').ok_or_else(|| invalid("expected KEY=VALUE".to_owned()))?;
            let value = parse_amount(value.trim())
                .ok_or_else(|| invalid("the value is a number with an optional K, M, G or T".to_owned()))?;
            self.set(key.trim(), value)?;
        }
        Ok(self)
    }

    /// Replaces one limit.
    ///
    /// # Errors
    /// [`Error::InvalidDocument`] for an unknown key, listing the known ones.
    pub fn set(&mut self, key: &str, value: u64) -> Result<()> {
        match self.field(key) {
            Some(field) => *field = value,
            None => {
                let known: Vec<_> = self.entries().into_iter().map(|(key, _)| key).collect();
                return Err(Error::InvalidDocument {
                    document: "limits",
                    pointer: key.to_owned(),
                    reason: format!("no such limit; there is {}", known.join(", ")),
                });
            }
        }
        Ok(())
    }

    /// Fails when `actual` is more than `limit`, naming the key that raises it.
    ///
    /// # Errors
    /// [`Error::LimitExceeded`].
    pub fn check(key: &'static str, limit: u64, actual: u64, subject: impl FnOnce() -> String) -> Result<()> {
        if actual > limit {
            return Err(Error::LimitExceeded { key, limit, subject: subject() });
        }
        Ok(())
    }
}

fn parse_amount(text: &str) -> Option<u64> {
    let (digits, shift) = match text.as_bytes().last()? {
        b'K' | b'k' => (&text[..text.len() - 1], 10),
        b'M' | b'm' => (&text[..text.len() - 1], 20),
        b'G' | b'g' => (&text[..text.len() - 1], 30),
        b'T' | b't' => (&text[..text.len() - 1], 40),
        _ => (text, 0),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse::<u64>().ok()?.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes_are_powers_of_1024() {
        let limits = Limits::default().with("manifest-bytes=8M, layers=3").unwrap();
        assert_eq!((limits.manifest_bytes, limits.layers), (8 << 20, 3));
    }

    #[test]
    fn an_unknown_key_lists_the_known_ones() {
        let error = Limits::default().with("layer=3").unwrap_err().to_string();
        assert!(error.contains("limits: layer:") && error.contains("layer-entries"), "{error}");
    }

    #[test]
    fn a_value_that_overflows_is_refused() {
        for value in ["", "K", "-1", "+1", "1e3", "99999999999999999999", "20000000T"] {
            assert!(Limits::default().with(&format!("layers={value}")).is_err(), "{value}");
        }
    }
}
