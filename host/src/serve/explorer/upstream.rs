//! What the page asks of other registries, asked by this machine's own client.

use crate::error::{Error, ErrorCode};
use crate::manifest::Descriptor;
use crate::reference::Selector;
use crate::registry::{Registries, Repository};
use crate::serve::answer::{Answer, Asked, document, set};
use crate::serve::content::Content;
use crate::serve::proxy::{bad, refusal, unmeasured};
use crate::serve::pull::{DIGEST, name_content};
use crate::serve::receive::blocking;
use crate::source::Blob;
use crate::store::Failure;
use bytes::Bytes;
use http::header::{self, HeaderName};
use http::{Response, StatusCode};
use portolan_image::Digest;
use portolan_registry::server::range::content_range;
use portolan_registry::server::refusal::JSON;
use portolan_registry::server::{Code, Reference, Refusal, Route, referrers};
use std::io::{self, Read as _};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// How many requests are on their way at once: each has a thread.
const AT_ONCE: usize = 32;
/// How many bytes of a blob are read at once, and how many such pieces may wait for the page.
const PIECE: usize = 128 << 10;
const WAITING: usize = 4;
/// Docker Hub, by its name and by those of its API.
const DOCKER_HUB: [&str; 3] = ["docker.io", "registry-1.docker.io", "index.docker.io"];

/// Turns at asking.
pub(super) type Turns = Arc<Semaphore>;

pub(super) fn turns() -> Turns {
    Arc::new(Semaphore::new(AT_ONCE))
}

/// Whether a text is a host, with a port or without.
pub(in crate::serve) fn is_host(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('.')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte))
}

/// The one name of a registry.
pub(super) fn canonical(host: &str) -> String {
    let host = host.to_ascii_lowercase();
    if DOCKER_HUB.contains(&host.as_str()) { DOCKER_HUB[0].to_owned() } else { host }
}

/// Every host that a client asks for this registry.
pub(super) fn aliases(registry: &str) -> Vec<&str> {
    if registry == DOCKER_HUB[0] { DOCKER_HUB.to_vec() } else { vec![registry] }
}

/// Answers what `/v2/...` asks for as the registry would.
pub(super) async fn answer(
    registries: &Registries,
    turns: &Turns,
    registry: &str,
    asked: &Asked,
    path: &str,
) -> Result<Answer, Failure> {
    let Some(route) = Route::parse(path)? else {
        return Err(Refusal::new(Code::Unsupported, "of other registries, only what is below /v2/ is asked")
            .with_status(404)
            .into());
    };
    let Ok(turn) = Arc::clone(turns).acquire_owned().await else {
        return Err(Refusal::new(Code::TooManyRequests, "the server stops").into());
    };
    let registries = registries.clone();
    let at = |name: String| Repository { registry: registry.to_owned(), name };
    let is_head = asked.is_head();
    match route {
        Route::Ping => {
            let registry = registry.to_owned();
            blocking(move || registries.ping(&registry).map_err(|error| refused(&error, Code::NameUnknown))).await?;
            Ok(document(StatusCode::OK, JSON, b"{}".to_vec(), is_head))
        }
        Route::Manifest { name, reference } => {
            let (place, selector) = (at(name), selector(&reference));
            let resolve =
                move || registries.resolve(&place, &selector).map_err(|error| refused(&error, Code::ManifestUnknown));
            let pulled = blocking(resolve).await?;
            let mut answer = document(StatusCode::OK, &pulled.descriptor.media_type, pulled.bytes, is_head);
            set(&mut answer, DIGEST, &pulled.descriptor.digest);
            Ok(answer)
        }
        Route::Blob { name, digest } => blob(registries, turn, at(name), digest, asked).await,
        Route::Tags { name } => {
            let place = at(name.clone());
            let tags =
                blocking(move || registries.tags(&place).map_err(|error| refused(&error, Code::NameUnknown))).await?;
            let body = serde_json::json!({ "name": name, "tags": tags }).to_string();
            Ok(document(StatusCode::OK, JSON, body.into_bytes(), is_head))
        }
        Route::Referrers { name, digest } => {
            let (place, wanted) = (at(name), asked.query.value("artifactType").map(str::to_owned));
            let is_filtered = wanted.is_some();
            let list = move || {
                let found = registries.referrers(&place, &digest.to_string(), wanted.as_deref());
                found.map_err(|error| refused(&error, Code::NameUnknown))
            };
            let manifests: Vec<_> = blocking(list).await?.iter().map(listed).collect();
            let index = serde_json::json!({
                "schemaVersion": 2,
                "mediaType": referrers::CONTENT_TYPE,
                "manifests": manifests,
            });
            let body = index.to_string().into_bytes();
            let mut answer = document(StatusCode::OK, referrers::CONTENT_TYPE, body, is_head);
            if is_filtered {
                set(&mut answer, HeaderName::from_static("oci-filters-applied"), "artifactType");
            }
            Ok(answer)
        }
        Route::Catalog | Route::Uploads { .. } | Route::Upload { .. } => {
            Err(Refusal::new(Code::Unsupported, "this is not asked of other registries").into())
        }
    }
}

