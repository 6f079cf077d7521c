//! The documents that were read, and which of them are to be copied.

use super::Root;
use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::document::Document;
use crate::media_type::Kind;
use crate::platform::Platform;
use std::collections::{HashMap, HashSet};

/// An index or a manifest.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) descriptor: Descriptor,
    pub(super) document: Document,
    /// How many times a referrer was gone to.
    pub(super) referrals: u64,
    /// Whether all of it is wanted.
    pub(super) is_whole: bool,
}

#[derive(Debug, Default)]
pub(super) struct Graph {
    pub(super) nodes: Vec<Node>,
    positions: HashMap<Digest, usize>,
    /// What manifests run on whose descriptors do not say it.
    pub(super) platforms: HashMap<Digest, Platform>,
    /// What is wanted of indexes that are not wanted whole, once that is known: manifests and indexes.
    pub(super) kept: HashSet<Digest>,
    /// What is copied because of what it refers to.
    pub(super) referrers: Vec<Digest>,
}

impl Graph {
    pub(super) fn insert(&mut self, node: Node) {
        self.positions.insert(node.descriptor.digest.clone(), self.nodes.len());
        self.nodes.push(node);
    }

    pub(super) fn position(&self, digest: &Digest) -> Option<usize> {
        self.positions.get(digest).copied()
    }

    pub(super) fn find(&self, digest: &Digest) -> Option<&Node> {
        self.nodes.get(self.position(digest)?)
    }

    /// Makes all of an index wanted, and answers its entries if that is new.
    pub(super) fn widen(&mut self, digest: &Digest) -> Vec<Descriptor> {
        let Some(node) = self.position(digest).and_then(|position| self.nodes.get_mut(position)) else {
            return Vec::new();
        };
        match &node.document {
            Document::Index(index) if !std::mem::replace(&mut node.is_whole, true) => index.manifests.clone(),
            _ => Vec::new(),
        }
    }

    /// Whether an entry of an index is wanted.
    pub(super) fn keeps(&self, index: &Node, entry: &Descriptor) -> bool {
        index.is_whole || (entry.is_document() && self.kept.contains(&entry.digest))
    }

    /// The positions of what a document lists, is wanted and was read.
    pub(super) fn below(&self, node: &Node) -> Vec<usize> {
        let Document::Index(index) = &node.document else { return Vec::new() };
        let kept = index.manifests.iter().filter(|entry| self.keeps(node, entry));
        kept.filter_map(|entry| self.position(&entry.digest)).collect()
    }

    /// The positions of everything that is copied.
    pub(super) fn included(&self, roots: &[Root]) -> Vec<usize> {
        let roots = roots.iter().map(|root| &root.descriptor.digest);
        let mut stack: Vec<usize> = roots.chain(&self.referrers).filter_map(|digest| self.position(digest)).collect();
        stack.reverse();
        let mut included = Vec::new();
        let mut visited = HashSet::new();
        while let Some(position) = stack.pop() {
            let Some(node) = self.nodes.get(position).filter(|_| visited.insert(position)) else { continue };
            included.push(position);
            stack.extend(self.below(node).into_iter().rev());
        }
        included
    }

    /// Whether an index loses entries, or one inside it does.
    pub(super) fn is_trimmed(&self, digest: &Digest) -> bool {
        let mut stack: Vec<usize> = self.position(digest).into_iter().collect();
        let mut visited = HashSet::new();
        while let Some(position) = stack.pop() {
            let Some(node) = self.nodes.get(position).filter(|_| visited.insert(position)) else { continue };
            if let Document::Index(index) = &node.document {
                if !index.manifests.iter().all(|entry| self.keeps(node, entry)) {
                    return true;
                }
                stack.extend(self.below(node));
            }
        }
        false
    }

    /// What the indexes below a root offer, in the order of the documents: manifests with what they run on.
    pub(super) fn offers(&self, root: &Descriptor) -> Vec<(Digest, Option<Platform>)> {
        let mut offers = Vec::new();
        let mut stack = vec![root.clone()];
        let mut visited = HashSet::new();
        while let Some(descriptor) = stack.pop() {
            match descriptor.media_type.kind() {
                Kind::Index if visited.insert(descriptor.digest.clone()) => {
                    if let Some(Node { document: Document::Index(index), .. }) = self.find(&descriptor.digest) {
                        stack.extend(index.manifests.iter().rev().cloned());
                    }
                }
                Kind::Manifest if !descriptor.is_attestation() => {
                    let platform =
                        descriptor.platform.clone().or_else(|| self.platforms.get(&descriptor.digest).cloned());
                    offers.push((descriptor.digest, platform));
                }
                _ => {}
            }
        }
        offers
    }
}

/// What a document refers to.
pub(super) fn subject(document: &Document) -> Option<&Descriptor> {
    match document {
        Document::Index(index) => index.subject.as_ref(),
        Document::Manifest(manifest) => manifest.subject.as_ref(),
    }
}
