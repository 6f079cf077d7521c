//! Platforms: the one of this machine, and what the toolkit says of others.

use crate::error::Result;
use crate::manifest::WantedPlatforms;
use crate::toolkit::Toolkit;

pub use crate::bindings::exports::portolan::image::types::Platform;

/// The platform of this machine.
#[must_use]
pub fn host() -> Platform {
    let os = match std::env::consts::OS {
        "macos" => "darwin",
        os => os,
    };
    // Aliases of architectures are the toolkit's to know.
    let architecture = std::env::consts::ARCH.to_owned();
    Platform { os: os.to_owned(), architecture, variant: None, os_version: None, os_features: Vec::new() }
}

/// The platforms to want when the caller named these: what this machine runs best when there are none.
#[must_use]
pub fn wanted(platforms: &[Platform]) -> WantedPlatforms {
    match platforms {
        [] => WantedPlatforms::Host(host()),
        platforms => WantedPlatforms::These(platforms.to_vec()),
    }
}

/// Parses a platform such as `linux/arm/v7`; what is left out comes from this machine.
///
/// # Errors
/// `invalid-platform`.
pub fn parse(toolkit: &Toolkit, text: &str) -> Result<Platform> {
    let host = host();
    toolkit.instantiate()?.attempt(|exports, store| exports.portolan_image_platform().call_parse(store, text, &host))
}

/// A platform as text.
///
/// # Errors
/// When the component fails.
pub fn format(toolkit: &Toolkit, platform: &Platform) -> Result<String> {
    toolkit.instantiate()?.call(|exports, store| exports.portolan_image_platform().call_format(store, platform))
}
