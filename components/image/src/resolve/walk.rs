//! Walking indexes inside indexes, in the order of the documents.

use super::{check_size, name};
use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::document::Document;
use crate::error::{Error, Result};
use crate::index::Index;
use crate::limits::Limits;
use crate::media_type::Kind;
use crate::platform::Platform;
use crate::reference::Selector;
use std::collections::{HashMap, HashSet};

/// An index that was read, and the position of the one that lists it.
#[derive(Debug)]
struct Node {
    descriptor: Option<Descriptor>,
    index: Index,
    parent: Option<usize>,
    depth: u64,
}

/// What an index lists and is no index.
#[derive(Debug)]
pub(super) struct Entry {
    parent: Option<usize>,
    pub(super) descriptor: Descriptor,
}

#[derive(Debug)]
pub(super) struct Walk {
    limits: Limits,
    nodes: Vec<Node>,
    entries: Vec<Entry>,
    stack: Vec<Entry>,
    pending: Option<Entry>,
    visited: HashSet<Digest>,
    listed: u64,
    /// What the layout calls the things that it lists itself.
    names: HashMap<Digest, String>,
    /// The digest that is looked for, until it is found.
    sought: Option<Digest>,
    found: Option<Digest>,
}

impl Walk {
    fn new(limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            nodes: Vec::new(),
            entries: Vec::new(),
            stack: Vec::new(),
            pending: None,
            visited: HashSet::new(),
            listed: 0,
            names: HashMap::new(),
            sought: None,
            found: None,
        }
    }

    pub(super) fn layout(index_json: &[u8], selector: &Selector, limits: &Limits) -> Result<Self> {
        let mut walk = Self::new(limits);
        let index = Index::parse(index_json, limits)?;
        let (entries, sought) = name::matching(&index, selector)?;
        walk.sought = sought;
        walk.begin(index, entries)?;
        Ok(walk)
    }

    /// Every entry of a layout, whether or not one is meant.
    pub(super) fn everything(index_json: &[u8], limits: &Limits) -> Result<Self> {
        let mut walk = Self::new(limits);
        let index = Index::parse(index_json, limits)?;
        let entries = index.manifests.clone();
        walk.begin(index, entries)?;
        Ok(walk)
    }

    fn begin(&mut self, index: Index, entries: Vec<Descriptor>) -> Result<()> {
        for entry in &index.manifests {
            if let Some(name) = name::name(entry) {
                self.names.entry(entry.digest.clone()).or_insert_with(|| name.to_owned());
            }
        }
        self.nodes.push(Node { descriptor: None, index, parent: None, depth: 0 });
        self.list(entries, Some(0))
    }

    pub(super) fn descriptor(root: Descriptor, limits: &Limits) -> Result<Self> {
        if !root.is_document() {
            // Parsing with this type gives the reason, also for Docker schema 1.
            Document::parse(b"", Some(root.media_type.as_str()), limits)?;
        }
        let mut walk = Self::new(limits);
        walk.list(vec![root], None)?;
        Ok(walk)
    }

    /// Puts descriptors on the stack, the first one on top; of those only the sought one, once it is among them.
    fn list(&mut self, mut descriptors: Vec<Descriptor>, parent: Option<usize>) -> Result<()> {
        self.listed = self.listed.saturating_add(descriptors.len() as u64);
        Limits::check("index-entries", self.limits.index_entries, self.listed, || {
            format!("nested indexes of {} entries", self.listed)
        })?;
        if let Some(sought) = self.sought.take() {
            match descriptors.iter().position(|descriptor| descriptor.digest == sought) {
                Some(position) => {
                    descriptors = vec![descriptors.swap_remove(position)];
                    self.stack.clear();
                    self.entries.clear();
                    self.found = Some(sought);
                }
                None => self.sought = Some(sought),
            }
        }
        self.stack.extend(descriptors.into_iter().rev().map(|descriptor| Entry { parent, descriptor }));
        Ok(())
    }

    /// Goes on to the next index that has to be fetched; nothing when all are read.
    pub(super) fn advance(&mut self) -> Result<Option<Descriptor>> {
        while self.pending.is_none() {
            let Some(entry) = self.stack.pop() else { break };
            if entry.descriptor.media_type.kind() != Kind::Index {
                self.entries.push(entry);
                continue;
            }
            // I-09: each index once, however often it is listed.
            if !self.visited.insert(entry.descriptor.digest.clone()) {
                continue;
            }
            Limits::check("index-depth", self.limits.index_depth, self.depth(entry.parent), || {
                format!("nesting of the index {}", entry.descriptor.digest)
            })?;
            check_size(&entry.descriptor, &self.limits)?;
            self.pending = Some(entry);
        }
        Ok(self.pending.as_ref().map(|entry| entry.descriptor.clone()))
    }

    fn depth(&self, parent: Option<usize>) -> u64 {
        parent.and_then(|parent| self.nodes.get(parent)).map_or(0, |node| node.depth + 1)
    }

    /// Takes the bytes of the index that [`Walk::advance`] asked for.
    pub(super) fn supply(&mut self, bytes: &[u8]) -> Result<()> {
        let Some(entry) = &self.pending else { return Ok(()) };
        let document = Document::parse(bytes, Some(entry.descriptor.media_type.as_str()), &self.limits)?;
        let Document::Index(index) = document else {
            return Err(Error::AmbiguousDocument { reason: "an index is expected, found a manifest".to_owned() });
        };
        let Some(entry) = self.pending.take() else { return Ok(()) };
        let (parent, depth) = (entry.parent, self.depth(entry.parent));
        let descriptors = index.manifests.clone();
        self.nodes.push(Node { descriptor: Some(entry.descriptor), index: *index, parent, depth });
        self.list(descriptors, self.nodes.len().checked_sub(1))
    }

    /// The positions of the entries that may be selected.
    ///
    /// # Errors
    /// [`Error::ReferenceNotFound`] with what there is when there are none.
    pub(super) fn candidates(&self) -> Result<Vec<usize>> {
        self.check_found()?;
        let selectable = |entry: &Entry| {
            // Whoever names an attestation by its digest gets it.
            let is_named = self.found.as_ref() == Some(&entry.descriptor.digest);
            entry.descriptor.media_type.kind() == Kind::Manifest && (is_named || !entry.descriptor.is_attestation())
        };
        let entries = self.entries.iter().enumerate();
        let positions: Vec<usize> =
            entries.filter(|(_, entry)| selectable(entry)).map(|(position, _)| position).collect();
        if positions.is_empty() {
            let there: Vec<String> = self.entries.iter().map(|entry| entry.descriptor.media_type.to_string()).collect();
            return Err(Error::ReferenceNotFound {
                reason: format!("the index lists no image; {}", name::list(&there)),
            });
        }
        Ok(positions)
    }

    /// Fails when a digest was asked for that nothing lists.
    pub(super) fn check_found(&self) -> Result<()> {
        let Some(sought) = &self.sought else { return Ok(()) };
        let there: Vec<String> = self.entries.iter().map(|entry| entry.descriptor.digest.to_string()).collect();
        Err(Error::ReferenceNotFound { reason: format!("{sought} is not there; {}", name::list(&there)) })
    }

    /// Goes on without the index that [`Walk::advance`] asked for.
    pub(super) fn skip(&mut self) {
        self.pending = None;
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(super) fn entry(&self, position: usize) -> Result<&Entry> {
        self.entries.get(position).ok_or(Error::InvalidState { reason: "there is no such entry" })
    }

    pub(super) fn platform(&self, position: usize) -> Option<Platform> {
        self.entries.get(position)?.descriptor.platform.clone()
    }

    pub(super) fn digest(&self, position: usize) -> Option<&Digest> {
        self.entries.get(position).map(|entry| &entry.descriptor.digest)
    }

    /// The first name by which the layout lists something.
    pub(super) fn name(&self, digest: &Digest) -> Option<&str> {
        self.names.get(digest).map(String::as_str)
    }

    /// The digests of the indexes above an entry, outermost first.
    pub(super) fn chain(&self, position: usize) -> Vec<Digest> {
        let nodes = self.above(position).into_iter().filter_map(|node| self.nodes.get(node));
        nodes.filter_map(|node| node.descriptor.as_ref().map(|descriptor| descriptor.digest.clone())).collect()
    }

    /// The indexes above an entry, outermost first; they are gone from the walk afterwards.
    pub(super) fn take_chain(&mut self, position: usize) -> Vec<(Option<Descriptor>, Index)> {
        let above = self.above(position);
        let nodes = std::mem::take(&mut self.nodes).into_iter().enumerate();
        // Parents stand before their children, so the order of the nodes is that of the chain.
        nodes.filter(|(at, _)| above.contains(at)).map(|(_, node)| (node.descriptor, node.index)).collect()
    }

    fn above(&self, position: usize) -> Vec<usize> {
        let parent = self.entries.get(position).and_then(|entry| entry.parent);
        let up = |at: &usize| self.nodes.get(*at).and_then(|node| node.parent);
        let mut above: Vec<usize> = std::iter::successors(parent, up).collect();
        above.reverse();
        above
    }
}
