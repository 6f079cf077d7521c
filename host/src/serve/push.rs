//! What writes: uploads, manifests, deletes.

use super::answer::{Answer, Asked, Registry, empty, set};
use super::pull::{DIGEST, name_content};
use super::receive::{append, blocking, whole};
use crate::store::{Edit, Failure, Repository, SharedUpload, Upload};
use http::StatusCode;
use http::header::{self, HeaderName, HeaderValue};
use hyper::body::Incoming;
use portolan_image::digest::{SoftwareHashes, digest_bytes};
use portolan_image::{Algorithm, Digest};
use portolan_registry::server::range::{Chunk, out_of_order, received};
use portolan_registry::server::route::{check_algorithm, check_name, parse_computable, parse_tag};
use portolan_registry::server::{Code, Pushed, Reference, Refusal, pushed};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedMutexGuard;

/// How many tags one push may bring (U-35 asks for ten).
const TAGS: usize = 1000;
/// How long a request waits for another that writes to the same upload.
const TURN: Duration = Duration::from_secs(10);

impl Registry {
    /// POST: begins an upload, or mounts a blob, or takes one at once (end-4a to end-4c, end-11).
    pub(super) async fn begin(&self, asked: &Asked, name: &str, body: Incoming) -> Result<Answer, Failure> {
        let repository = self.store.create(name)?;
        if let Some(mount) = asked.query.value("mount") {
            let digest = parse_computable(mount)?;
            if self.mount(&repository, asked.query.value("from"), &digest).await? {
                return Ok(created(name, &digest));
            }
        }
        let algorithm = asked.query.value("digest-algorithm").map(check_algorithm).transpose()?;
        let digest = asked.query.value("digest").map(parse_computable).transpose()?;
        let algorithm = digest.as_ref().map(|digest| digest.algorithm().clone()).or(algorithm);
        let algorithm = algorithm.unwrap_or(Algorithm::Sha256);
        let (id, shared) = blocking({
            let repository = Arc::clone(&repository);
            move || Ok(repository.begin(&algorithm)?)
        })
        .await?;
        let Some(digest) = digest else { return Ok(status(StatusCode::ACCEPTED, name, &id, 0)) };
        let upload = turn(&shared).await?;
        let (upload, rest) = append(body, upload, None, self.idle).await.inspect_err(|_| {
            // Nobody was told where to go on.
            let _ = repository.cancel(&id);
        })?;
        finish(&repository, id, upload, rest, digest).await
    }

    async fn mount(&self, to: &Arc<Repository>, from: Option<&str>, digest: &Digest) -> Result<bool, Failure> {
        let sources = match from {
            Some(from) => check_name(from).ok().and_then(|from| self.store.find(&from)).into_iter().collect(),
            // U-20: whoever may push here may read everything here.
            None => self.store.known(),
        };
        let (to, digest) = (Arc::clone(to), digest.clone());
        blocking(move || {
            for from in sources {
                if from.has_blob(&digest) && to.mount(&from, &digest)? {
                    return Ok(true);
                }
            }
            Ok(false)
        })
        .await
    }

    /// GET of an upload (end-13).
    pub(super) fn upload_status(&self, name: &str, id: &str) -> Result<Answer, Failure> {
        let shared = self.upload(name, id)?.1;
        Ok(status(StatusCode::NO_CONTENT, name, id, shared.received()))
    }

    /// PATCH: the next chunk, or a stream of bytes (end-5).
    pub(super) async fn chunk(&self, asked: &Asked, name: &str, id: &str, body: Incoming) -> Result<Answer, Failure> {
        let (_, shared) = self.upload(name, id)?;
        let upload = turn(&shared).await?;
        let most = in_order(asked, &upload)?;
        let (mut upload, rest) = append(body, upload, most, self.idle).await?;
        let received = blocking(move || {
            upload.append(&rest)?;
            Ok(upload.received())
        })
        .await?;
        Ok(status(StatusCode::ACCEPTED, name, id, received))
    }

    /// PUT: the end of an upload, perhaps with the last bytes (end-6).
    pub(super) async fn close(&self, asked: &Asked, name: &str, id: &str, body: Incoming) -> Result<Answer, Failure> {
        let (repository, shared) = self.upload(name, id)?;
        let missing = || Refusal::new(Code::DigestInvalid, "the digest of the blob is missing: ?digest=");
        let digest = parse_computable(asked.query.value("digest").ok_or_else(missing)?)?;
        let mut upload = turn(&shared).await?;
        upload.expect(digest.algorithm());
        let most = in_order(asked, &upload)?;
        let (upload, rest) = append(body, upload, most, self.idle).await?;
        finish(&repository, id.to_owned(), upload, rest, digest).await
    }

    /// DELETE of an upload (end-14).
    pub(super) async fn cancel(&self, name: &str, id: &str) -> Result<Answer, Failure> {
        let (repository, _) = self.upload(name, id)?;
        let id = id.to_owned();
        blocking(move || Ok(repository.cancel(&id)?)).await?;
        Ok(empty(StatusCode::NO_CONTENT))
    }

    fn upload(&self, name: &str, id: &str) -> Result<(Arc<Repository>, Arc<SharedUpload>), Failure> {
        let unknown = || Refusal::new(Code::BlobUploadUnknown, "there is no such upload: begin a new one");
        let repository = self.store.find(name).ok_or_else(unknown)?;
        let shared = repository.upload(id)?;
        Ok((repository, shared))
    }

