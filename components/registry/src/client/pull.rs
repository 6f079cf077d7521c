//! Pulling: manifests whole, blobs as they come.

use super::exchange::{Ask, Reply};
use super::{Endpoint, Reference, Repository, Shared, not_found, scope};
use crate::error::{Error, Result};
use crate::http::Method;
use crate::job::{Answer, Desk, Outcome, Step};
use portolan_image::digest::digest_bytes;
use portolan_image::media_type::base;
use portolan_image::{Algorithm, Descriptor, Digest, Document, MediaType};

/// The manifest types that are understood.
pub(super) const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";
/// The size of a blob that nobody knows.
const UNMEASURED: u64 = u64::MAX;
/// How often a blob may be gone on with, beyond the retries, for so many bytes: a server that drips would otherwise have us
/// begin anew for ever (row 55).
const DRIPS: u32 = 8;
const PROGRESS: u64 = 16 << 10;
/// What servers say that know no better: the document itself tells then.
const SAYING_NOTHING: [&str; 4] = ["application/octet-stream", "application/json", "text/plain", "binary/octet-stream"];

/// A manifest or index, verified.
#[derive(Clone, Debug, PartialEq)]
pub struct Pulled {
    /// What it is, by the digest that was asked for or that the registry knows it by.
    pub descriptor: Descriptor,
    /// The bytes as they were received.
    pub bytes: Vec<u8>,
}

impl Shared {
    pub(super) async fn resolve(&self, desk: &Desk, repository: &Repository, reference: &Reference) -> Result<Outcome> {
        let pulled = self.pull_manifest(desk, repository, reference).await?;
        pulled.map(Outcome::Manifest).ok_or_else(|| not_found(repository, reference))
    }

    /// A manifest from the first place that has it; nothing where none has.
    pub(super) async fn pull_manifest(
        &self,
        desk: &Desk,
        repository: &Repository,
        reference: &Reference,
    ) -> Result<Option<Pulled>> {
        let mut endpoints = self.endpoints(repository)?.into_iter().peekable();
        while let Some(endpoint) = endpoints.next() {
            match self.pull_manifest_from(desk, &endpoint, repository, reference).await {
                Ok(None) | Err(_) if endpoints.peek().is_some() => {}
                result => return result,
            }
        }
        Ok(None)
    }

    /// A manifest from one place.
    pub(super) async fn pull_manifest_from(
        &self,
        desk: &Desk,
        endpoint: &Endpoint,
        repository: &Repository,
        reference: &Reference,
    ) -> Result<Option<Pulled>> {
        let ask = Ask::new(
            Method::Get,
            endpoint.at(repository, &format!("manifests/{reference}")),
            &[scope(repository, "pull")],
        )
        .with("Accept", ACCEPT)
        .read(self.limits.manifest_bytes);
        let reply = self.exchange(desk, endpoint, ask).await?;
        match reply.status() {
            200 => self.verified(&reply, reference).map(Some),
            404 => Ok(None),
            _ => Err(reply.refused()),
        }
    }

    /// Verifies a manifest against the digest that was asked for, or that the registry says, and that it is
    /// what it is said to be.
    fn verified(&self, reply: &Reply, reference: &Reference) -> Result<Pulled> {
        check_encoding(reply)?;
        let bytes = reply.body.clone();
        let size = bytes.len() as u64;
        let promised = match reference {
            Reference::Digest(digest) => Some(digest.clone()),
            Reference::Tag(_) => digest_header(reply)?,
        };
        let digest = match promised {
            // by tag it may be any algorithm, one that we cannot compute too.
            Some(digest)
                if !matches!(digest.algorithm(), Algorithm::Other(_)) || matches!(reference, Reference::Digest(_)) =>
            {
                Descriptor::new(MediaType::ImageManifest, digest.clone(), size).verify(&bytes, self.hashes.as_ref())?;
                digest
            }
            _ => digest_bytes(self.hashes.as_ref(), &Algorithm::Sha256, &bytes)?,
        };
        let returned = reply.head.header("content-type").filter(|name| !SAYING_NOTHING.contains(&base(name).as_str()));
        let document = Document::parse(&bytes, returned, &self.limits)?;
        let mut descriptor = Descriptor::new(document.media_type(), digest, size);
        descriptor.artifact_type = match &document {
            Document::Manifest(manifest) => manifest.declared_artifact_type.clone(),
            Document::Index(index) => index.artifact_type.clone(),
        };
        Ok(Pulled { descriptor, bytes })
    }

