//! Pulling through: what another registry has, and is not kept yet (spec.md#registry-proxying).

use super::answer::{Answer, Asked, Registry, set};
use super::pull::{send_blob, send_manifest};
use super::receive::blocking;
use crate::error::Error;
use crate::store::{Edit, Failure, Repository};
use bytes::Bytes;
use http::header::{HeaderMap, HeaderName};
use portolan_image::digest::{SoftwareHashes, digest_bytes};
use portolan_image::{Algorithm, Digest};
use portolan_registry::server::{Code, Pushed, Reference, Refusal, Route};
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;

/// Something that takes its time.
type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Why an upstream gave nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpstreamError {
    /// It says that it has no such thing, or that it is not for everybody.
    Missing,
    /// It cannot be reached, or says what cannot be understood.
    Failed(String),
}

/// The headers of what an upstream gives, and its body.
pub type Given = Result<(HeaderMap, Box<dyn Pieces>), UpstreamError>;

/// What is pulled from.
pub trait Upstream: Send + Sync {
    /// Begins a GET of a path below `/v2/`; the headers of the answer, and its body piece by piece.
    fn pull<'a>(&'a self, path: &'a str, accept: &'a str) -> Later<'a, Given>;
}

/// A body that comes in pieces.
pub trait Pieces: Send {
    /// The next piece; nothing at the end.
    fn next(&mut self) -> Later<'_, Result<Option<Bytes>, UpstreamError>>;
}

/// The registries that are pulled from, by the name that clients give in `ns=` (W-30).
#[derive(Default)]
pub struct Upstreams {
    by_name: HashMap<String, Arc<dyn Upstream>>,
}

impl Upstreams {
    /// Adds a registry by its URL; the name is what clients know it as, such as `docker.io`.
    ///
    /// # Errors
    /// [`Error::Usage`] when the URL or the name is none.
    pub fn add(&mut self, name: &str, url: &str) -> crate::Result<()> {
        let is_name = !name.is_empty()
            && !name.starts_with('.')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte));
        if !is_name || !(url.starts_with("https://") || url.starts_with("http://")) {
            let message = format!("{name}={url} is no NAME=URL such as docker.io=https://registry-1.docker.io");
            return Err(Error::Usage(message));
        }
        let client = over_http::Client::new(url)?;
        self.insert(name, Arc::new(client));
        Ok(())
    }

    /// Adds a registry that is reached in some other way.
    pub fn insert(&mut self, name: &str, upstream: Arc<dyn Upstream>) {
        self.by_name.insert(name.to_owned(), upstream);
    }

    fn find(&self, name: &str) -> Option<&Arc<dyn Upstream>> {
        self.by_name.get(name)
    }
}

/// The media types of manifests that are asked for.
const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";

impl Registry {
    /// The answer to a request with `ns=` for a registry that is known; nothing for every other request.
    pub(super) async fn proxied(&self, asked: &Asked, route: &Route) -> Result<Option<Answer>, Failure> {
        let Some(upstreams) = &self.upstreams else { return Ok(None) };
        let Some(registry) = asked.query.value("ns") else { return Ok(None) };
        let Some(upstream) = upstreams.find(registry) else { return Ok(None) };
        let mut answer = match route {
            Route::Manifest { name, reference } => {
                let repository = self.store.mirror(registry, name)?;
                keep_manifest(upstream.as_ref(), &repository, name, reference, &self.store.rules().limits).await?;
                send_manifest(asked, &repository, reference)?
            }
            Route::Blob { name, digest } => {
                let repository = self.store.mirror(registry, name)?;
                if !repository.has_blob(digest) {
                    keep_blob(upstream.as_ref(), &repository, name, digest).await?;
                }
                send_blob(asked, &repository, digest)?
            }
            _ => return Ok(None),
        };
        // W-31.
        set(&mut answer, HeaderName::from_static("oci-namespace"), registry);
        Ok(Some(answer))
    }
}

