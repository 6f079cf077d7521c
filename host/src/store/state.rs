//! What a repository holds, as its `index.json` and the manifests that this leads to say.

use super::Repository;
use crate::error::Result;
use portolan_image::digest::{SoftwareHashes, digest_bytes};
use portolan_image::json::Value;
use portolan_image::layout::Listing;
use portolan_image::reference::is_tag;
use portolan_image::{Descriptor, Digest, Limits, MediaType};
use portolan_registry::server::Pushed;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Read as _;
use std::sync::Arc;

/// A reading of a repository at one time.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub(super) listing: Listing,
    manifests: HashMap<Digest, Arc<Pushed>>,
    tags: BTreeMap<String, Digest>,
    referrers: HashMap<Digest, BTreeMap<String, Value>>,
    /// What is listed but cannot be read as an index or manifest, though it is there.
    opaque: Vec<Digest>,
}

impl State {
    /// The manifest of a tag.
    #[must_use]
    pub fn tag(&self, tag: &str) -> Option<&Digest> {
        self.tags.get(tag)
    }

    /// The tags in ASCII order (W-02).
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.tags.keys().map(String::as_str)
    }

    /// A manifest that is listed, or that an index leads to.
    #[must_use]
    pub fn manifest(&self, digest: &Digest) -> Option<&Arc<Pushed>> {
        self.manifests.get(digest)
    }

    /// Every manifest.
    pub fn manifests(&self) -> impl Iterator<Item = &Pushed> {
        self.manifests.values().map(AsRef::as_ref)
    }

    /// The descriptors of what refers to a manifest, in the order of their digests.
    pub fn referrers(&self, subject: &Digest) -> impl Iterator<Item = &Value> {
        self.referrers.get(subject).into_iter().flat_map(BTreeMap::values)
    }

    /// What is listed and not understood, so that nobody knows what it needs.
    pub(super) fn opaque(&self) -> &[Digest] {
        &self.opaque
    }

    /// Reads what a listing leads to. Manifests of `known` are not read again: a digest is of one content for ever.
    pub(super) fn read(
        repository: &Repository,
        listing: Listing,
        known: &HashMap<Digest, Arc<Pushed>>,
        limits: &Limits,
    ) -> Result<Self> {
        let entries = listing.entries().map_err(|error| super::repository::malformed(repository, &error))?;
        let mut state = Self { listing, ..Self::default() };
        let mut visited = HashSet::new();
        let mut open: Vec<(Descriptor, u64)> = Vec::new();
        for entry in entries {
            if let Some(tag) = entry.tag.filter(|tag| is_tag(tag)) {
                state.tags.entry(tag).or_insert_with(|| entry.descriptor.digest.clone());
            }
            open.push((entry.descriptor, 0));
        }
        while let Some((descriptor, depth)) = open.pop() {
            // An index that leads to itself, or deeper than any should (row 42).
            if !visited.insert(descriptor.digest.clone()) || depth > limits.index_depth {
                continue;
            }
            let pushed = match known.get(&descriptor.digest) {
                Some(known) => Arc::clone(known),
                None => match read_manifest(repository, &descriptor, limits) {
                    Reading::Manifest(pushed) => Arc::new(*pushed),
                    Reading::Missing => continue,
                    Reading::Opaque => {
                        state.opaque.push(descriptor.digest);
                        continue;
                    }
                },
            };
            open.extend(pushed.children.iter().map(|child| (child.clone(), depth + 1)));
            if let Some(subject) = &pushed.subject {
                let referrers = state.referrers.entry(subject.clone()).or_default();
                referrers.insert(pushed.digest.to_string(), pushed.referrer());
            }
            state.manifests.insert(pushed.digest.clone(), pushed);
        }
        // A tag whose manifest is gone is no tag.
        state.tags.retain(|_, digest| state.manifests.contains_key(digest));
        Ok(state)
    }

    pub(super) fn known(&self) -> &HashMap<Digest, Arc<Pushed>> {
        &self.manifests
    }
}

enum Reading {
    Manifest(Box<Pushed>),
    Missing,
    Opaque,
}

/// Reads and verifies a manifest of a layout, which anybody may have written.
fn read_manifest(repository: &Repository, descriptor: &Descriptor, limits: &Limits) -> Reading {
    let Ok((file, size)) = repository.open_blob(&descriptor.digest) else { return Reading::Missing };
    let mut bytes = Vec::new();
    if size > limits.manifest_bytes || file.take(limits.manifest_bytes).read_to_end(&mut bytes).is_err() {
        return Reading::Opaque;
    }
    let digest = digest_bytes(&SoftwareHashes, descriptor.digest.algorithm(), &bytes);
    if digest.as_ref() != Ok(&descriptor.digest) {
        return Reading::Opaque;
    }
    let media_type = Some(descriptor.media_type.as_str()).filter(|_| descriptor.is_document());
    let is_unknown = media_type.is_none() && matches!(descriptor.media_type, MediaType::Other(_));
    match Pushed::parse(&bytes, media_type, &descriptor.digest, limits) {
        Ok(pushed) if !is_unknown => Reading::Manifest(Box::new(pushed)),
        _ => Reading::Opaque,
    }
}
