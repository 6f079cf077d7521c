//! Pushing: blobs by one of several ways, manifests with their tags.

use super::exchange::Ask;
use super::referrers::{About, Change};
use super::{Endpoint, Reference, Repository, Shared, scope};
use crate::error::{Error, Result};
use crate::http::{Body, Method};
use crate::job::{Desk, Outcome};
use portolan_image::digest::{Hashes, digest_bytes};
use portolan_image::{Algorithm, Descriptor, Digest, Document, Limits};

mod upload;
pub use upload::BlobPush;

/// How a blob came into a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It was there.
    Present,
    /// The registry took it from another repository (U-19).
    Mounted,
    /// Its bytes were sent.
    Uploaded,
}

/// What came of pushing a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// How it came there.
    pub how: How,
    /// Its digest.
    pub digest: Digest,
}

/// A manifest or index to push.
#[derive(Clone, Debug, PartialEq)]
pub struct ManifestPush {
    /// What it is.
    pub descriptor: Descriptor,
    /// The exact bytes.
    pub bytes: Vec<u8>,
    /// The tags it gets; without any it is known by its digest.
    pub tags: Vec<String>,
    /// Only where the tag names this now, or nothing; where registries know conditions.
    pub(super) instead_of: Option<Option<Digest>>,
}

impl ManifestPush {
    /// A manifest by its bytes, under its SHA-256 digest and without tags.
    ///
    /// # Errors
    /// Those of [`Document::parse`].
    pub fn new(bytes: Vec<u8>, hashes: &dyn Hashes, limits: &Limits) -> Result<Self> {
        let media_type = Document::parse(&bytes, None, limits)?.media_type();
        let digest = digest_bytes(hashes, &Algorithm::Sha256, &bytes)?;
        Ok(Self::of(Descriptor::new(media_type, digest, bytes.len() as u64), bytes))
    }

    /// A manifest that is known by its descriptor.
    #[must_use]
    pub fn of(descriptor: Descriptor, bytes: Vec<u8>) -> Self {
        Self { descriptor, bytes, tags: Vec::new(), instead_of: None }
    }

    /// The same with tags.
    #[must_use]
    pub fn with_tags(self, tags: Vec<String>) -> Self {
        Self { tags, ..self }
    }
}

impl Shared {
    pub(super) async fn push_manifest(
        &self,
        desk: &Desk,
        repository: &Repository,
        push: &ManifestPush,
    ) -> Result<Outcome> {
        for tag in &push.tags {
            Reference::tag(tag)?;
        }
        push.descriptor.verify(&push.bytes, self.hashes.as_ref())?;
        let document = Document::parse(&push.bytes, Some(push.descriptor.media_type.as_str()), &self.limits)?;
        let endpoint = self.endpoint(&repository.registry)?;
        let processed = self.put_manifest(desk, &endpoint, repository, push).await?.unwrap_or_default();
        let About { subject, artifact_type, annotations } = About::of(&document);
        if let Some(subject) = subject.filter(|_| !processed.is_subject_known) {
            // U-39: the registry has no list of referrers, so we keep it.
            let mut descriptor =
                Descriptor::new(document.media_type(), push.descriptor.digest.clone(), push.descriptor.size);
            (descriptor.artifact_type, descriptor.annotations) = (artifact_type, annotations);
            self.update_tag(desk, &endpoint, repository, &subject, Change::Add(Box::new(descriptor))).await?;
        }
        Ok(Outcome::Done)
    }

    /// Puts a manifest and its tags; nothing when a condition was not met.
    pub(super) async fn put_manifest(
        &self,
        desk: &Desk,
        endpoint: &Endpoint,
        repository: &Repository,
        push: &ManifestPush,
    ) -> Result<Option<Processed>> {
        let is_sha256 = *push.descriptor.digest.algorithm() == Algorithm::Sha256;
        let by_digest = Reference::Digest(push.descriptor.digest.clone());
        // A tag alone says which digest only where both sides take the same algorithm for granted.
        if let ([tag], true) = (push.tags.as_slice(), is_sha256) {
            return self.put(desk, endpoint, repository, push, &Reference::Tag(tag.clone()), &[]).await;
        }
        let Some(processed) = self.put(desk, endpoint, repository, push, &by_digest, &push.tags).await? else {
            return Ok(None);
        };
        for tag in push.tags.iter().filter(|tag| !processed.tags.contains(tag)) {
            if !is_sha256 {
                let reason = format!(
                    "the registry takes no tags with a manifest, so {tag} cannot be given to {}",
                    push.descriptor.digest
                );
                return Err(Error::Refused { request: format!("PUT {repository}@{}", push.descriptor.digest), reason });
            }
            // U-36.
            self.put(desk, endpoint, repository, push, &Reference::Tag(tag.clone()), &[]).await?;
        }
        Ok(Some(processed))
    }

    async fn put(
        &self,
        desk: &Desk,
        endpoint: &Endpoint,
        repository: &Repository,
        push: &ManifestPush,
        reference: &Reference,
        tags: &[String],
    ) -> Result<Option<Processed>> {
        let mut address = endpoint.at(repository, &format!("manifests/{reference}"));
        for tag in tags {
            address = address.with_query("tag", tag);
        }
        let mut ask = Ask::new(Method::Put, address, &[scope(repository, "pull,push")])
            .with("Content-Type", push.descriptor.media_type.as_str())
            .body(Body::Bytes(push.bytes.clone()));
        match &push.instead_of {
            Some(Some(digest)) => ask = ask.with("If-Match", format!("\"{digest}\"")),
            Some(None) => ask = ask.with("If-None-Match", "*"),
            None => {}
        }
        let reply = self.exchange(desk, endpoint, ask).await?;
        match reply.status() {
            200..300 => {}
            412 => return Ok(None),
            // Too many tags for one address (U-35): each by itself then.
            414 | 431 if !tags.is_empty() => {
                return Box::pin(self.put(desk, endpoint, repository, push, reference, &[])).await;
            }
            _ => return Err(reply.refused()),
        }
        if let Some(digest) = reply.head.header("docker-content-digest") {
            let same_algorithm = digest.split(':').next() == Some(push.descriptor.digest.algorithm().as_str());
            if same_algorithm && digest != push.descriptor.digest.to_string() {
                // U-32.
                return Err(reply.invalid(format!("{} was pushed, it says {digest}", push.descriptor.digest)));
            }
        }
        let tags = reply.head.values("oci-tag").flat_map(|value| value.split(',')).map(|tag| tag.trim().to_owned());
        Ok(Some(Processed { tags: tags.collect(), is_subject_known: reply.head.header("oci-subject").is_some() }))
    }
}

/// What a registry has done with a manifest beside keeping it.
#[derive(Default)]
pub(super) struct Processed {
    tags: Vec<String>,
    is_subject_known: bool,
}
