//! What changes a registry: pushing to it and deleting there.

use crate::bindings::exports::portolan::image::push::BlobPush;
use crate::bindings::exports::portolan::image::registry::Outcome;
use crate::error::Result;
use crate::manifest::Descriptor;
use crate::reference::Selector;
use crate::registry::{Pushed, Registries, Repository, body, unexpected};
use crate::sink::Fetch;
use crate::source::Blob;

impl Registries {
    /// Pushes a blob, unless it is there or in one of the other repositories of the same registry that are named.
    /// `read` gives its bytes from an offset on, as often as it takes.
    ///
    /// # Errors
    /// Whatever registries can do, what `read` answers, and that the bytes are not what the descriptor says.
    pub fn push_blob(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
        mount_from: &[String],
        read: &Fetch<'_>,
    ) -> Result<Pushed> {
        let push = BlobPush { mount_from: mount_from.to_vec(), chunk: self.chunk() };
        let job = self.job(|exports, store, client| {
            exports.portolan_image_push().call_blob(store, client, repository, descriptor, &push)
        })?;
        match job.complete(Some(&body::Push { descriptor, read }))? {
            Outcome::Pushed(pushed) => Ok(pushed),
            outcome => Err(unexpected(&outcome)),
        }
    }

    /// Pushes all that a reader gives as one blob, whose digest is computed on the way.
    ///
    /// # Errors
    /// Whatever registries can do, and what reading says.
    pub fn push_stream(&self, repository: &Repository, reader: Blob) -> Result<(Pushed, u64)> {
        let job =
            self.job(|exports, store, client| exports.portolan_image_push().call_stream(store, client, repository))?;
        job.stream(reader)
    }

    /// Pushes a manifest or index with its tags.
    ///
    /// # Errors
    /// Whatever registries can do, and what is wrong with the document.
    pub fn push_manifest(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
        bytes: &[u8],
        tags: &[String],
    ) -> Result<()> {
        let run = self.run(|exports, store, client| {
            exports.portolan_image_push().call_manifest(store, client, repository, descriptor, bytes, tags)
        });
        run.map(drop)
    }

    /// Deletes a tag; or a manifest by its digest, with all its tags.
    ///
    /// # Errors
    /// `reference-not-found`, `registry-refused`, and whatever else registries can do.
    pub fn delete(&self, repository: &Repository, selector: &Selector) -> Result<()> {
        self.run(|exports, store, client| {
            exports.portolan_image_push().call_delete_manifest(store, client, repository, selector)
        })
        .map(drop)
    }

    /// Deletes a blob.
    ///
    /// # Errors
    /// `blob-not-found`, `registry-refused`, and whatever else registries can do.
    pub fn delete_blob(&self, repository: &Repository, digest: &str) -> Result<()> {
        let run = self.run(|exports, store, client| {
            exports.portolan_image_push().call_delete_blob(store, client, repository, digest)
        });
        run.map(drop)
    }
}
