//! Platforms: what an image runs on, and which of several images fits best (image-index.md, config.md).
//!
//! The specification gives names and no compatibility order (L-10). Names, aliases and order here are those of
//! containerd's `platforms` library, as everybody's images are built against it, with these differences:
//!
//! - `ppc64le` and `riscv64` have an order as well: `power10` runs `power9`, `power8` and images without a variant,
//!   `rva23u64` runs `rva22u64`, `rva20u64` and those without (L-12).
//! - A variant that is not known matches itself; containerd drops `arm64/v8.10` altogether.
//! - The bare words `wasi`, `wasip1`, `wasip2`, `wasip3` and `js` are operating systems whose architecture is `wasm`,
//!   never the host's, and `wasm32` is `wasm` (L-15). `wasi` and `wasip1` remain two systems: ask for both to take either.
//! - On Windows an image with a version is better than one without, and a higher one better than a lower one, provided
//!   that the version asked for is known (L-13).
//! - `unknown/unknown` is never selected (L-14), and an empty operating system is not the host's (L-02).

mod compatibility;
mod parse;
mod select;

pub use compatibility::{matches, matches_exactly};
pub use select::{default_wanted, order, select};

use crate::sort::positions;
use std::fmt;

/// What an image runs on.
///
/// The fields carry the words of the Go values `GOOS` and `GOARCH`; a document's words are kept as they stand, so that
/// an unknown platform is still a platform (L-03). [`Platform::normalize`] gives the words that are compared.
///
/// ```
/// use portolan_image::platform::{self, Platform};
/// let host = Platform::new("linux", "arm64");
/// let there = [Platform::parse("linux/amd64", &host)?, Platform::parse("linux/arm/v6", &host)?];
/// let candidates: Vec<_> = there.iter().map(Some).collect();
/// assert_eq!(platform::select(&candidates, &[host])?, 1);
/// # Ok::<(), portolan_image::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Platform {
    /// The operating system, such as `linux`.
    pub os: String,
    /// The CPU architecture, such as `arm64`.
    pub architecture: String,
    /// The variant of the architecture, such as `v8`.
    pub variant: Option<String>,
    /// The version of the operating system, such as `10.0.14393.1066`.
    pub os_version: Option<String>,
    /// Features of the operating system that the image needs, such as `win32k`.
    pub os_features: Vec<String>,
}

impl Platform {
    /// The platform of an operating system and an architecture, and nothing more.
    #[must_use]
    pub fn new(os: &str, architecture: &str) -> Self {
        Self { os: os.to_owned(), architecture: architecture.to_owned(), ..Self::default() }
    }

    /// The same platform in the words that are compared (L-11).
    ///
    /// Lower case; `x86_64` is `amd64`, `aarch64` is `arm64`, `i386` is `386`, `armhf` is `arm/v7`, `armel` is `arm/v6`,
    /// `macos` is `darwin`, `wasm32` is `wasm`. The variant that an architecture means when it names none is written
    /// one way: `amd64/v1` and `arm64/v8` without, `arm` as `arm/v7`. Features are sorted and each stands once.
    #[must_use]
    pub fn normalize(&self) -> Self {
        let (architecture, variant) = parse::normalize_architecture(&self.architecture, self.variant());
        Self {
            os: parse::normalize_os(&self.os),
            architecture,
            variant,
            os_version: self.os_version.clone().filter(|version| !version.is_empty()),
            os_features: self.features().into_iter().map(str::to_owned).collect(),
        }
    }

    /// The features in the order of their bytes, each once.
    fn features(&self) -> Vec<&str> {
        let features = &self.os_features;
        let order = positions(features.len(), &mut |one, other| features[one].cmp(&features[other]));
        let mut sorted: Vec<&str> = order.into_iter().map(|place| features[place].as_str()).collect();
        sorted.dedup();
        sorted
    }

    /// `os/architecture` or `os/architecture/variant`, without version and features.
    #[must_use]
    pub fn triple(&self) -> String {
        self.write(&self.os)
    }

    /// Whether this is the mark of something that is no image, such as a BuildKit attestation (L-14).
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        [&self.os, &self.architecture].iter().all(|word| word.eq_ignore_ascii_case("unknown"))
    }

    fn variant(&self) -> &str {
        self.variant.as_deref().unwrap_or_default()
    }

    fn write(&self, os: &str) -> String {
        if os.is_empty() {
            return "unknown".to_owned();
        }
        let parts = [os, &self.architecture, self.variant()];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
    }
}

/// Prints the form that [`Platform::parse`] reads: `os(version+feature)/architecture/variant`.
impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = self.os_version.as_deref().unwrap_or_default();
        let mut features = self.features();
        features.retain(|feature| !feature.is_empty());
        if self.os.is_empty() || (version.is_empty() && features.is_empty()) {
            return f.write_str(&self.triple());
        }
        let mut os = format!("{}({}", self.os, parse::encode_option(version));
        for feature in features {
            os.push('+');
            os.push_str(&parse::encode_option(feature));
        }
        os.push(')');
        f.write_str(&self.write(&os))
    }
}
