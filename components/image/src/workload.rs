//! Which WebAssembly an image holds, in whatever form it was packaged, and how it is run.
//!
//! Seven forms are in use, and nothing but the bytes tells for sure: so a form is a guess, made from media types and
//! names, and the first eight bytes of what it leads to are the proof. What is no WebAssembly there is not run, whatever
//! it is said to be; machine code that was compiled before (`.cwasm`) least of all (row 56).

mod artifact;
mod magic;
mod plan;
mod spin;
#[cfg(test)]
mod tests;

use crate::config::Config;
use crate::descriptor::Descriptor;
use crate::digest::Hashes;
use crate::document::Document;
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::manifest::Manifest;
use crate::platform::Platform;
pub use magic::HEAD_BYTES;
use std::collections::VecDeque;
use std::fmt;

/// The form in which WebAssembly was packaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The artifact of CNCF's TAG Runtime: a config of its own and one layer (B-01).
    Artifact,
    /// A layer of a WebAssembly type, in an image as older runwasi writes it or under any other config (B-06).
    WasmLayer,
    /// A Spin application.
    Spin,
    /// An artifact of wasm-to-oci, which Krustlet and Envoy read.
    WasmToOci,
    /// An artifact of Solo and Istio, `application/vnd.module.wasm.config.v1+json`.
    ModuleArtifact,
    /// An image with the file `plugin.wasm`, which Istio calls compat.
    Compat,
    /// A container image whose entry point is WebAssembly.
    Container,
}

impl Form {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Artifact => "artifact",
            Self::WasmLayer => "wasm-layer",
            Self::Spin => "spin",
            Self::WasmToOci => "wasm-to-oci",
            Self::ModuleArtifact => "module-artifact",
            Self::Compat => "compat",
            Self::Container => "container",
        }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WasmKind {
    /// A core module.
    Module,
    /// A component; a WIT package is one as well, and only a whole reading of it tells.
    Component,
}

/// Where the WebAssembly is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A blob, raw.
    Blob(Box<Descriptor>),
    /// A regular file of the merged tree, by a path whose links are followed.
    File(Vec<u8>),
}

/// What a recogniser has to see next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need<'a> {
    /// All bytes of a small blob.
    Document(&'a Descriptor),
    /// The first [`HEAD_BYTES`] of a blob.
    BlobHead(&'a Descriptor),
    /// The first [`HEAD_BYTES`] of a file in the merged tree, links followed.
    FileHead(&'a [u8]),
}

/// A file that the guest sees, beside those of a root file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestFile {
    /// Where the guest sees it: relative, without `.`, `..` and empty components.
    pub path: String,
    /// Its content, which may stand in the descriptor itself.
    pub content: Descriptor,
}

/// WebAssembly that can be run, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// How it was packaged.
    pub form: Form,
    /// What its first bytes say that it is.
    pub kind: WasmKind,
    /// Where it is.
    pub place: Place,
    /// The command line: the program's name, then its arguments.
    pub args: Vec<String>,
    /// Variables as `NAME=value`.
    pub env: Vec<String>,
    /// The current directory, where one is said.
    pub working_dir: Option<String>,
    /// Whether the layers of the image are the guest's file system.
    pub rootfs: bool,
    /// Files beside that.
    pub files: Vec<GuestFile>,
    /// What is odd and does no harm.
    pub warnings: Vec<String>,
}

/// What the caller says instead of the image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Instead of `Entrypoint`; the image's `Cmd` then falls away too, as its arguments were meant for another program.
    pub entrypoint: Option<Vec<String>>,
    /// Instead of `Cmd` (C-10).
    pub cmd: Option<Vec<String>>,
}

/// Finds out which WebAssembly an image holds.
///
/// Call [`next`](Self::next) for what has to be seen and [`supply`](Self::supply) it until there is nothing more, then
/// [`finish`](Self::finish).
#[derive(Debug)]
pub struct Recognizer {
    manifest: Manifest,
    overrides: Overrides,
    limits: Limits,
    attempts: VecDeque<plan::Attempt>,
    tried: Vec<String>,
    found: Option<Workload>,
}