/// Fetches a manifest and keeps it. A digest that is kept is asked for no more; a tag may have moved, so it is asked for
/// again, and what is kept answers when the upstream cannot.
async fn keep_manifest(
    upstream: &dyn Upstream,
    repository: &Arc<Repository>,
    name: &str,
    reference: &Reference,
    limits: &portolan_image::Limits,
) -> Result<(), Failure> {
    let state = repository.state()?;
    let (text, is_kept) = match reference {
        Reference::Tag(tag) => (tag.clone(), state.tag(tag).is_some()),
        Reference::Digest(digest) if state.manifest(digest).is_some() => return Ok(()),
        Reference::Digest(digest) => (digest.to_string(), false),
    };
    let (headers, mut body) = match upstream.pull(&format!("{name}/manifests/{text}"), ACCEPT).await {
        Ok(answer) => answer,
        Err(UpstreamError::Failed(_)) if is_kept => return Ok(()),
        Err(error) => return Err(refusal(error, Code::ManifestUnknown, &text).into()),
    };
    let mut bytes = Vec::new();
    while let Some(piece) = body.next().await.map_err(|error| refusal(error, Code::ManifestUnknown, &text))? {
        bytes.extend_from_slice(&piece);
        if bytes.len() as u64 > limits.manifest_bytes {
            return Err(bad(format!("{text} has more than {} bytes", limits.manifest_bytes)).into());
        }
    }
    let algorithm = match reference {
        Reference::Digest(digest) => digest.algorithm().clone(),
        Reference::Tag(_) => Algorithm::Sha256,
    };
    let actual = digest_bytes(&SoftwareHashes, &algorithm, &bytes).map_err(|error| bad(error.to_string()))?;
    if let Reference::Digest(expected) = reference
        && *expected != actual
    {
        return Err(bad(format!("it sent {actual} for {expected}")).into());
    }
    let content_type = headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let pushed = Pushed::parse(&bytes, content_type, &actual, limits).map_err(|refusal| bad(refusal.message))?;
    let tags = match reference {
        Reference::Tag(tag) => vec![tag.clone()],
        Reference::Digest(_) => Vec::new(),
    };
    let edit = Edit::Put { pushed: Arc::new(pushed), bytes: bytes.into(), tags, conditions: (None, None) };
    let repository = Arc::clone(repository);
    blocking(move || repository.put(edit)).await
}

/// Fetches a blob into an upload, and keeps it when its digest is right.
async fn keep_blob(
    upstream: &dyn Upstream,
    repository: &Arc<Repository>,
    name: &str,
    digest: &Digest,
) -> Result<(), Failure> {
    let text = digest.to_string();
    let (_, mut body) = upstream
        .pull(&format!("{name}/blobs/{digest}"), "*/*")
        .await
        .map_err(|error| refusal(error, Code::BlobUnknown, &text))?;
    let (id, shared) = repository.begin(digest.algorithm())?;
    let mut upload = Arc::clone(&shared.upload).lock_owned().await;
    let (mut batch, mut gathered) = (Vec::new(), 0);
    loop {
        let piece = match body.next().await {
            Ok(Some(piece)) => piece,
            Ok(None) => break,
            Err(error) => {
                repository.cancel(&id)?;
                return Err(refusal(error, Code::BlobUnknown, &text).into());
            }
        };
        gathered += piece.len();
        batch.push(piece);
        if gathered >= 1 << 20 {
            let pieces = std::mem::take(&mut batch);
            gathered = 0;
            upload = blocking(move || {
                upload.append(&pieces)?;
                Ok(upload)
            })
            .await?;
        }
    }
    let (repository, digest) = (Arc::clone(repository), digest.clone());
    let finished = blocking(move || {
        upload.append(&batch)?;
        repository.finish(&id, &mut upload, &digest)
    });
    finished.await.map_err(|failure| match failure {
        Failure::Refused(refused) => bad(refused.message).into(),
        broken => broken,
    })
}

fn bad(message: String) -> Refusal {
    Refusal::new(Code::Unsupported, format!("the upstream registry is wrong: {message}")).with_status(502)
}

fn refusal(error: UpstreamError, code: Code, what: &str) -> Refusal {
    match error {
        UpstreamError::Missing => Refusal::new(code, format!("the upstream registry does not give {what}")),
        UpstreamError::Failed(message) => bad(message),
    }
}

mod over_http;
