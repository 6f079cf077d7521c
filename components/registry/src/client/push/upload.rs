//! Uploading a blob: found there, mounted, in one piece, in chunks, or as a stream whose end nobody knows yet.

use super::{How, Pushed};
use crate::client::address::Address;
use crate::client::exchange::{Ask, Reply};
use crate::client::{Endpoint, Repository, Shared, scope};
use crate::error::{Error, Result};
use crate::http::{Body, Method};
use crate::job::{Desk, Outcome, Step};
use portolan_image::{Algorithm, Descriptor, Digest, MediaType};

/// How often an upload begins at least, where it is lost.
const SESSIONS: u32 = 3;

/// A blob to push.
#[derive(Clone, Debug, PartialEq)]
pub struct BlobPush {
    /// What it is; nothing for a stream, whose digest is told when it has ended.
    pub descriptor: Option<Descriptor>,
    /// Other repositories of the same registry that may have it, best first. Without any the registry may still know one
    /// (U-20).
    pub mount_from: Vec<Repository>,
    /// Bytes of a chunk. Nothing sends the blob in one piece, as long as nothing breaks.
    pub chunk: Option<u64>,
}

impl BlobPush {
    /// A blob by its descriptor.
    #[must_use]
    pub fn of(descriptor: Descriptor) -> Self {
        Self { descriptor: Some(descriptor), mount_from: Vec::new(), chunk: None }
    }

    /// A stream.
    #[must_use]
    pub fn stream() -> Self {
        Self { descriptor: None, mount_from: Vec::new(), chunk: None }
    }
}

/// An upload that has begun.
struct Session {
    /// Where the next request goes (U-12).
    location: Address,
    /// How many bytes the registry has.
    have: u64,
    /// The least bytes of a chunk (U-09).
    least: u64,
}

/// How sending bytes ended.
enum Sent {
    /// The registry has the blob.
    All,
    /// The registry knows nothing of this upload any more.
    Lost(Error),
}

impl Shared {
    pub(in crate::client) async fn push_blob(
        &self,
        desk: &Desk,
        repository: &Repository,
        push: &BlobPush,
    ) -> Result<Outcome> {
        let endpoint = self.endpoint(&repository.registry)?;
        let scopes = [scope(repository, "pull,push")];
        let Some(descriptor) = &push.descriptor else {
            return self.push_stream(desk, &endpoint, repository, &scopes).await;
        };
        let outcome = |how| Outcome::Pushed(Pushed { how, digest: descriptor.digest.clone() });
        let blob = Descriptor::new(MediaType::Empty, descriptor.digest.clone(), descriptor.size);
        if self.is_there(desk, &endpoint, repository, &blob, &scopes).await? {
            return Ok(outcome(How::Present));
        }
        let mut from: Vec<Option<&Repository>> =
            push.mount_from.iter().filter(|from| from.registry == repository.registry).map(Some).collect();
        from.push(None);
        let mut lost = None;
        for begun in 0..self.options.retries.saturating_add(1).max(SESSIONS) {
            let mut session = match self.begin(desk, &endpoint, repository, &descriptor.digest, &from).await? {
                Some(session) => session,
                None => return Ok(outcome(How::Mounted)),
            };
            match self.send_blob(desk, &endpoint, &scopes, descriptor, push.chunk, &mut session).await {
                Ok(Sent::All) => return Ok(outcome(How::Uploaded)),
                Ok(Sent::Lost(error)) => lost = Some(error),
                Err(error) => {
                    self.cancel(desk, &endpoint, &scopes, session).await;
                    return Err(error);
                }
            }
            desk.ask(Step::Wait(self.back_off(begun))).await;
            from = vec![None];
        }
        Err(lost.unwrap_or(Error::InvalidState { reason: "an upload begins" }))
    }

