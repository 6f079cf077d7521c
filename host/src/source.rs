//! Where images are: one file a kind of place, all of them read the same way.

mod archive;
mod docker_archive;
mod layout;
mod layout_archive;
mod registry;
mod standard_input;

use crate::error::{Error, Result};
use crate::manifest::Descriptor;
use crate::reference::{Candidate, ImageReference, Location, Selector};
use crate::registry::{Registries, Repository};
use crate::toolkit::Toolkit;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

pub use docker_archive::DockerArchive;
pub use layout::Layout;
pub use layout_archive::LayoutArchive;
pub use registry::Registry;

/// A place that holds images: an `index.json` and the blobs it leads to.
///
/// Blobs are handed out as they lie there; whoever reads one verifies it.
pub trait Source: Send + Sync {
    /// The bytes of the `index.json`.
    ///
    /// # Errors
    /// When it cannot be read.
    fn index(&self) -> Result<Vec<u8>>;

    /// A blob by its descriptor, whose media type says where a registry has it; nothing when it is not there.
    ///
    /// # Errors
    /// When it cannot be opened.
    fn fetch(&self, descriptor: &Descriptor) -> Result<Option<Blob>>;

    /// The same from an offset in bytes on, which is not past the end.
    ///
    /// # Errors
    /// When it cannot be opened, or what comes before cannot be read.
    fn fetch_from(&self, descriptor: &Descriptor, offset: u64) -> Result<Option<Blob>> {
        let Some(mut blob) = self.fetch(descriptor)? else { return Ok(None) };
        io::copy(&mut blob.by_ref().take(offset), &mut io::sink()).map_err(Error::io("read", &descriptor.digest))?;
        blob.size = blob.size.saturating_sub(offset);
        Ok(Some(blob))
    }

    /// What refers to a manifest or index of this place.
    ///
    /// # Errors
    /// When that cannot be found out.
    fn referrers(&self, digest: &str) -> Result<Vec<Descriptor>>;

    /// The repository at a registry that this is.
    fn repository(&self) -> Option<&Repository> {
        None
    }

    /// The tag under which what lies here was asked for, where only that says it.
    fn tag(&self) -> Option<&str> {
        None
    }

    /// Whether the digests of layers are promises of this place, or only the DiffIDs are.
    fn promises_layer_digests(&self) -> bool {
        true
    }

    /// What this place is, for a person: `image layout`, `docker archive`.
    fn kind(&self) -> &'static str;
}

/// The bytes of a blob and how many there are.
pub struct Blob {
    reader: Box<dyn Read + Send>,
    size: u64,
}

impl Blob {
    /// A blob of so many bytes.
    pub fn new(reader: impl Read + Send + 'static, size: u64) -> Self {
        Self { reader: Box::new(reader), size }
    }

    /// The length in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// All the bytes of a document, whose length must not exceed `most`.
    ///
    /// # Errors
    /// When reading fails. A blob that is longer is cut one byte after `most`, so that its verification fails.
    pub fn read_whole(self, most: u64) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.reader
            .take(most.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(Error::io("read", "a blob of the image"))?;
        Ok(bytes)
    }
}

impl Read for Blob {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buffer)
    }
}

/// A place with the image that is meant there.
pub struct Opened {
    /// The place.
    pub source: Box<dyn Source>,
    /// Which of its images.
    pub selector: Selector,
    /// Where it is, for messages.
    pub path: PathBuf,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened").field("path", &self.path).field("kind", &self.source.kind()).finish_non_exhaustive()
    }
}

/// Opens the place that a reference points to, or asks the registry that it names.
///
/// # Errors
/// [`Error::Source`] when nothing is there, or nothing that holds images.
pub fn open(toolkit: &Toolkit, registries: &Registries, reference: &ImageReference) -> Result<Opened> {
    let only = Selector { tag: None, digest: None };
    if matches!(reference.location, Location::StandardInput) {
        return Ok(Opened { source: standard_input::open(toolkit)?, selector: only, path: PathBuf::from("-") });
    }
    let Some(Candidate { path, selector }) =
        reference.candidates.iter().find(|candidate| Path::new(&candidate.path).symlink_metadata().is_ok())
    else {
        let last = reference.candidates.last().map(|candidate| candidate.path.as_str());
        let Some(name) = &reference.name else {
            let reason = if last.is_some() { "no such file or directory" } else { "the reference names no place" };
            return Err(Error::Source { path: last.unwrap_or_default().into(), reason: reason.to_owned() });
        };
        let source = Registry::open(registries, name).map_err(|error| registry::at(error, &name.familiar, last))?;
        // The place is what the name meant, and nothing else.
        return Ok(Opened { source: Box::new(source), selector: only, path: PathBuf::from(&name.canonical) });
    };
    let path = PathBuf::from(path);
    let metadata = path.metadata().map_err(Error::io("open", &path))?;
    let source: Box<dyn Source> = match reference.location {
        _ if metadata.is_dir() => match reference.location {
            Location::LayoutArchive | Location::DockerArchive => {
                return Err(Error::Source { path, reason: "it is a directory, not an archive".to_owned() });
            }
            // A bare path may look like a name in a registry; what is there takes precedence.
            _ => Box::new(Layout::open(toolkit, &path)?),
        },
        Location::Layout => return Err(Error::Source { path, reason: "it is not a directory".to_owned() }),
        Location::LayoutArchive => Box::new(LayoutArchive::open(toolkit, &path)?),
        Location::DockerArchive => Box::new(DockerArchive::open(toolkit, &path)?),
        _ => archive::open_any(toolkit, File::open(&path).map_err(Error::io("open", &path))?, &path)?,
    };
    Ok(Opened { source, selector: selector.clone(), path })
}
