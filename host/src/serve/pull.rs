//! What only reads: blobs, manifests, lists of tags and of referrers.

use super::answer::{Answer, Asked, Registry, document, empty, set};
use super::content::Content;
use crate::store::{Failure, Repository, unknown_blob, unknown_manifest};
use http::header::{self, HeaderName};
use http::{Response, StatusCode};
use portolan_image::Digest;
use portolan_registry::server::range::{Part, content_range};
use portolan_registry::server::refusal::JSON;
use portolan_registry::server::{Code, Reference, Refusal, Route, condition, referrers, tags};
use std::sync::Arc;

pub(super) const DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

impl Registry {
    pub(super) fn repository(&self, name: &str) -> Result<Arc<Repository>, Failure> {
        let unknown = || Refusal::new(Code::NameUnknown, format!("there is no repository {name}"));
        Ok(self.store.find(name).ok_or_else(unknown)?)
    }

    /// Answers a GET or a HEAD.
    pub(super) fn pull(&self, asked: &Asked, route: &Route) -> Result<Answer, Failure> {
        match route {
            Route::Ping => Ok(document(StatusCode::OK, JSON, b"{}".to_vec(), asked.is_head())),
            Route::Catalog => {
                let names = self.store.names()?;
                let page = tags::catalog(names.iter().map(String::as_str), &asked.query)?;
                Ok(list(page, asked))
            }
            Route::Tags { name } => {
                let state = self.repository(name)?.state()?;
                Ok(list(tags::tags(name, state.tags(), &asked.query)?, asked))
            }
            Route::Referrers { name, digest } => {
                // Of a repository that is not there nothing refers to anything: never 404 (W-10).
                let state = self.store.find(name).map(|repository| repository.state()).transpose()?.unwrap_or_default();
                let found = state.referrers(digest);
                let page = referrers::page(name, digest, found, &asked.query, referrers::PAGE_BYTES)?;
                let mut answer = document(StatusCode::OK, referrers::CONTENT_TYPE, page.body, asked.is_head());
                if let Some(link) = page.link {
                    set(&mut answer, header::LINK, &link);
                }
                if let Some(filters) = page.filters {
                    set(&mut answer, HeaderName::from_static("oci-filters-applied"), filters);
                }
                Ok(answer)
            }
            Route::Manifest { name, reference } => {
                let repository = self.repository(name)?;
                send_manifest(asked, &repository, reference)
            }
            Route::Blob { name, digest } => {
                let repository = self.store.find(name).ok_or_else(|| unknown_blob(digest))?;
                send_blob(asked, &repository, digest)
            }
            Route::Uploads { .. } | Route::Upload { .. } => {
                Err(Refusal::new(Code::Unsupported, "an upload is not read like this").into())
            }
        }
    }
}

fn list(page: tags::Page, asked: &Asked) -> Answer {
    let mut answer = document(StatusCode::OK, JSON, page.body, asked.is_head());
    if let Some(link) = page.link {
        set(&mut answer, header::LINK, &link);
    }
    answer
}

/// Sends a manifest as it was pushed, whatever `Accept` says.
pub(super) fn send_manifest(asked: &Asked, repository: &Repository, reference: &Reference) -> Result<Answer, Failure> {
    let state = repository.state()?;
    let (digest, text) = match reference {
        Reference::Tag(tag) => (state.tag(tag), tag.clone()),
        Reference::Digest(digest) => (Some(digest), digest.to_string()),
    };
    let manifest = digest.and_then(|digest| state.manifest(digest));
    let manifest = manifest.ok_or_else(|| unknown_manifest(repository.name(), &text))?;
    let (file, size) = match repository.open_blob(&manifest.digest) {
        Err(Failure::Refused(_)) => return Err(unknown_manifest(repository.name(), &text).into()),
        opened => opened?,
    };
    if size != manifest.size {
        return Err(unknown_manifest(repository.name(), &text).into());
    }
    if is_unchanged(asked, &manifest.digest) {
        return Ok(unchanged(&manifest.digest));
    }
    let mut answer = Response::new(if asked.is_head() { Content::Empty } else { Content::part(file, 0, size) });
    set(&mut answer, header::CONTENT_TYPE, manifest.media_type.as_str());
    set(&mut answer, header::CONTENT_LENGTH, &size.to_string());
    name_content(&mut answer, &manifest.digest);
    Ok(answer)
}

/// Sends a blob or a part of it.
pub(super) fn send_blob(asked: &Asked, repository: &Repository, digest: &Digest) -> Result<Answer, Failure> {
    let (file, size) = repository.open_blob(digest)?;
    if is_unchanged(asked, digest) {
        return Ok(unchanged(digest));
    }
    if asked.is_head() {
        // Whoever asks is going to rely on it: a push does not send a blob that is there.
        repository.hold_blob(digest)?;
    }
    let range = asked.header(header::RANGE).filter(|_| condition::allows_range(asked.header(header::IF_RANGE), digest));
    // RFC 9110 section 14.2: a range means something for GET alone.
    let part = Part::parse(range.filter(|_| !asked.is_head()), size);
    let (status, first, length) = match part {
        Part::Whole => (StatusCode::OK, 0, size),
        Part::Range(first, last) => (StatusCode::PARTIAL_CONTENT, first, last - first + 1),
        Part::Unsatisfiable => {
            let mut answer = empty(StatusCode::RANGE_NOT_SATISFIABLE);
            set(&mut answer, header::CONTENT_RANGE, &format!("bytes */{size}"));
            name_content(&mut answer, digest);
            return Ok(answer);
        }
    };
    let mut answer = Response::new(if asked.is_head() { Content::Empty } else { Content::part(file, first, length) });
    *answer.status_mut() = status;
    if let Part::Range(first, last) = part {
        set(&mut answer, header::CONTENT_RANGE, &content_range(first, last, size));
    }
    set(&mut answer, header::CONTENT_TYPE, "application/octet-stream");
    set(&mut answer, header::CONTENT_LENGTH, &length.to_string());
    set(&mut answer, header::ACCEPT_RANGES, "bytes");
    name_content(&mut answer, digest);
    Ok(answer)
}

/// Says which content it is, also for conditional requests.
pub(super) fn name_content(answer: &mut Answer, digest: &Digest) {
    set(answer, DIGEST, &digest.to_string());
    set(answer, header::ETAG, &condition::entity_tag(digest));
}

fn is_unchanged(asked: &Asked, digest: &Digest) -> bool {
    asked.header(header::IF_NONE_MATCH).is_some_and(|value| condition::names(value, Some(digest)))
}

fn unchanged(digest: &Digest) -> Answer {
    let mut answer = empty(StatusCode::NOT_MODIFIED);
    name_content(&mut answer, digest);
    answer
}
