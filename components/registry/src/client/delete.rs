//! Deleting (W-17, W-20, W-21).

use super::exchange::{Ask, Reply};
use super::referrers::{About, Change};
use super::{Endpoint, Reference, Repository, Shared, not_found, scope};
use crate::error::{Error, Result};
use crate::http::Method;
use crate::job::{Desk, Outcome};
use portolan_image::{Digest, Document};

const ACTIONS: &str = "delete,pull,push";

impl Shared {
    pub(super) async fn delete(&self, desk: &Desk, repository: &Repository, reference: &Reference) -> Result<Outcome> {
        let endpoint = self.endpoint(&repository.registry)?;
        let subject = match reference {
            // A tag is a name; what it names stays, and so does what that says of others.
            Reference::Tag(_) => None,
            Reference::Digest(_) => {
                let pulled = self.pull_manifest_from(desk, &endpoint, repository, reference).await?;
                let pulled = pulled.ok_or_else(|| not_found(repository, reference))?;
                About::of(&Document::parse(&pulled.bytes, None, &self.limits)?).subject
            }
        };
        let reply = self.remove(desk, &endpoint, repository, &format!("manifests/{reference}")).await?;
        match (reply.status(), reference) {
            (200..300, _) => {}
            (404, _) => return Err(not_found(repository, reference)),
            (400 | 405, Reference::Tag(_)) => {
                let hint = "this registry may delete by digest alone, with all tags of that digest";
                let reason = format!("{}; {hint}", reply.reason());
                return Err(Error::Refused { request: reply.request, reason });
            }
            _ => return Err(reply.refused()),
        }
        if let (Some(subject), Reference::Digest(digest)) = (subject, reference)
            && self.referrers_of_api(desk, &endpoint, repository, &subject, None).await?.is_none()
        {
            self.update_tag(desk, &endpoint, repository, &subject, Change::Remove(digest.clone())).await?;
        }
        Ok(Outcome::Done)
    }

    pub(super) async fn delete_blob(&self, desk: &Desk, repository: &Repository, digest: &Digest) -> Result<Outcome> {
        let endpoint = self.endpoint(&repository.registry)?;
        let reply = self.remove(desk, &endpoint, repository, &format!("blobs/{digest}")).await?;
        match reply.status() {
            200..300 => Ok(Outcome::Done),
            404 => Err(Error::BlobNotFound { repository: repository.to_string(), digest: digest.to_string() }),
            _ => Err(reply.refused()),
        }
    }

    async fn remove(&self, desk: &Desk, endpoint: &Endpoint, repository: &Repository, path: &str) -> Result<Reply> {
        let scopes = [scope(repository, ACTIONS)];
        self.exchange(desk, endpoint, Ask::new(Method::Delete, endpoint.at(repository, path), &scopes)).await
    }
}
