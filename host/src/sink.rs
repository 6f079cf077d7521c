//! Where images go: one file a kind of place, all of them written the same way.

mod archive;
mod docker_archive;
mod layout;
mod layout_archive;
mod registry;

use crate::copy::{Plan, Planned};
use crate::error::{Error, Result};
use crate::interrupt::Interrupt;
use crate::manifest::Descriptor;
use crate::reference::{ImageReference, Location};
use crate::registry::{Registries, Repository, repository};
use crate::toolkit::Toolkit;
use std::io::Read;
use std::path::{Path, PathBuf};

pub use docker_archive::DockerArchive;
pub use layout::{Layout, edit};
pub use layout_archive::LayoutArchive;
pub use registry::Registry;

/// Reads a blob from an offset in bytes on. It may be called again, to begin anew.
pub type Fetch<'a> = dyn Fn(u64) -> Result<Box<dyn Read + Send + 'a>> + Sync + 'a;

/// What became of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// It was there.
    Present,
    /// It was copied.
    Copied {
        /// How many bytes were read for that.
        bytes: u64,
    },
}

/// A place that takes images.
///
/// Blobs come in any order and at once, then manifests one after the other, what is listed before what lists it. What was
/// put appears with [`Sink::finish`], and a place that is not finished shows nothing of it.
pub trait Sink: Send + Sync {
    /// Gets ready for what will come, before anything else.
    ///
    /// # Errors
    /// [`Error::Destination`] when the place cannot take it.
    fn prepare(&self, plan: &Plan) -> Result<()>;

    /// Whether a blob is there already.
    ///
    /// # Errors
    /// When that cannot be found out.
    fn has(&self, descriptor: &Descriptor) -> Result<bool>;

    /// Takes a blob and verifies it.
    ///
    /// The place says from where on it has to be read: a part may be there from a run that was stopped.
    ///
    /// # Errors
    /// `digest-mismatch` and `size-mismatch`, what reading says, or what the place says.
    fn put(&self, descriptor: &Descriptor, fetch: &Fetch<'_>, interrupt: &Interrupt) -> Result<Stored>;

    /// Takes a manifest or index with its tags, after everything that it lists.
    ///
    /// # Errors
    /// What the place says.
    fn put_manifest(&self, planned: &Planned) -> Result<()>;

    /// Lets everything appear at once.
    ///
    /// # Errors
    /// What the place says.
    fn finish(&self) -> Result<()>;

    /// What this place is, for a person: `image layout`, `docker archive`.
    fn kind(&self) -> &'static str;
}

/// A place to write to, as a reference means it.
#[derive(Clone, Debug)]
pub enum Destination {
    /// An image layout.
    Layout(PathBuf),
    /// An archive of a layout; `-` is standard output.
    LayoutArchive(PathBuf),
    /// An archive as `docker save` writes it; `-` is standard output.
    DockerArchive(PathBuf),
    /// A name in a registry.
    Registry(crate::reference::Name),
}

/// Finds out which place a reference of [`parse_destination`](crate::reference::parse_destination) means, and the tag
/// that it gives.
///
/// # Errors
/// [`Error::Usage`] when it means none.
pub fn destination(reference: &ImageReference) -> Result<(Destination, Option<String>)> {
    let exists = |path: &str| path != "-" && Path::new(path).symlink_metadata().is_ok();
    let existing = reference.candidates.iter().find(|candidate| exists(&candidate.path));
    if let (Location::Registry, None, Some(name)) = (reference.location, existing, &reference.name) {
        return Ok((Destination::Registry(name.clone()), name.selector.tag.clone()));
    }
    let Some(candidate) = existing.or(reference.candidates.last()) else {
        return Err(Error::Usage("the destination names no place".to_owned()));
    };
    let path = PathBuf::from(&candidate.path);
    let destination = match reference.location {
        Location::DockerArchive => Destination::DockerArchive(path),
        Location::LayoutArchive => Destination::LayoutArchive(path),
        _ => Destination::Layout(path),
    };
    Ok((destination, candidate.selector.tag.clone()))
}

/// How a place is opened to write to.
#[derive(Clone, Copy, Debug)]
pub struct Opening<'a> {
    /// The registries, should it be one.
    pub registries: &'a Registries,
    /// Whether an archive that is there may be replaced.
    pub replace: bool,
    /// The repository that the images come from, which may have their blobs mounted.
    pub from: Option<&'a Repository>,
}

/// Opens a place to write to. An archive that is there is in the way, unless it may be replaced.
///
/// # Errors
/// [`Error::Destination`] when something else is there.
pub fn open(toolkit: &Toolkit, destination: &Destination, opening: Opening<'_>) -> Result<Box<dyn Sink>> {
    let replace = opening.replace;
    Ok(match destination {
        Destination::Layout(path) => Box::new(Layout::new(toolkit, path)?),
        Destination::LayoutArchive(path) => Box::new(LayoutArchive::new(toolkit, path, replace)?),
        Destination::DockerArchive(path) => Box::new(DockerArchive::new(toolkit, path, replace)?),
        Destination::Registry(name) if name.selector.digest.is_some() => {
            return Err(Error::Usage(format!("{} names a digest; give a tag, or none", name.familiar)));
        }
        Destination::Registry(name) => Box::new(Registry::new(opening.registries, repository(name), opening.from)),
    })
}
