//! Media types: what a blob is said to be (media-types.md).

use crate::error::{Error, Result};
use std::fmt;

/// What kind of thing a media type names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A descriptor on its own.
    Descriptor,
    /// The `oci-layout` file.
    Layout,
    /// An index or a Docker manifest list.
    Index,
    /// An image manifest.
    Manifest,
    /// An image config.
    Config,
    /// A layer of an image.
    Layer,
    /// A layer that may not be distributed freely; deprecated (M-02).
    NonDistributableLayer,
    /// The empty JSON object that stands for nothing (A-05).
    Empty,
    /// The config of a WebAssembly artifact (B-01).
    WasmConfig,
    /// A WebAssembly module or component.
    WasmLayer,
    /// A Docker manifest of schema 1, which nothing reads any more (M-10).
    DockerSchema1,
    /// The config of a Docker plugin (M-10).
    DockerPlugin,
    /// Anything else; never an error by itself (N-05, I-05).
    Other,
}

/// The compression that a layer's media type promises; what the bytes are is another question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// A plain tar.
    None,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
    /// A suffix that is not known here.
    Unsupported,
}

impl Compression {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Unsupported => "unsupported",
        }
    }
}

macro_rules! media_types {
    ($($(#[doc = $doc:literal])+ $name:ident, $text:literal, $kind:ident, $compression:expr, $docker:expr;)+) => {
        /// A media type by its RFC 6838 name: one that is known here, or any other.
        ///
        /// ```
        /// use portolan_image::media_type::{Kind, MediaType};
        /// let media_type = MediaType::parse("application/vnd.oci.image.layer.v1.tar+gzip")?;
        /// assert_eq!(media_type, MediaType::LayerGzip);
        /// assert_eq!(media_type.kind(), Kind::Layer);
        /// assert!(MediaType::parse("application/json; charset=utf-8").is_err());
        /// # Ok::<(), portolan_image::Error>(())
        /// ```
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum MediaType {
            $($(#[doc = $doc])+ $name,)+
            /// A media type that is not known here.
            Other(String),
        }

        impl MediaType {
            /// Every media type that is known here.
            pub const KNOWN: &'static [Self] = &[$(Self::$name,)+];

            fn known(text: &str) -> Option<Self> {
                Some(match text {
                    $($text => Self::$name,)+
                    _ => return None,
                })
            }

            /// The name as documents carry it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$name => $text,)+
                    Self::Other(text) => text,
                }
            }

            /// What kind of thing it names. Layers with an unknown suffix are layers.
            #[must_use]
            pub fn kind(&self) -> Kind {
                match self {
                    $(Self::$name => Kind::$kind,)+
                    Self::Other(text) => match layer_suffix(text) {
                        Some((false, _)) => Kind::Layer,
                        Some((true, _)) => Kind::NonDistributableLayer,
                        None => Kind::Other,
                    },
                }
            }

            /// The compression that a layer's name promises; nothing for what is no layer.
            #[must_use]
            pub fn compression(&self) -> Option<Compression> {
                match self {
                    $(Self::$name => $compression,)+
                    Self::Other(text) => layer_suffix(text).map(|_| Compression::Unsupported),
                }
            }

            /// Docker's name for a similar thing (M-07); similar is not identical, and changing a name changes a digest.
            #[must_use]
            pub fn docker(&self) -> Option<Self> {
                match self {
                    $(Self::$name => $docker,)+
                    Self::Other(_) => None,
                }
            }
        }
    };
}

use Compression::{Gzip, None as Plain, Zstd};

media_types! {
    /// A descriptor on its own.
    Descriptor, "application/vnd.oci.descriptor.v1+json", Descriptor, None, None;
    /// The `oci-layout` file.
    LayoutHeader, "application/vnd.oci.layout.header.v1+json", Layout, None, None;
    /// An image index.
    ImageIndex, "application/vnd.oci.image.index.v1+json", Index, None, Some(Self::DockerManifestList);
    /// An image manifest.
    ImageManifest, "application/vnd.oci.image.manifest.v1+json", Manifest, None, Some(Self::DockerManifest);
    /// An image config.
    ImageConfig, "application/vnd.oci.image.config.v1+json", Config, None, Some(Self::DockerConfig);
    /// A layer, not compressed.
    Layer, "application/vnd.oci.image.layer.v1.tar", Layer, Some(Plain), Some(Self::DockerLayer);
    /// A layer under gzip.
    LayerGzip, "application/vnd.oci.image.layer.v1.tar+gzip", Layer, Some(Gzip), Some(Self::DockerLayerGzip);
    /// A layer under zstd.
    LayerZstd, "application/vnd.oci.image.layer.v1.tar+zstd", Layer, Some(Zstd), Some(Self::DockerLayerZstd);
    /// A layer that may not be distributed, not compressed; deprecated.
    NonDistributableLayer, "application/vnd.oci.image.layer.nondistributable.v1.tar", NonDistributableLayer,
        Some(Plain), None;
    /// A layer that may not be distributed, under gzip; deprecated.
    NonDistributableLayerGzip, "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", NonDistributableLayer,
        Some(Gzip), Some(Self::DockerForeignLayerGzip);
    /// A layer that may not be distributed, under zstd; deprecated.
    NonDistributableLayerZstd, "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", NonDistributableLayer,
        Some(Zstd), None;
    /// The empty JSON object.
    Empty, "application/vnd.oci.empty.v1+json", Empty, None, None;
    /// Docker's index.
    DockerManifestList, "application/vnd.docker.distribution.manifest.list.v2+json", Index, None, None;
    /// Docker's manifest of schema 2.
    DockerManifest, "application/vnd.docker.distribution.manifest.v2+json", Manifest, None, None;
    /// Docker's config.
    DockerConfig, "application/vnd.docker.container.image.v1+json", Config, None, None;
    /// Docker's layer, not compressed.
    DockerLayer, "application/vnd.docker.image.rootfs.diff.tar", Layer, Some(Plain), None;
    /// Docker's layer under gzip.
    DockerLayerGzip, "application/vnd.docker.image.rootfs.diff.tar.gzip", Layer, Some(Gzip), None;
    /// A layer under zstd with a Docker name, which Docker itself never defined.
    DockerLayerZstd, "application/vnd.docker.image.rootfs.diff.tar.zstd", Layer, Some(Zstd), None;
    /// Docker's layer that may not be distributed, under gzip.
    DockerForeignLayerGzip, "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", NonDistributableLayer,
        Some(Gzip), None;
    /// The config of a Docker plugin.
    DockerPlugin, "application/vnd.docker.plugin.v1+json", DockerPlugin, None, None;
    /// Docker's manifest of schema 1.
    DockerSchema1, "application/vnd.docker.distribution.manifest.v1+json", DockerSchema1, None, None;
    /// Docker's manifest of schema 1 with its signature.
    DockerSchema1Signed, "application/vnd.docker.distribution.manifest.v1+prettyjws", DockerSchema1, None, None;
    /// The config of a WebAssembly artifact (B-01).
    WasmConfig, "application/vnd.wasm.config.v0+json", WasmConfig, None, None;
    /// A WebAssembly module or component (B-01).
    Wasm, "application/wasm", WasmLayer, None, None;
    /// A WebAssembly component in a layer of an image, as older runwasi has it (B-06).
    WasmComponentLayer, "application/vnd.bytecodealliance.wasm.component.layer.v0+wasm", WasmLayer, None, None;
    /// The config of a WebAssembly artifact of wasm-to-oci.
    WasmToOciConfig, "application/vnd.wasm.config.v1+json", WasmConfig, None, None;
    /// A WebAssembly module of wasm-to-oci, Envoy and Spin.
    WasmContentLayer, "application/vnd.wasm.content.layer.v1+wasm", WasmLayer, None, None;
    /// The config of a WebAssembly artifact of Solo and Istio.
    WasmModuleConfig, "application/vnd.module.wasm.config.v1+json", WasmConfig, None, None;
    /// A WebAssembly module of Solo and Istio.
    WasmModuleLayer, "application/vnd.module.wasm.content.layer.v1+wasm", WasmLayer, None, None;
}

/// Whether a name is that of a layer with a suffix, whether non-distributable, and the suffix.
fn layer_suffix(text: &str) -> Option<(bool, &str)> {
    let distributable = text.strip_prefix("application/vnd.oci.image.layer.v1.tar+").map(|suffix| (false, suffix));
    let restricted = text.strip_prefix("application/vnd.oci.image.layer.nondistributable.v1.tar+");
    distributable.or(restricted.map(|suffix| (true, suffix)))
}

impl MediaType {
    /// Parses a name as RFC 6838 section 4.2 has it: type and subtype of at most 127 characters, no parameters (D-02).
    ///
    /// # Errors
    /// [`Error::UnsupportedMediaType`] saying the rule.
    pub fn parse(text: &str) -> Result<Self> {
        if let Some(known) = Self::known(text) {
            return Ok(known);
        }
        let part = |part: &str| {
            part.len() <= 127
                && part.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric())
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&byte))
        };
        match text.split_once('/') {
            Some((kind, subtype)) if part(kind) && part(subtype) => Ok(Self::Other(text.to_owned())),
            _ => Err(Error::UnsupportedMediaType {
                media_type: text.chars().take(260).collect(),
                reason: "expected type/subtype without parameters, as RFC 6838 section 4.2 has it".to_owned(),
            }),
        }
    }

    /// Parses the value of a `Content-Type`: parameters are dropped and letters compared in lower case (M-11, Q-02).
    ///
    /// # Errors
    /// [`Error::UnsupportedMediaType`] when what is left is no media type.
    pub fn from_content_type(value: &str) -> Result<Self> {
        Self::parse(&base(value))
    }

    /// The name in a chain of `Docker` names that the image-spec has for a similar thing (M-07).
    #[must_use]
    pub fn oci(&self) -> Option<Self> {
        Self::KNOWN.iter().find(|known| known.docker().as_ref() == Some(self)).cloned()
    }

    /// Whether the image-spec asks not to upload it (R-32).
    #[must_use]
    pub fn is_non_distributable(&self) -> bool {
        self.kind() == Kind::NonDistributableLayer
    }

    /// Whether it is a layer of an image, distributable or not.
    #[must_use]
    pub fn is_layer(&self) -> bool {
        matches!(self.kind(), Kind::Layer | Kind::NonDistributableLayer)
    }
}

/// The media type of a `Content-Type` without its parameters, in lower case (M-11).
#[must_use]
pub fn base(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_name_parses_to_itself() {
        for known in MediaType::KNOWN {
            assert_eq!(&MediaType::parse(known.as_str()).unwrap(), known);
            if let Some(docker) = known.docker() {
                assert_eq!((docker.kind(), docker.compression()), (known.kind(), known.compression()));
                assert_eq!(docker.oci().as_ref(), Some(known));
            }
        }
    }
}
