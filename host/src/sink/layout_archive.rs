//! An image layout in a tar archive.

use super::archive::Archive;
use super::{Fetch, Sink, Stored};
use crate::copy::{Plan, Planned};
use crate::error::Result;
use crate::interrupt::Interrupt;
use crate::layout::{self, Edit};
use crate::manifest::Descriptor;
use crate::toolkit::Toolkit;
use std::path::Path;

/// An image layout in a tar archive, which appears when it is whole.
pub struct LayoutArchive {
    toolkit: Toolkit,
    archive: Archive,
}

impl LayoutArchive {
    /// An archive that will be; `-` is standard output.
    ///
    /// # Errors
    /// [`Error::Destination`](crate::Error::Destination) when something is there that may not be replaced.
    pub fn new(toolkit: &Toolkit, path: &Path, replace: bool) -> Result<Self> {
        Ok(Self { toolkit: toolkit.clone(), archive: Archive::new(toolkit, path, replace)? })
    }
}

impl Sink for LayoutArchive {
    fn prepare(&self, plan: &Plan) -> Result<()> {
        let mut edits = Vec::new();
        for planned in plan.manifests.iter().filter(|planned| planned.listed) {
            edits.extend(planned.tags.iter().map(|tag| Edit::Tag((tag.clone(), planned.descriptor.clone()))));
            if planned.tags.is_empty() {
                edits.push(Edit::Add(planned.descriptor.clone()));
            }
        }
        let index = layout::edit_index(&self.toolkit, None, &edits)?;
        let documents = vec![("index.json", index), ("oci-layout", layout::marker(&self.toolkit)?)];
        self.archive.prepare(plan, documents)
    }

    fn has(&self, _: &Descriptor) -> Result<bool> {
        Ok(false)
    }

    fn put(&self, descriptor: &Descriptor, fetch: &Fetch<'_>, _: &Interrupt) -> Result<Stored> {
        self.archive.put(descriptor, fetch)
    }

    /// All manifests were written at the beginning.
    fn put_manifest(&self, _: &Planned) -> Result<()> {
        Ok(())
    }

    fn finish(&self) -> Result<()> {
        self.archive.finish()
    }

    fn kind(&self) -> &'static str {
        "image layout archive"
    }
}
