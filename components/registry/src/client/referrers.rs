//! Referrers: the API, and the referrers tag where there is none (W-10 to W-18).

use super::exchange::Ask;
use super::push::ManifestPush;
use super::tags::{PAGE_BYTES, Pages};
use super::{Endpoint, Reference, Repository, Shared, scope};
use crate::error::{Error, Result};
use crate::http::Method;
use crate::job::{Desk, Outcome};
use crate::referrers;
use portolan_image::json::Value;
use portolan_image::{Descriptor, Digest, Document, Index, MediaType};

/// How often the update of a referrers tag begins anew because somebody else was faster.
const UPDATES: usize = 5;

impl Shared {
    pub(super) async fn referrers(
        &self,
        desk: &Desk,
        repository: &Repository,
        subject: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Outcome> {
        let endpoint = self.endpoint(&repository.registry)?;
        let listed = match self.referrers_of_api(desk, &endpoint, repository, subject, artifact_type).await? {
            Some(listed) => listed,
            None => self.referrers_of_tag(desk, &endpoint, repository, subject, artifact_type).await?,
        };
        Ok(Outcome::Referrers(listed))
    }

    /// What the API lists; nothing where there is no API (W-14).
    pub(super) async fn referrers_of_api(
        &self,
        desk: &Desk,
        endpoint: &Endpoint,
        repository: &Repository,
        subject: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Option<Vec<Descriptor>>> {
        let mut first = endpoint.at(repository, &format!("referrers/{subject}"));
        if let Some(artifact_type) = artifact_type {
            first = first.with_query("artifactType", artifact_type);
        }
        let mut pages = Pages::from(first);
        let mut listed: Vec<Descriptor> = Vec::new();
        while let Some(address) = pages.take() {
            let ask = Ask::new(Method::Get, address, &[scope(repository, "pull")])
                .with("Accept", MediaType::ImageIndex.as_str())
                .read(PAGE_BYTES);
            let reply = self.exchange(desk, endpoint, ask).await?;
            match reply.status() {
                200 => {}
                // Registries without the API answer what their router makes of an unknown address.
                400 | 404 | 405 | 406 | 501 => return Ok(None),
                _ => return Err(reply.refused()),
            }
            // 200 with something else is the front page of some server.
            let content_type = reply.head.header("content-type").unwrap_or_default();
            if portolan_image::media_type::base(content_type) != MediaType::ImageIndex.as_str() {
                return Ok(None);
            }
            let limits = portolan_image::Limits { manifest_bytes: PAGE_BYTES, ..self.limits.clone() };
            let page = Index::parse(&reply.body, &limits)?;
            // W-13: who does not say that it filtered has not.
            let applied = reply.head.values("oci-filters-applied").flat_map(|value| value.split(','));
            let is_filtered = applied.map(str::trim).any(|filter| filter == "artifactType");
            listed.extend(page.manifests.into_iter().filter(|referrer| {
                let own = referrer.artifact_type.as_ref().map(MediaType::as_str);
                is_filtered || artifact_type.is_none_or(|wanted| own == Some(wanted))
            }));
            pages.follow(endpoint, &reply)?;
        }
        let mut seen = std::collections::HashSet::new();
        listed.retain(|referrer| seen.insert(referrer.digest.clone()));
        Ok(Some(listed))
    }

    /// What the referrers tag lists. What is no index counts as none (W-14).
    async fn referrers_of_tag(
        &self,
        desk: &Desk,
        endpoint: &Endpoint,
        repository: &Repository,
        subject: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Vec<Descriptor>> {
        let tag = Reference::Tag(referrers::tag(subject));
        let pulled = match self.pull_manifest_from(desk, endpoint, repository, &tag).await {
            Ok(Some(pulled)) => pulled,
            Ok(None) | Err(Error::Image(_)) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let Ok(Document::Index(index)) = Document::parse(&pulled.bytes, None, &self.limits) else {
            return Ok(Vec::new());
        };
        let Some(wanted) = artifact_type else { return Ok(index.manifests) };
        // Such lists are kept by clients, and known to be wrong about types: the manifests themselves tell.
        let mut listed = Vec::new();
        for mut referrer in index.manifests {
            let reference = Reference::Digest(referrer.digest.clone());
            let Some(pulled) = self.pull_manifest_from(desk, endpoint, repository, &reference).await? else { continue };
            let about = About::of(&Document::parse(&pulled.bytes, None, &self.limits)?);
            if about.artifact_type.as_ref().map(MediaType::as_str) == Some(wanted) {
                referrer.artifact_type = about.artifact_type;
                listed.push(referrer);
            }
        }
        Ok(listed)
    }

    /// Lists a manifest under the referrers tag of its subject (W-16), or takes it out (W-17).
    pub(super) async fn update_tag(
        &self,
        desk: &Desk,
        endpoint: &Endpoint,
        repository: &Repository,
        subject: &Digest,
        change: Change,
    ) -> Result<()> {
        let tag = referrers::tag(subject);
        let reference = Reference::Tag(tag.clone());
        for _ in 0..UPDATES {
            let (current, old) = match self.pull_manifest_from(desk, endpoint, repository, &reference).await? {
                None => (empty_index(), None),
                Some(pulled) => {
                    let Document::Index(_) = Document::parse(&pulled.bytes, None, &self.limits)? else {
                        let reason = format!("{repository}:{tag} should list referrers and is no index");
                        return Err(portolan_image::Error::AmbiguousDocument { reason }.into());
                    };
                    let value = Value::parse(
                        "image index",
                        &pulled.bytes,
                        ("manifest-bytes", self.limits.manifest_bytes),
                        &self.limits,
                    )?;
                    (value, Some(pulled.descriptor.digest))
                }
            };
            let Some(bytes) = change.apply(current).map(|index| index.to_bytes()) else { return Ok(()) };
            let mut push = ManifestPush::new(bytes, self.hashes.as_ref(), &self.limits)?;
            push.tags = vec![tag.clone()];
            // Where registries know conditions, nobody's update is lost.
            push.instead_of = Some(old);
            if self.put_manifest(desk, endpoint, repository, &push).await?.is_some() {
                return Ok(());
            }
        }
        let reason = format!("{repository}:{tag} is changed by somebody else all the time");
        Err(Error::Unreachable { request: format!("PUT {tag}"), reason })
    }
}

/// What becomes of a list of referrers.
pub(super) enum Change {
    Add(Box<Descriptor>),
    Remove(Digest),
}

impl Change {
    /// The list after the change; nothing when it is the same.
    fn apply(&self, index: Value) -> Option<Value> {
        let Value::Object(mut members) = index else { return None };
        let position = match members.iter().position(|(name, _)| name == "manifests") {
            Some(position) => position,
            None => {
                members.push(("manifests".to_owned(), Value::Array(Vec::new())));
                members.len() - 1
            }
        };
        let Value::Array(manifests) = &mut members[position].1 else { return None };
        let digest = match self {
            Self::Add(descriptor) => descriptor.digest.to_string(),
            Self::Remove(digest) => digest.to_string(),
        };
        let is_it = |entry: &Value| entry.member("digest").and_then(Value::as_str) == Some(digest.as_str());
        match self {
            Self::Add(_) if manifests.iter().any(is_it) => return None,
            Self::Add(descriptor) => manifests.push(descriptor.to_value()),
            Self::Remove(_) => {
                let before = manifests.len();
                manifests.retain(|entry| !is_it(entry));
                if manifests.len() == before {
                    return None;
                }
            }
        }
        Some(Value::Object(members))
    }
}

fn empty_index() -> Value {
    Value::Object(vec![
        ("schemaVersion".to_owned(), Value::Unsigned(2)),
        ("mediaType".to_owned(), Value::String(MediaType::ImageIndex.as_str().to_owned())),
        ("manifests".to_owned(), Value::Array(Vec::new())),
    ])
}

/// What a list of referrers says of a manifest (W-11).
pub(super) struct About {
    pub(super) subject: Option<Digest>,
    pub(super) artifact_type: Option<MediaType>,
    pub(super) annotations: portolan_image::Annotations,
}

impl About {
    pub(super) fn of(document: &Document) -> Self {
        let (subject, artifact_type, annotations) = match document {
            Document::Manifest(manifest) => {
                (&manifest.subject, Some(manifest.artifact_type().clone()), &manifest.annotations)
            }
            Document::Index(index) => (&index.subject, index.artifact_type.clone(), &index.annotations),
        };
        let subject = subject.as_ref().map(|subject| subject.digest.clone());
        Self { subject, artifact_type, annotations: annotations.clone() }
    }
}
