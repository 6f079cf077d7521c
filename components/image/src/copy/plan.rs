//! The plan of a copy: blobs, then manifests, what is listed before what lists it.

use super::graph::{self, Node};
use super::rewrite::{Edit, rewrite};
use super::{Copying, Root};
use crate::annotation::{Annotations, CONTAINERD_IMAGE_NAME, REF_NAME};
use crate::descriptor::Descriptor;
use crate::digest::{Digest, Hashes, digest_bytes};
use crate::document::Document;
use crate::error::Result;
use crate::limits::Limits;
use crate::referrers::referrer;
use std::collections::{HashMap, HashSet};

/// What is to be copied.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Configs, layers and other blobs, each once, the largest first.
    pub blobs: Vec<Descriptor>,
    /// What is not copied although something lists it.
    pub skipped: Vec<Skipped>,
    /// Manifests and indexes in the order in which they can be written: an index after what it lists, what refers to
    /// another one after that.
    pub manifests: Vec<Planned>,
    /// What became of the roots.
    pub roots: Vec<Copied>,
    /// What is odd, one line each.
    pub warnings: Vec<String>,
}

/// A manifest or index to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// Its descriptor. For what refers to another one it has the artifact type and annotations that a list of referrers
    /// gives (W-11).
    pub descriptor: Descriptor,
    /// The bytes: those of the source, unless it was trimmed.
    pub bytes: Vec<u8>,
    /// The tags that it gets.
    pub tags: Vec<String>,
    /// Whether nothing else of the plan lists it, so that a layout has to (Y-06).
    pub is_listed: bool,
    /// What it refers to.
    pub subject: Option<Descriptor>,
}

/// What became of a root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// The tag that it gets.
    pub tag: Option<String>,
    /// Its digest at the source.
    pub old: Digest,
    /// Its digest at the destination; another one only when it was trimmed.
    pub new: Digest,
}

impl Copied {
    /// Whether the index lost entries, or one inside it did.
    #[must_use]
    pub fn is_trimmed(&self) -> bool {
        self.old != self.new
    }
}

/// What is not copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Its descriptor.
    pub descriptor: Descriptor,
    /// Why not.
    pub reason: Reason,
}

/// Why something is not copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It may not be distributed; whoever needs it fetches it from its own place.
    NonDistributable,
    /// A sparse copy does without what is not there (Y-07).
    NotThere,
}

pub(super) fn plan(copying: Copying, hashes: &dyn Hashes) -> Result<Plan> {
    let mut roots: HashMap<&Digest, Vec<&Root>> = HashMap::new();
    for root in &copying.roots {
        roots.entry(&root.descriptor.digest).or_default().push(root);
    }
    let referrers = copying.graph.referrers.iter().collect();
    let (written, manifests) = (HashMap::new(), Vec::new());
    let mut writing = Writing { copying: &copying, hashes, roots, referrers, written, manifests };
    let included = copying.graph.included(&copying.roots);
    for position in sorted(&copying, &included) {
        if let Some(node) = copying.graph.nodes.get(position) {
            writing.write(node)?;
        }
    }
    let Writing { written, manifests, .. } = writing;
    let new = |old: &Digest| written.get(old).cloned().unwrap_or_else(|| old.clone());
    let roots = copying.roots.iter().map(|root| Copied {
        tag: root.tag.clone(),
        old: root.descriptor.digest.clone(),
        new: new(&root.descriptor.digest),
    });
    let roots = roots.collect();
    let (blobs, skipped) = blobs(&copying, &included)?;
    let Copying { skipped: mut all, warnings, .. } = copying;
    all.extend(skipped);
    Ok(Plan { blobs, skipped: all, manifests, roots, warnings })
}

/// The positions with what an index lists before it, and a subject before what refers to it.
///
/// Digests cannot form a circle, so there is such an order. No recursion: subjects may form a long chain.
fn sorted(copying: &Copying, included: &[usize]) -> Vec<usize> {
    let graph = &copying.graph;
    let is_included: HashSet<usize> = included.iter().copied().collect();
    let before = |position: usize| -> Vec<usize> {
        let Some(node) = graph.nodes.get(position) else { return Vec::new() };
        let subject = graph::subject(&node.document).and_then(|subject| graph.position(&subject.digest));
        let needed = graph.below(node).into_iter().chain(subject);
        needed.filter(|position| is_included.contains(position)).collect()
    };
    let mut sorted = Vec::with_capacity(included.len());
    let mut entered = HashSet::new();
    for start in included {
        if !entered.insert(*start) {
            continue;
        }
        let mut stack = vec![(*start, before(*start).into_iter())];
        while let Some((position, rest)) = stack.last_mut() {
            match rest.next() {
                Some(next) if entered.insert(next) => stack.push((next, before(next).into_iter())),
                Some(_) => {}
                None => {
                    sorted.push(*position);
                    stack.pop();
                }
            }
        }
    }
    sorted
}