    /// Begins an upload, or has the blob mounted: then there is nothing to send.
    async fn begin(
        &self,
        desk: &Desk,
        endpoint: &Endpoint,
        repository: &Repository,
        digest: &Digest,
        from: &[Option<&Repository>],
    ) -> Result<Option<Session>> {
        let uploads = endpoint.at(repository, "blobs/uploads/");
        let push = scope(repository, "pull,push");
        for from in from {
            let (mut address, mut scopes) = (uploads.clone(), vec![push.clone()]);
            if let Some(from) = from {
                address = address.with_query("mount", &digest.to_string()).with_query("from", &from.name);
                // H-08: the right to read there and to write here, in one token.
                scopes.push(scope(from, "pull"));
            }
            if *digest.algorithm() != Algorithm::Sha256 && from.is_none() {
                // U-08.
                address = address.with_query("digest-algorithm", digest.algorithm().as_str());
            }
            let reply = match self.exchange(desk, endpoint, Ask::new(Method::Post, address, &scopes)).await {
                // Who may not read there can still upload.
                Err(Error::Unauthorized { .. }) if from.is_some() => continue,
                reply => reply?,
            };
            match reply.status() {
                201 if from.is_some() => return Ok(None),
                202 => return session(&reply).map(Some),
                _ if from.is_some() => {}
                _ => return Err(reply.refused()),
            }
        }
        Err(Error::InvalidState { reason: "an upload begins without a mount at last" })
    }

    /// Sends what the registry does not have yet, until it has all.
    async fn send_blob(
        &self,
        desk: &Desk,
        endpoint: &Endpoint,
        scopes: &[String],
        descriptor: &Descriptor,
        chunk: Option<u64>,
        session: &mut Session,
    ) -> Result<Sent> {
        let (size, digest) = (descriptor.size, descriptor.digest.to_string());
        let chunk = chunk.map(|chunk| chunk.max(session.least).max(1));
        let mut stalls = 0;
        loop {
            let left = size - session.have.min(size);
            // The whole in one piece, or the last chunk, rides on the closing request (U-16).
            let is_last = chunk.is_none_or(|chunk| left <= chunk);
            let (offset, length) = (session.have, if is_last { left } else { chunk.unwrap_or(left) });
            let body = if length == 0 { Body::None } else { Body::Blob { offset, length } };
            let (method, address) = if is_last {
                (Method::Put, session.location.with_query("digest", &digest))
            } else {
                (Method::Patch, session.location.clone())
            };
            let mut ask = Ask::new(method, address, scopes).body(body).once();
            if length > 0 {
                ask = ask.with("Content-Type", "application/octet-stream");
            }
            if length > 0 && (offset > 0 || !is_last) {
                // U-10: both ends included, no unit.
                ask = ask.with("Content-Range", format!("{offset}-{}", offset + length - 1));
            }
            let before = session.have;
            let is_whole = is_last && offset == 0 && length > 0;
            let mut is_out_of_order = false;
            let reason = match self.exchange(desk, endpoint, ask).await {
                Ok(reply) if is_last && matches!(reply.status(), 200..300) => {
                    return check_digest(&reply, descriptor).map(|()| Sent::All);
                }
                Ok(reply) if matches!(reply.status(), 202 | 204) => {
                    session.location = reply.location().unwrap_or(session.location.clone());
                    // U-11; what is not said is believed.
                    session.have = received(&reply, session.have).unwrap_or(session.have + length);
                    stalls = if session.have > before { 0 } else { stalls + 1 };
                    if stalls > self.options.retries || session.have > size {
                        let said = session.have;
                        return Err(reply.invalid(format!("{} bytes were sent, it has {said}", offset + length)));
                    }
                    continue;
                }
                Ok(reply) if reply.status() == 404 => return Ok(Sent::Lost(reply.refused())),
                Ok(reply) if matches!(reply.status(), 408 | 416 | 429 | 500..=504) => {
                    is_out_of_order = reply.status() == 416;
                    reply.refused()
                }
                Ok(reply) => return Err(reply.refused()),
                Err(error @ Error::Unreachable { .. }) => error,
                Err(error) => return Err(error),
            };
            stalls += 1;
            if stalls > self.options.retries {
                return Err(reason);
            }
            desk.ask(Step::Wait(self.back_off(stalls - 1))).await;
            // U-14: how far did it come?
            let status = Ask::new(Method::Get, session.location.clone(), scopes);
            match self.exchange(desk, endpoint, status).await? {
                reply if matches!(reply.status(), 200 | 204) => {
                    session.location = reply.location().unwrap_or(session.location.clone());
                    if (is_whole || is_out_of_order && stalls > 1) && is_ambiguous(&reply) {
                        // U-15: where one byte is there, the whole would be appended to it.
                        let lost = Session { location: session.location.clone(), ..*session };
                        self.cancel(desk, endpoint, scopes, lost).await;
                        return Ok(Sent::Lost(reason));
                    }
                    session.have = received(&reply, before).unwrap_or(0).min(size);
                    if session.have > before {
                        stalls = 0;
                    }
                }
                // It may have been closed by a request whose answer was lost.
                reply if reply.status() == 404 => return Ok(Sent::Lost(reason)),
                reply => return Err(reply.refused()),
            }
        }
    }

