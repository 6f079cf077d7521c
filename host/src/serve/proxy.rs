//! Pulling through: what another registry has, and is not kept yet (spec.md#registry-proxying).

use super::answer::{Answer, Asked, Registry, set};
use super::pull::{send_blob, send_manifest};
use super::receive::blocking;
use crate::error::{Error, ErrorCode};
use crate::manifest::Descriptor;
use crate::reference::Selector;
use crate::registry::{self, Options, Registries, Transport};
use crate::store::{Edit, Failure, Repository};
use crate::toolkit::Toolkit;
use bytes::Bytes;
use http::header::HeaderName;
use portolan_image::digest::{SoftwareHashes, digest_bytes};
use portolan_image::{Algorithm, Digest};
use portolan_registry::server::{Code, Pushed, Reference, Refusal, Route};
use std::collections::HashMap;
use std::io::Read as _;
use std::sync::Arc;

/// How many bytes of a blob are read at once.
const PIECE: usize = 256 << 10;

/// The registries that are pulled from, by the name that clients give in `ns=` (W-30).
///
/// They are asked as anybody may ask: nothing that a client of ours sent goes there, least of all its credentials, and none
/// that this machine has (W-32).
pub struct Upstreams {
    toolkit: Toolkit,
    options: Options,
    by_name: HashMap<String, Upstream>,
}

/// One of them.
#[derive(Clone)]
struct Upstream {
    registries: Registries,
    host: String,
}

impl Upstreams {
    /// None yet; `options` say how they are reached.
    #[must_use]
    pub fn new(toolkit: &Toolkit, options: Options) -> Self {
        Self { toolkit: toolkit.clone(), options, by_name: HashMap::new() }
    }

    /// Adds a registry by its URL; the name is what clients know it as, such as `docker.io`.
    ///
    /// # Errors
    /// [`Error::Usage`] when the URL or the name is none.
    pub fn add(&mut self, name: &str, url: &str) -> crate::Result<()> {
        let is_name = |name: &str| {
            !name.is_empty()
                && !name.starts_with('.')
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte))
        };
        let (transport, host) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
            (Some(host), _) => (Transport::Secure, host),
            (None, Some(host)) => (Transport::Plain, host),
            (None, None) => (Transport::Automatic, ""),
        };
        let host = host.trim_end_matches('/');
        if !is_name(name) || !is_name(host) {
            let message = format!("{name}={url} is no NAME=URL such as docker.io=https://registry-1.docker.io");
            return Err(Error::Usage(message));
        }
        let options = Options { transport, anonymous: true, ..self.options.clone() };
        let upstream = Upstream { registries: Registries::new(&self.toolkit, options), host: host.to_owned() };
        self.by_name.insert(name.to_owned(), upstream);
        Ok(())
    }

    fn find(&self, name: &str) -> Option<&Upstream> {
        self.by_name.get(name)
    }
}

impl Upstream {
    fn repository(&self, name: &str) -> registry::Repository {
        registry::Repository { registry: self.host.clone(), name: name.to_owned() }
    }
}