impl Recognizer {
    /// Begins with the manifest, and the config where that is an image's.
    ///
    /// # Errors
    /// What is wrong with the two documents.
    pub fn start(
        manifest: &[u8],
        media_type: Option<&str>,
        config: Option<&[u8]>,
        overrides: Overrides,
        limits: &Limits,
    ) -> Result<Self> {
        let manifest = match Document::parse(manifest, media_type, limits)? {
            Document::Manifest(manifest) => *manifest,
            Document::Index(index) => {
                return Err(Error::UnsupportedMediaType {
                    media_type: index.media_type.map_or_else(String::new, |media_type| media_type.to_string()),
                    reason: "expected the manifest of one image, this is an index".to_owned(),
                });
            }
        };
        let config = config.filter(|_| manifest.is_image());
        let config = config.map(|config| Config::parse(config, limits)).transpose()?;
        let plan::Plan { attempts, tried } = plan::plan(&manifest, config.as_ref(), &overrides);
        Ok(Self { manifest, overrides, limits: limits.clone(), attempts, tried, found: None })
    }

    /// What has to be seen next; nothing when all is known.
    #[must_use]
    pub fn next(&self) -> Option<Need<'_>> {
        Some(match self.attempts.front()? {
            plan::Attempt::Document(_, descriptor) => Need::Document(descriptor),
            plan::Attempt::Head(candidate) => match &candidate.place {
                Place::Blob(descriptor) => Need::BlobHead(descriptor),
                Place::File(path) => Need::FileHead(path),
            },
        })
    }

    /// Takes what [`next`](Self::next) asked for; nothing when it is not there. More than was asked for does no harm.
    ///
    /// # Errors
    /// When a document is not the one that its descriptor promises, and [`Error::InvalidState`] when nothing was asked for.
    pub fn supply(&mut self, bytes: Option<&[u8]>, hashes: &dyn Hashes) -> Result<()> {
        match self.attempts.pop_front() {
            None => return Err(Error::InvalidState { reason: "nothing was asked for" }),
            Some(plan::Attempt::Document(form, descriptor)) => {
                let Some(bytes) = bytes else {
                    return Err(Error::BlobNotFound { digest: descriptor.digest, parent: None });
                };
                descriptor.verify(bytes, hashes)?;
                let read = match form {
                    Form::Spin => spin::read(bytes, &self.manifest, &self.overrides, &self.limits, hashes),
                    _ => artifact::read(bytes, &self.manifest, &self.overrides, &self.limits),
                };
                match read {
                    Ok(candidate) => self.attempts.push_front(plan::Attempt::Head(candidate)),
                    Err(reason) => self.tried.push(format!("{form}: {reason}")),
                }
            }
            Some(plan::Attempt::Head(candidate)) => {
                let form = candidate.form;
                match candidate.confirm(bytes) {
                    Ok(workload) => {
                        self.found = Some(workload);
                        self.attempts.clear();
                    }
                    Err(reason) => self.tried.push(format!("{form}: {reason}")),
                }
            }
        }
        Ok(())
    }

    /// The WebAssembly that was found.
    ///
    /// # Errors
    /// [`Error::InvalidWorkload`] with all that was tried, and [`Error::InvalidState`] while something is asked for.
    pub fn finish(self) -> Result<Workload> {
        match self.found {
            Some(workload) => Ok(workload),
            None if self.attempts.is_empty() => Err(Error::InvalidWorkload { tried: self.tried }),
            None => Err(Error::InvalidState { reason: "what was asked for is not supplied" }),
        }
    }
}

/// The kind of WebAssembly that bytes begin like.
///
/// # Errors
/// [`Error::InvalidWorkload`] saying what they are instead.
pub fn kind(bytes: &[u8]) -> Result<WasmKind> {
    magic::kind(bytes).map_err(|reason| Error::InvalidWorkload { tried: vec![reason] })
}

/// Confirms that bytes are WebAssembly of a kind, once they are all there: what [`Recognizer`] saw of a blob was not
/// verified yet.
///
/// # Errors
/// [`Error::InvalidWorkload`] saying what they are instead.
pub fn confirm(bytes: &[u8], kind: WasmKind) -> Result<()> {
    let invalid = |reason| Err(Error::InvalidWorkload { tried: vec![reason] });
    match magic::kind(bytes) {
        Ok(found) if found == kind => Ok(()),
        Ok(_) => invalid("the verified bytes are of another kind than those seen first".to_owned()),
        Err(reason) => invalid(reason),
    }
}

/// The platforms to want of an index whose image is to be run as WebAssembly, best first: the newest WASI, then the ways
/// in which the platform of older ones is written, then the host's own (an image may be labelled with that and hold
/// WebAssembly all the same).
#[must_use]
pub fn platforms(host: &Platform) -> Vec<Platform> {
    let systems = ["wasip3", "wasip2", "wasip1", "wasi", "linux"];
    systems.iter().map(|os| Platform::new(os, "wasm")).chain([host.clone()]).collect()
}