    pub(super) async fn stat(&self, desk: &Desk, repository: &Repository, reference: &Reference) -> Result<Outcome> {
        let endpoint = self.endpoint(&repository.registry)?;
        let address = endpoint.at(repository, &format!("manifests/{reference}"));
        let ask = Ask::new(Method::Head, address, &[scope(repository, "pull")]).with("Accept", ACCEPT);
        let reply = self.exchange(desk, &endpoint, ask).await?;
        match reply.status() {
            404 => return Ok(Outcome::Descriptor(None)),
            200 | 405 | 501 => {}
            _ => return Err(reply.refused()),
        }
        let known = || {
            let media_type = MediaType::from_content_type(reply.head.header("content-type")?).ok()?;
            let size = reply.head.header("content-length")?.parse().ok()?;
            let digest = match (reference, digest_header(&reply).ok()?) {
                (Reference::Digest(digest), _) => digest.clone(),
                (Reference::Tag(_), digest) => digest?,
            };
            Some(Descriptor::new(media_type, digest, size))
        };
        match known().filter(|descriptor| reply.status() == 200 && descriptor.is_document()) {
            Some(descriptor) => Ok(Outcome::Descriptor(Some(descriptor))),
            // the headers do not say, so the bytes must.
            None => {
                let pulled = self.pull_manifest_from(desk, &endpoint, repository, reference).await?;
                Ok(Outcome::Descriptor(pulled.map(|pulled| pulled.descriptor)))
            }
        }
    }

    pub(super) async fn has(&self, desk: &Desk, repository: &Repository, descriptor: &Descriptor) -> Result<Outcome> {
        let endpoint = self.endpoint(&repository.registry)?;
        let there = self.is_there(desk, &endpoint, repository, descriptor, &[scope(repository, "pull")]).await?;
        Ok(Outcome::Descriptor(there.then(|| descriptor.clone())))
    }

    /// Whether a blob or manifest is in a repository. That nothing is said of it is no error: it is pushed then.
    pub(super) async fn is_there(
        &self,
        desk: &Desk,
        endpoint: &Endpoint,
        repository: &Repository,
        descriptor: &Descriptor,
        scopes: &[String],
    ) -> Result<bool> {
        let ask = Ask::new(Method::Head, endpoint.at(repository, &place(descriptor)), scopes).with("Accept", ACCEPT);
        let reply = self.exchange(desk, endpoint, ask).await?;
        match reply.status() {
            200 => {
                let length = reply.head.header("content-length").and_then(|length| length.parse::<u64>().ok());
                Ok(length.is_none_or(|length| length == descriptor.size))
            }
            404 | 405 | 501 => Ok(false),
            _ => Err(reply.refused()),
        }
    }

    pub(super) async fn fetch(
        &self,
        desk: &Desk,
        repository: &Repository,
        descriptor: &Descriptor,
        offset: u64,
    ) -> Result<Outcome> {
        let mut endpoints = self.endpoints(repository)?.into_iter().peekable();
        let mut have = offset;
        while let Some(endpoint) = endpoints.next() {
            let fetched = self.fetch_from(desk, &endpoint, repository, descriptor, &mut have).await;
            match fetched {
                // What a mirror has delivered stays good: the next one goes on from there.
                Err(_) if endpoints.peek().is_some() => {}
                result => return result.map(|()| Outcome::Done),
            }
        }
        Ok(Outcome::Done)
    }