    /// PUT of a manifest (end-7a, end-7b).
    pub(super) async fn put_manifest(
        &self,
        asked: &Asked,
        name: &str,
        reference: &Reference,
        body: Incoming,
    ) -> Result<Answer, Failure> {
        let limits = self.store.rules().limits.clone();
        let mut tags = Vec::new();
        for tag in asked.query.values("tag") {
            tags.push(parse_tag(tag)?);
        }
        if tags.len() > TAGS {
            let message = format!("{} tags at once, at most {TAGS} are taken", tags.len());
            return Err(Refusal::new(Code::Unsupported, message).with_status(414).into());
        }
        let told = tags.clone();
        let algorithm = match reference {
            Reference::Digest(digest) => parse_computable(&digest.to_string())?.algorithm().clone(),
            Reference::Tag(tag) => {
                tags.insert(0, tag.clone());
                Algorithm::Sha256
            }
        };
        let limit = limits.manifest_bytes;
        let bytes = whole(body, asked.length(), limit, self.idle, || pushed::too_large(limit)).await?;
        let broken = |error: portolan_image::Error| Refusal::new(Code::DigestInvalid, error.to_string());
        let actual = digest_bytes(&SoftwareHashes, &algorithm, &bytes).map_err(broken)?;
        if let Reference::Digest(expected) = reference
            && *expected != actual
        {
            let message = format!("the digest of the {} bytes received is {actual}, expected {expected}", bytes.len());
            return Err(Refusal::new(Code::DigestInvalid, message).into());
        }
        let pushed = Arc::new(Pushed::parse(&bytes, asked.header(header::CONTENT_TYPE), &actual, &limits)?);
        let text = |name: HeaderName| asked.header(name).map(str::to_owned);
        let conditions = (text(header::IF_MATCH), text(header::IF_NONE_MATCH));
        let repository = self.store.create(name)?;
        let edit = Edit::Put { pushed: Arc::clone(&pushed), bytes: bytes.clone(), tags, conditions };
        blocking(move || repository.put(edit)).await?;
        let mut answer = empty(StatusCode::CREATED);
        set(&mut answer, header::LOCATION, &format!("/v2/{name}/manifests/{actual}"));
        name_content(&mut answer, &actual);
        if let Some(subject) = &pushed.subject {
            set(&mut answer, HeaderName::from_static("oci-subject"), &subject.to_string());
        }
        for tag in told {
            if let Ok(value) = HeaderValue::from_str(&tag) {
                answer.headers_mut().append(HeaderName::from_static("oci-tag"), value);
            }
        }
        Ok(answer)
    }

    /// DELETE of a tag, or of a manifest with all its tags (end-9).
    pub(super) async fn delete_manifest(&self, name: &str, reference: &Reference) -> Result<Answer, Failure> {
        let repository = self.repository(name)?;
        let edit = match reference {
            Reference::Tag(tag) => Edit::DeleteTag(tag.clone()),
            Reference::Digest(digest) => Edit::DeleteManifest(digest.clone()),
        };
        blocking(move || repository.commit(edit)).await?;
        Ok(empty(StatusCode::ACCEPTED))
    }

    /// DELETE of a blob (end-10).
    pub(super) async fn delete_blob(&self, name: &str, digest: &Digest) -> Result<Answer, Failure> {
        let repository = self.repository(name)?;
        let digest = digest.clone();
        blocking(move || repository.delete_blob(&digest)).await?;
        Ok(empty(StatusCode::ACCEPTED))
    }
}

/// Waits until no other request writes to the upload.
async fn turn(shared: &SharedUpload) -> Result<OwnedMutexGuard<Upload>, Failure> {
    let locked = tokio::time::timeout(TURN, Arc::clone(&shared.upload).lock_owned()).await;
    let busy = |_| Refusal::new(Code::BlobUploadInvalid, "another request is writing to this upload").with_status(409);
    Ok(locked.map_err(busy)?)
}

/// Whether a chunk begins where the upload ends (U-13); how many bytes it announces.
fn in_order(asked: &Asked, upload: &Upload) -> Result<Option<u64>, Refusal> {
    match Chunk::parse(asked.header(header::CONTENT_RANGE), asked.length())? {
        Some(chunk) if chunk.start != upload.received() => Err(out_of_order(chunk.start, upload.received())),
        Some(chunk) => Ok(Some(chunk.bytes)),
        None => Ok(asked.length()),
    }
}

async fn finish(
    repository: &Arc<Repository>,
    id: String,
    mut upload: OwnedMutexGuard<Upload>,
    rest: Vec<bytes::Bytes>,
    digest: Digest,
) -> Result<Answer, Failure> {
    let answer = created(repository.name(), &digest);
    let repository = Arc::clone(repository);
    blocking(move || {
        upload.append(&rest)?;
        repository.finish(&id, &mut upload, &digest)
    })
    .await?;
    Ok(answer)
}

fn created(name: &str, digest: &Digest) -> Answer {
    let mut answer = empty(StatusCode::CREATED);
    set(&mut answer, header::LOCATION, &format!("/v2/{name}/blobs/{digest}"));
    set(&mut answer, DIGEST, &digest.to_string());
    answer
}

fn status(status: StatusCode, name: &str, id: &str, bytes: u64) -> Answer {
    let mut answer = empty(status);
    set(&mut answer, header::LOCATION, &format!("/v2/{name}/blobs/uploads/{id}"));
    set(&mut answer, header::RANGE, &received(bytes));
    // Old clients of Docker ask for it.
    set(&mut answer, HeaderName::from_static("docker-upload-uuid"), id);
    answer
}