/// A blob as it comes, or its bytes from some place on.
async fn blob(
    registries: Registries,
    turn: OwnedSemaphorePermit,
    place: Repository,
    digest: Digest,
    asked: &Asked,
) -> Result<Answer, Failure> {
    let is_head = asked.is_head();
    let wanted = asked.header(header::RANGE).filter(|_| !is_head).and_then(range);
    let (first, last) = wanted.unwrap_or((0, None));
    let descriptor = unmeasured(&digest);
    let fetch = move || {
        let found = registries.fetch(&place, &descriptor, first);
        let found = found.map_err(|error| match &error {
            Error::Image { code: ErrorCode::SizeMismatch, .. } if first > 0 => beyond().into(),
            _ => refused(&error, Code::BlobUnknown),
        })?;
        found.ok_or_else(|| Refusal::new(Code::BlobUnknown, "the other registry does not have this blob").into())
    };
    let blob: Blob = blocking(fetch).await?;
    // Where the registry did not say how long it is, nothing is said about it.
    let left = Some(blob.size()).filter(|size| *size != u64::MAX);
    if left == Some(0) && first > 0 {
        return Err(beyond().into());
    }
    let end = left.map(|left| first.saturating_add(left));
    let last = match (last, end) {
        (Some(last), Some(end)) => Some(last.min(end.saturating_sub(1))),
        (last, end) => last.or(end.and_then(|end| end.checked_sub(1))),
    };
    let length = last.map(|last| last.saturating_add(1).saturating_sub(first)).filter(|_| wanted.is_some()).or(left);
    let mut answer = match is_head {
        true => Response::new(Content::Empty),
        false => Response::new(Content::stream(pump(blob, length.unwrap_or(u64::MAX), turn), length)),
    };
    if wanted.is_some() {
        let (Some(last), Some(_)) = (last, length) else {
            return Err(bad("it does not say how long the blob is, so no part of it can be told".to_owned()).into());
        };
        *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
        let range = end.map_or_else(|| format!("bytes {first}-{last}/*"), |end| content_range(first, last, end));
        set(&mut answer, header::CONTENT_RANGE, &range);
    }
    if let Some(length) = length {
        set(&mut answer, header::CONTENT_LENGTH, &length.to_string());
    }
    set(&mut answer, header::CONTENT_TYPE, "application/octet-stream");
    set(&mut answer, header::ACCEPT_RANGES, "bytes");
    name_content(&mut answer, &digest);
    Ok(answer)
}

/// Reads a blob in a thread of its own, as fast as the page takes it.
fn pump(blob: Blob, most: u64, turn: OwnedSemaphorePermit) -> mpsc::Receiver<io::Result<Bytes>> {
    let (sender, receiver) = mpsc::channel(WAITING);
    tokio::task::spawn_blocking(move || {
        let _turn = turn;
        let mut reader = blob.take(most);
        loop {
            let mut piece = vec![0; PIECE];
            let read = reader.read(&mut piece);
            let is_last = !matches!(read, Ok(length) if length > 0);
            let piece = match read {
                Ok(0) => return,
                Ok(length) => {
                    piece.truncate(length);
                    Ok(Bytes::from(piece))
                }
                Err(error) => Err(error),
            };
            // Nobody takes it when the page has gone.
            if sender.blocking_send(piece).is_err() || is_last {
                return;
            }
        }
    });
    receiver
}

/// There is nothing of the blob where a range begins.
fn beyond() -> Refusal {
    Refusal::new(Code::SizeInvalid, "the blob ends before this range").with_status(416)
}

/// The bytes of a `Range` with a beginning; every other one may be ignored (RFC 9110 section 14.2).
fn range(value: &str) -> Option<(u64, Option<u64>)> {
    let (first, last) = value.trim().strip_prefix("bytes=")?.split_once('-')?;
    let first = first.parse().ok()?;
    match last {
        "" => Some((first, None)),
        last => last.parse().ok().filter(|last| *last >= first).map(|last| (first, Some(last))),
    }
}

fn selector(reference: &Reference) -> Selector {
    match reference {
        Reference::Tag(tag) => Selector { tag: Some(tag.clone()), digest: None },
        Reference::Digest(digest) => Selector { tag: None, digest: Some(digest.to_string()) },
    }
}

/// A descriptor as a list of referrers has it.
fn listed(descriptor: &Descriptor) -> serde_json::Value {
    let mut value = serde_json::json!({
        "mediaType": descriptor.media_type,
        "digest": descriptor.digest,
        "size": descriptor.size,
    });
    if let Some(artifact_type) = &descriptor.artifact_type {
        value["artifactType"] = artifact_type.as_str().into();
    }
    if !descriptor.annotations.is_empty() {
        let members = descriptor.annotations.iter().map(|one| (one.key.clone(), one.value.clone().into()));
        value["annotations"] = serde_json::Value::Object(members.collect());
    }
    value
}

/// What the page is told of an error.
fn refused(error: &Error, code: Code) -> Failure {
    match error {
        Error::Image { code: ErrorCode::Unauthorized, message } => Refusal::new(Code::Denied, message.clone()).into(),
        error => refusal(error, code).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_a_beginning() {
        assert_eq!(range("bytes=5-"), Some((5, None)));
        assert_eq!(range("bytes=5-9"), Some((5, Some(9))));
        for ignored in ["bytes=-5", "bytes=9-5", "bytes=1-2,4-5", "lines=1-", "bytes=x-"] {
            assert_eq!(range(ignored), None, "{ignored}");
        }
    }

    #[test]
    fn docker_hub_has_one_name() {
        assert_eq!(canonical("Registry-1.Docker.io"), "docker.io");
        assert_eq!(canonical("ghcr.io"), "ghcr.io");
        assert!(is_host("localhost:5000") && !is_host("a/b") && !is_host("..") && !is_host("a@b") && !is_host(""));
    }
}
