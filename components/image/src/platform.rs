//! Platforms: what an image runs on, and which of several images fits best (image-index.md, config.md).

/// What an image runs on.
///
/// The fields carry the words of the Go values `GOOS` and `GOARCH`; a document's words are kept as they stand, so that
/// an unknown platform is still a platform (L-04).
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
