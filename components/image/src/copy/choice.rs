//! Which images of an index are wanted, by their platforms.

use super::graph::Node;
use super::{Copying, Place, Root};
use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::document::Document;
use crate::error::{Error, Result};
use crate::media_type::Kind;
use crate::platform::{Platform, matches_exactly, order};
use std::collections::HashSet;

impl Copying {
    /// Decides what is wanted of the roots, and queues what of it was not read yet.
    pub(super) fn choose(&mut self) -> Result<()> {
        let mut kept: HashSet<Digest> = HashSet::new();
        let offers = |group: Vec<&Root>| group.iter().flat_map(|root| self.graph.offers(&root.descriptor)).collect();
        let groups: Vec<Vec<_>> = groups(&self.roots).into_iter().map(offers).collect();
        for offers in groups {
            kept.extend(self.wanted(&offers)?);
        }
        self.keep(kept);
        // Of several manifests of one name those go that are for other platforms.
        let roots = std::mem::take(&mut self.roots);
        self.roots = roots.into_iter().filter(|root| self.graph.kept.contains(&root.descriptor.digest)).collect();
        self.check_tags()?;
        let entries = |node: &Node| match &node.document {
            Document::Index(index) => {
                let kept = index.manifests.iter().filter(|entry| self.graph.kept.contains(&entry.digest));
                let place =
                    Place { parent: Some(node.descriptor.digest.clone()), depth: 0, referrals: 0, is_whole: true };
                kept.filter(|entry| entry.media_type.kind() == Kind::Manifest)
                    .map(|entry| (entry.clone(), place.clone()))
                    .collect()
            }
            Document::Manifest(_) => Vec::new(),
        };
        let wanted: Vec<(Descriptor, Place)> = self.graph.nodes.iter().flat_map(entries).collect();
        wanted.into_iter().try_for_each(|(entry, place)| self.queue(&entry, place))
    }

    /// The manifests that are meant: for each platform those that are for it, else the one that runs best on it.
    fn wanted(&mut self, offers: &[(Digest, Option<Platform>)]) -> Result<Vec<Digest>> {
        let stated: Vec<(&Digest, &Platform)> =
            offers.iter().filter_map(|(digest, platform)| Some((digest, platform.as_ref()?))).collect();
        let candidates: Vec<_> = stated.iter().map(|(_, platform)| Some(*platform)).collect();
        let mut kept: Vec<Digest> = Vec::new();
        let mut unmatched = Vec::new();
        for wanted in &self.options.platforms {
            let exact = stated.iter().filter(|(_, platform)| matches_exactly(wanted, platform));
            let mut found: Vec<Digest> = exact.map(|(digest, _)| (*digest).clone()).collect();
            if found.is_empty() {
                let best = order(&candidates, std::slice::from_ref(wanted)).first().copied();
                found.extend(best.and_then(|best| stated.get(best)).map(|(digest, _)| (*digest).clone()));
            }
            if found.is_empty() {
                unmatched.push(wanted.to_string());
            }
            kept.extend(found);
        }
        let mut available: Vec<String> = stated
            .iter()
            .filter(|(_, platform)| !platform.is_unknown())
            .map(|(_, platform)| platform.to_string())
            .collect();
        let mut seen = HashSet::new();
        available.retain(|platform| seen.insert(platform.clone()));
        if kept.is_empty() {
            return Err(Error::PlatformNotFound { wanted: unmatched, available });
        }
        if !unmatched.is_empty() {
            let (wanted, there) = (unmatched.join(", "), available.join(", "));
            self.warnings.push(format!("there is no image for {wanted}; there is {there}"));
        }
        Ok(kept)
    }

    /// Keeps manifests with the attestations about them, and the indexes that have any of these.
    fn keep(&mut self, manifests: HashSet<Digest>) {
        let indexes = || {
            self.graph.nodes.iter().filter_map(|node| match &node.document {
                Document::Index(index) => Some((&node.descriptor.digest, index)),
                Document::Manifest(_) => None,
            })
        };
        let attests = |entry: &&Descriptor| {
            entry.media_type.kind() == Kind::Manifest
                && entry.is_attestation()
                && entry.attestation_of().is_some_and(|image| manifests.contains(&image))
        };
        let entries = indexes().flat_map(|(_, index)| &index.manifests);
        let mut kept: HashSet<Digest> = entries.filter(attests).map(|entry| entry.digest.clone()).collect();
        kept.extend(manifests.iter().cloned());
        // An index may be read before another one that lists it, so that one pass is not enough; there are no more than
        // indexes are nested.
        loop {
            let has_any = |entries: &[Descriptor]| entries.iter().any(|entry| kept.contains(&entry.digest));
            let more: Vec<Digest> = indexes()
                .filter(|(digest, index)| !kept.contains(digest) && has_any(&index.manifests))
                .map(|(digest, _)| digest.clone())
                .collect();
            if more.is_empty() {
                break;
            }
            kept.extend(more);
        }
        self.graph.kept = kept;
    }

    /// Fails when one tag would name several manifests (Y-10 allows it, a registry does not).
    pub(super) fn check_tags(&self) -> Result<()> {
        for group in groups(&self.roots) {
            let Some((first, tag)) = group.first().and_then(|root| Some((&root.descriptor, root.tag.as_ref()?))) else {
                continue;
            };
            if group.iter().any(|root| root.descriptor.digest != first.digest) {
                let reason = format!(
                    "{} stands for several manifests; choose one by its platform or digest",
                    crate::json::quote(tag)
                );
                return Err(Error::ReferenceNotFound { reason });
            }
        }
        Ok(())
    }
}

/// Roots of one tag are one image; each root without a tag is one, too.
fn groups(roots: &[Root]) -> Vec<Vec<&Root>> {
    let mut groups: Vec<Vec<&Root>> = Vec::new();
    for root in roots {
        let same =
            |group: &&mut Vec<&Root>| root.tag.is_some() && group.first().is_some_and(|first| first.tag == root.tag);
        match groups.iter_mut().find(same) {
            Some(group) => group.push(root),
            None => groups.push(vec![root]),
        }
    }
    groups
}