    /// U-18: no digest, no length, one request.
    async fn push_stream(
        &self,
        desk: &Desk,
        endpoint: &Endpoint,
        repository: &Repository,
        scopes: &[String],
    ) -> Result<Outcome> {
        let uploads = endpoint.at(repository, "blobs/uploads/");
        let reply = self.exchange(desk, endpoint, Ask::new(Method::Post, uploads, scopes)).await?;
        if reply.status() != 202 {
            return Err(reply.refused());
        }
        let mut session = session(&reply)?;
        let ask = Ask::new(Method::Patch, session.location.clone(), scopes)
            .with("Content-Type", "application/octet-stream")
            .body(Body::Stream)
            .once();
        let closed = async {
            let reply = self.exchange(desk, endpoint, ask).await?;
            if !matches!(reply.status(), 202 | 204) {
                return Err(reply.refused());
            }
            session.location = reply.location()?;
            let digest: Digest = desk.streamed()?.parse()?;
            let close = Ask::new(Method::Put, session.location.with_query("digest", &digest.to_string()), scopes);
            let reply = self.exchange(desk, endpoint, close.once()).await?;
            if !reply.head.is_success() {
                return Err(reply.refused());
            }
            Ok(Outcome::Pushed(Pushed { how: How::Uploaded, digest }))
        };
        match closed.await {
            Ok(outcome) => Ok(outcome),
            Err(error) => {
                self.cancel(desk, endpoint, scopes, session).await;
                Err(error)
            }
        }
    }

    /// U-17; that it fails does not matter, and is not waited for twice.
    async fn cancel(&self, desk: &Desk, endpoint: &Endpoint, scopes: &[String], session: Session) {
        let ask = Ask::new(Method::Delete, session.location, scopes).once();
        let _ = self.exchange(desk, endpoint, ask).await;
    }
}

fn session(reply: &Reply) -> Result<Session> {
    let least = reply.head.header("oci-chunk-min-length").and_then(|least| least.parse().ok()).unwrap_or(0);
    Ok(Session { location: reply.location()?, have: 0, least })
}

/// How many bytes an answer says are there; `before` were, as far as we knew.
///
/// U-15: `0-0` is one byte, or how a registry says none; before the first chunk went through it is none.
fn received(reply: &Reply, before: u64) -> Option<u64> {
    let range = reply.head.header("range")?;
    let last: u64 = range.trim_start_matches("bytes=").split_once('-')?.1.trim().parse().ok()?;
    Some(if last == 0 && before == 0 { 0 } else { last.saturating_add(1) })
}

/// Whether an answer says `0-0`, which is one byte, or none.
fn is_ambiguous(reply: &Reply) -> bool {
    reply.head.header("range").is_some_and(|range| range.trim_start_matches("bytes=").trim() == "0-0")
}

fn check_digest(reply: &Reply, descriptor: &Descriptor) -> Result<()> {
    let said = reply.head.header("docker-content-digest").and_then(|digest| digest.parse::<Digest>().ok());
    match said {
        Some(said) if said.algorithm() == descriptor.digest.algorithm() && said != descriptor.digest => {
            Err(reply.invalid(format!("{} was pushed, it says {said}", descriptor.digest)))
        }
        _ => Ok(()),
    }
}