    async fn fetch_from(
        &self,
        desk: &Desk,
        endpoint: &Endpoint,
        repository: &Repository,
        descriptor: &Descriptor,
        have: &mut u64,
    ) -> Result<()> {
        let (mut stalls, mut drips, mut reached) = (0, 0, *have);
        loop {
            let address = endpoint.at(repository, &place(descriptor));
            let mut ask = Ask::new(Method::Get, address, &[scope(repository, "pull")]);
            if descriptor.is_document() {
                ask = ask.with("Accept", ACCEPT);
            }
            if *have > 0 {
                ask = ask.with("Range", format!("bytes={have}-"));
            }
            let reply = self.exchange(desk, endpoint, ask).await?;
            let skip = match reply.status() {
                200 => *have,
                206 => {
                    check_range(&reply, *have)?;
                    0
                }
                404 => {
                    let (repository, digest) = (repository.to_string(), descriptor.digest.to_string());
                    return Err(Error::BlobNotFound { repository, digest });
                }
                416 => return Err(size_mismatch(descriptor, *have)),
                _ => return Err(reply.refused()),
            };
            check_encoding(&reply)?;
            let Answer::Delivered { bytes, is_complete } = desk.ask(Step::Deliver { skip }).await else {
                return Err(Error::InvalidState { reason: "a body is delivered" });
            };
            *have = have.saturating_add(bytes);
            // Bytes too many are for whoever verifies.
            if *have >= descriptor.size || descriptor.size == UNMEASURED && is_complete {
                return Ok(());
            }
            stalls = if bytes > 0 { 0 } else { stalls + 1 };
            drips += 1;
            if *have - reached >= PROGRESS {
                (drips, reached) = (0, *have);
            }
            if stalls > self.options.retries || drips > self.options.retries.saturating_add(DRIPS) {
                let reason = format!("the body breaks off after {have} of {} bytes", descriptor.size);
                return Err(if is_complete {
                    size_mismatch(descriptor, *have)
                } else {
                    Error::Unreachable { request: reply.request, reason }
                });
            }
            desk.ask(Step::Wait(self.back_off(stalls))).await;
        }
    }
}

/// Where a descriptor's bytes are, below a repository.
pub(super) fn place(descriptor: &Descriptor) -> String {
    let kind = if descriptor.is_document() { "manifests" } else { "blobs" };
    format!("{kind}/{}", descriptor.digest)
}

fn size_mismatch(descriptor: &Descriptor, actual: u64) -> Error {
    let (digest, expected) = (descriptor.digest.clone(), descriptor.size);
    portolan_image::Error::SizeMismatch { digest, expected, actual }.into()
}

/// What the registry says the digest is.
fn digest_header(reply: &Reply) -> Result<Option<Digest>> {
    let value = reply.head.header("docker-content-digest");
    value
        .map(|value| value.parse().map_err(|error: portolan_image::Error| reply.invalid(error.to_string())))
        .transpose()
}

/// The bytes of a blob are those that have the digest: nothing is decoded on the way (row 32).
fn check_encoding(reply: &Reply) -> Result<()> {
    match reply.head.header("content-encoding") {
        None | Some("" | "identity") => Ok(()),
        Some(encoding) => Err(reply.invalid(format!("the body is encoded as {encoding}, which was not asked for"))),
    }
}

/// A part must be the part that was asked for.
fn check_range(reply: &Reply, start: u64) -> Result<()> {
    let range = reply.head.header("content-range").unwrap_or_default();
    let found = range.trim_start_matches("bytes").trim().split('-').next().and_then(|first| first.parse::<u64>().ok());
    if found == Some(start) {
        return Ok(());
    }
    Err(reply.invalid(format!("bytes from {start} on were asked for, the answer holds {range:?}")))
}
