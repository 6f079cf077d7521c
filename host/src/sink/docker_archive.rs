//! What `docker load` takes: a layout in a tar archive, with a `manifest.json` beside, as Docker 25 and later write it.

use super::archive::Archive;
use super::{Fetch, Sink, Stored};
use crate::copy::{Plan, Planned};
use crate::error::{Error, Result};
use crate::interrupt::Interrupt;
use crate::layout;
use crate::manifest::Descriptor;
use crate::toolkit::Toolkit;
use std::path::{Path, PathBuf};

/// An archive of one image, which appears when it is whole.
pub struct DockerArchive {
    toolkit: Toolkit,
    archive: Archive,
    path: PathBuf,
}

impl DockerArchive {
    /// An archive that will be; `-` is standard output.
    ///
    /// # Errors
    /// [`Error::Destination`] when something is there that may not be replaced.
    pub fn new(toolkit: &Toolkit, path: &Path, replace: bool) -> Result<Self> {
        let archive = Archive::new(toolkit, path, replace)?;
        Ok(Self { toolkit: toolkit.clone(), archive, path: path.to_owned() })
    }
}

impl Sink for DockerArchive {
    fn prepare(&self, plan: &Plan) -> Result<()> {
        let [planned] = plan.manifests.as_slice() else {
            let reason = format!("a docker archive holds one image, and these are {} manifests", plan.manifests.len());
            return Err(Error::Destination { path: self.path.clone(), reason });
        };
        let name = planned.tags.first().map(String::as_str);
        let written = layout::write_docker_archive(&self.toolkit, &planned.descriptor, &planned.bytes, name)?;
        let documents = vec![
            ("index.json", written.index),
            ("manifest.json", written.listing),
            ("oci-layout", layout::marker(&self.toolkit)?),
        ];
        self.archive.prepare(plan, documents)
    }

    fn has(&self, _: &Descriptor) -> Result<bool> {
        Ok(false)
    }

    fn put(&self, descriptor: &Descriptor, fetch: &Fetch<'_>, _: &Interrupt) -> Result<Stored> {
        self.archive.put(descriptor, fetch)
    }

    /// The manifest was written at the beginning.
    fn put_manifest(&self, _: &Planned) -> Result<()> {
        Ok(())
    }

    fn finish(&self) -> Result<()> {
        self.archive.finish()
    }

    fn kind(&self) -> &'static str {
        "docker archive"
    }
}