impl Registry {
    /// The answer to a request with `ns=` for a registry that is known; nothing for every other request.
    pub(super) async fn proxied(&self, asked: &Asked, route: &Route) -> Result<Option<Answer>, Failure> {
        let Some(upstreams) = &self.upstreams else { return Ok(None) };
        let Some(registry) = asked.query.value("ns") else { return Ok(None) };
        let Some(upstream) = upstreams.find(registry) else { return Ok(None) };
        let mut answer = match route {
            Route::Manifest { name, reference } => {
                let repository = self.store.mirror(registry, name)?;
                keep_manifest(upstream, &repository, name, reference, &self.store.rules().limits).await?;
                send_manifest(asked, &repository, reference)?
            }
            Route::Blob { name, digest } => {
                let repository = self.store.mirror(registry, name)?;
                if !repository.has_blob(digest) {
                    keep_blob(upstream, &repository, name, digest).await?;
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
    upstream: &Upstream,
    repository: &Arc<Repository>,
    name: &str,
    reference: &Reference,
    limits: &portolan_image::Limits,
) -> Result<(), Failure> {
    let state = repository.state()?;
    let (selector, is_kept) = match reference {
        Reference::Tag(tag) => (Selector { tag: Some(tag.clone()), digest: None }, state.tag(tag).is_some()),
        Reference::Digest(digest) if state.manifest(digest).is_some() => return Ok(()),
        Reference::Digest(digest) => (Selector { tag: None, digest: Some(digest.to_string()) }, false),
    };
    let (upstream, place) = (upstream.clone(), upstream.repository(name));
    let (repository, reference, limits) = (Arc::clone(repository), reference.clone(), limits.clone());
    blocking(move || {
        let pulled = match upstream.registries.resolve(&place, &selector) {
            Ok(pulled) => pulled,
            Err(error) if is_kept && !is_missing(&error) => return Ok(()),
            Err(error) => return Err(refusal(&error, Code::ManifestUnknown).into()),
        };
        let digest = match &reference {
            Reference::Digest(digest) => digest.clone(),
            // It is kept under the digest that every client computes.
            Reference::Tag(_) => digest_bytes(&SoftwareHashes, &Algorithm::Sha256, &pulled.bytes)
                .map_err(|error| bad(error.to_string()))?,
        };
        let pushed = Pushed::parse(&pulled.bytes, Some(&pulled.descriptor.media_type), &digest, &limits)
            .map_err(|refusal| bad(refusal.message))?;
        let tags = match reference {
            Reference::Tag(tag) => vec![tag],
            Reference::Digest(_) => Vec::new(),
        };
        let bytes = pulled.bytes.into();
        repository.put(Edit::Put { pushed: Arc::new(pushed), bytes, tags, conditions: (None, None) })
    })
    .await
}

/// Fetches a blob into an upload, and keeps it when its digest is right.
async fn keep_blob(
    upstream: &Upstream,
    repository: &Arc<Repository>,
    name: &str,
    digest: &Digest,
) -> Result<(), Failure> {
    let (id, shared) = repository.begin(digest.algorithm())?;
    let mut upload = Arc::clone(&shared.upload).lock_owned().await;
    let (registries, place) = (upstream.registries.clone(), upstream.repository(name));
    let (repository, digest) = (Arc::clone(repository), digest.clone());
    blocking(move || {
        let mut fetch = || -> Result<(), Failure> {
            let refused = |error: Error| refusal(&error, Code::BlobUnknown);
            let blob = registries.fetch(&place, &unmeasured(&digest), 0).map_err(refused)?;
            let mut blob = blob.ok_or_else(|| {
                Refusal::new(Code::BlobUnknown, format!("the upstream registry does not give {digest}"))
            })?;
            loop {
                let mut piece = vec![0; PIECE];
                let length =
                    blob.read(&mut piece).map_err(Error::io("read", "a blob of the upstream")).map_err(refused)?;
                if length == 0 {
                    return Ok(());
                }
                piece.truncate(length);
                upload.append(&[Bytes::from(piece)])?;
            }
        };
        if let Err(failure) = fetch() {
            repository.cancel(&id)?;
            return Err(failure);
        }
        repository.finish(&id, &mut upload, &digest)
    })
    .await
    .map_err(|failure| match failure {
        Failure::Refused(refused) if refused.code == Code::DigestInvalid => bad(refused.message).into(),
        failure => failure,
    })
}

/// A blob of which only the digest is known.
pub(super) fn unmeasured(digest: &Digest) -> Descriptor {
    Descriptor {
        media_type: "application/octet-stream".to_owned(),
        digest: digest.to_string(),
        size: u64::MAX,
        urls: Vec::new(),
        annotations: Vec::new(),
        data: None,
        platform: None,
        artifact_type: None,
    }
}

pub(super) fn bad(message: String) -> Refusal {
    Refusal::new(Code::Unsupported, format!("the upstream registry is wrong: {message}")).with_status(502)
}

/// Whether the upstream says that it has no such thing, or that it is not for everybody.
fn is_missing(error: &Error) -> bool {
    use ErrorCode::{BlobNotFound, ReferenceNotFound, Unauthorized};
    matches!(error, Error::Image { code: BlobNotFound | ReferenceNotFound | Unauthorized, .. })
}

pub(super) fn refusal(error: &Error, code: Code) -> Refusal {
    if is_missing(error) {
        return Refusal::new(code, format!("the upstream registry does not give it: {error}"));
    }
    bad(error.to_string())
}