struct Writing<'a> {
    copying: &'a Copying,
    hashes: &'a dyn Hashes,
    roots: HashMap<&'a Digest, Vec<&'a Root>>,
    referrers: HashSet<&'a Digest>,
    /// The new digests of trimmed indexes by their old ones.
    written: HashMap<Digest, Digest>,
    manifests: Vec<Planned>,
}

impl Writing<'_> {
    fn write(&mut self, node: &Node) -> Result<()> {
        let old = &node.descriptor.digest;
        let roots = self.roots.get(old).cloned().unwrap_or_default();
        let is_referrer = self.referrers.contains(old);
        let mut descriptor = roots.first().map_or(&node.descriptor, |root| &root.descriptor).clone();
        let trimmed = self.trimmed(node)?;
        if let Some(bytes) = &trimmed {
            descriptor.digest = digest_bytes(self.hashes, old.algorithm(), bytes)?;
            descriptor.size = bytes.len() as u64;
            descriptor.data = None;
            self.written.insert(old.clone(), descriptor.digest.clone());
        }
        if !roots.is_empty() || is_referrer {
            descriptor = listed(descriptor, &node.document, is_referrer && roots.is_empty());
        }
        let mut tags: Vec<String> = Vec::new();
        for tag in roots.iter().filter_map(|root| root.tag.as_ref()) {
            if !tags.contains(tag) {
                tags.push(tag.clone());
            }
        }
        self.manifests.push(Planned {
            descriptor,
            bytes: trimmed.unwrap_or_else(|| node.document.raw().to_vec()),
            tags,
            is_listed: !roots.is_empty() || is_referrer,
            subject: graph::subject(&node.document).cloned(),
        });
        Ok(())
    }

    /// The bytes of an index that loses entries; nothing where it stays as it is.
    fn trimmed(&self, node: &Node) -> Result<Option<Vec<u8>>> {
        let Document::Index(index) = &node.document else { return Ok(None) };
        if self.copying.options.sparse {
            return Ok(None);
        }
        let bytes = |digest: &Digest| {
            self.manifests.iter().find(|planned| &planned.descriptor.digest == digest).map(|planned| &planned.bytes)
        };
        let edit = |entry: &Descriptor| match self.written.get(&entry.digest) {
            _ if !self.copying.graph.keeps(node, entry) => Edit::Drop,
            Some(new) => match bytes(new) {
                Some(bytes) => Edit::Replace { digest: new.to_string(), bytes: bytes.clone() },
                None => Edit::Keep,
            },
            None => Edit::Keep,
        };
        let edits: Vec<Edit> = index.manifests.iter().map(edit).collect();
        if edits.iter().all(|edit| *edit == Edit::Keep) { Ok(None) } else { rewrite(&index.raw, &edits).map(Some) }
    }
}

/// What a place that lists the manifest says of it: no names of the place that it comes from, and what it is, so that
/// nobody takes a signature for an image (W-11).
fn listed(mut descriptor: Descriptor, document: &Document, is_referrer: bool) -> Descriptor {
    if is_referrer && let Some((_, referrer)) = referrer(&descriptor, document) {
        return referrer;
    }
    let artifact_type = match document {
        Document::Index(index) => index.artifact_type.clone(),
        Document::Manifest(manifest) => (!manifest.is_image()).then(|| manifest.artifact_type().clone()),
    };
    let names = [REF_NAME, CONTAINERD_IMAGE_NAME];
    let others = descriptor.annotations.iter().filter(|(key, _)| !names.contains(key));
    let annotations = others.collect::<Annotations>();
    let artifact_type = descriptor.artifact_type.take().or(artifact_type);
    Descriptor { data: None, artifact_type, annotations, ..descriptor }
}

/// The blobs of everything that is copied, the largest first, and those that are not.
fn blobs(copying: &Copying, included: &[usize]) -> Result<(Vec<Descriptor>, Vec<Skipped>)> {
    let mut seen = HashSet::new();
    let (mut blobs, mut skipped) = (Vec::new(), Vec::new());
    for node in included.iter().filter_map(|position| copying.graph.nodes.get(*position)) {
        let listed: Vec<&Descriptor> = match &node.document {
            Document::Manifest(manifest) => std::iter::once(&manifest.config).chain(&manifest.layers).collect(),
            // I-05: an entry of a type that nobody knows is a blob to us.
            Document::Index(index) => {
                let kept = index.manifests.iter().filter(|entry| copying.graph.keeps(node, entry));
                kept.filter(|entry| !entry.is_document()).collect()
            }
        };
        for blob in listed {
            if !seen.insert(&blob.digest) {
                continue;
            }
            if blob.media_type.is_non_distributable() {
                skipped.push(Skipped { descriptor: blob.clone(), reason: Reason::NonDistributable });
                continue;
            }
            Limits::check("layer-bytes", copying.limits.layer_bytes, blob.size, || {
                format!("{} of {} bytes", blob.digest, blob.size)
            })?;
            blobs.push(blob.clone());
        }
    }
    blobs.sort_by_key(|blob| std::cmp::Reverse(blob.size));
    Ok((blobs, skipped))
}
