//! What refers to what in a layout, which has no list of that (W-10): every manifest says it itself.

use crate::annotation::Annotations;
use crate::descriptor::Descriptor;
use crate::digest::{Digest, Hashes};
use crate::document::Document;
use crate::error::{Error, Result};
use crate::index::Index;
use crate::limits::Limits;
use crate::media_type::Kind;
use std::collections::{HashMap, HashSet, VecDeque};

/// Reads everything that an `index.json` leads to and remembers what refers to what.
///
/// Where the tag of a referrers fallback stands in the `index.json` (`sha256-...`, W-15), its index is read like any
/// other, and what it lists counts only as far as it does refer to something (W-18).
///
/// Driven like a [`Listing`](crate::resolve::Listing): layouts may lack blobs (Y-07).
#[derive(Debug)]
pub struct Referrers {
    limits: Limits,
    queue: VecDeque<(Descriptor, u64)>,
    visited: HashSet<Digest>,
    listed: u64,
    found: HashMap<Digest, Vec<Descriptor>>,
}

impl Referrers {
    /// Starts at the `index.json` of a layout.
    ///
    /// # Errors
    /// Those of [`Index::parse`], and [`Error::LimitExceeded`].
    pub fn layout(index_json: &[u8], limits: &Limits) -> Result<Self> {
        let index = Index::parse(index_json, limits)?;
        let (queue, visited, found) = (VecDeque::new(), HashSet::new(), HashMap::new());
        let mut referrers = Self { limits: limits.clone(), queue, visited, listed: 0, found };
        referrers.list(&index, 0)?;
        Ok(referrers)
    }

    /// The document to fetch next; nothing when all is known. Asking again gives the same answer.
    #[must_use]
    pub fn next(&self) -> Option<&Descriptor> {
        self.queue.front().map(|(descriptor, _)| descriptor)
    }

    /// Supplies the document that is asked for, or says that it is not there.
    ///
    /// # Errors
    /// [`Error::InvalidState`] when none is asked for, what is wrong with the bytes, and [`Error::LimitExceeded`].
    pub fn supply(&mut self, bytes: Option<&[u8]>, hashes: &dyn Hashes) -> Result<()> {
        let Some((descriptor, depth)) = self.queue.front().cloned() else {
            return Err(Error::InvalidState { reason: "no document is needed" });
        };
        if let Some(bytes) = bytes {
            descriptor.verify(bytes, hashes)?;
            let document = Document::parse(bytes, Some(descriptor.media_type.as_str()), &self.limits)?;
            if let Document::Index(index) = &document {
                self.list(index, depth + 1)?;
            }
            if let Some((subject, referrer)) = referrer(&descriptor, &document) {
                self.found.entry(subject).or_default().push(referrer);
            }
        }
        self.queue.pop_front();
        Ok(())
    }

    /// What refers to a manifest or index, in the order of the documents.
    #[must_use]
    pub fn find(&self, subject: &Digest) -> &[Descriptor] {
        self.found.get(subject).map_or(&[], Vec::as_slice)
    }

    fn list(&mut self, index: &Index, depth: u64) -> Result<()> {
        self.listed = self.listed.saturating_add(index.manifests.len() as u64);
        Limits::check("index-entries", self.limits.index_entries, self.listed, || {
            format!("nested indexes of {} entries", self.listed)
        })?;
        for entry in index.manifests.iter().filter(|entry| entry.is_document()) {
            if entry.media_type.kind() == Kind::Index {
                Limits::check("index-depth", self.limits.index_depth, depth, || {
                    format!("nesting of the index {}", entry.digest)
                })?;
            }
            Limits::check("manifest-bytes", self.limits.manifest_bytes, entry.size, || {
                format!("{} of {} bytes", entry.digest, entry.size)
            })?;
            if self.visited.insert(entry.digest.clone()) {
                self.queue.push_back((entry.clone(), depth));
            }
        }
        Ok(())
    }
}

/// What a document refers to, and the descriptor of it in a list of referrers: with its artifact type, else the media type
/// of its config, and with its annotations (W-11).
#[must_use]
pub fn referrer(descriptor: &Descriptor, document: &Document) -> Option<(Digest, Descriptor)> {
    let (subject, artifact_type, annotations): (_, _, &Annotations) = match document {
        Document::Index(index) => (index.subject.as_ref()?, index.artifact_type.clone(), &index.annotations),
        Document::Manifest(manifest) => {
            (manifest.subject.as_ref()?, Some(manifest.artifact_type().clone()), &manifest.annotations)
        }
    };
    let bare = Descriptor::new(descriptor.media_type.clone(), descriptor.digest.clone(), descriptor.size);
    Some((subject.digest.clone(), Descriptor { artifact_type, annotations: annotations.clone(), ..bare }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blobs::{Blobs, index_json};
    use crate::digest::SoftwareHashes;
    use crate::media_type::MediaType;

    fn read(blobs: &Blobs, entries: &[Descriptor]) -> Result<Referrers> {
        let mut referrers = Referrers::layout(&index_json(entries), &Limits::default())?;
        while let Some(descriptor) = referrers.next().cloned() {
            referrers.supply(blobs.0.get(&descriptor.digest).map(Vec::as_slice), &SoftwareHashes)?;
        }
        Ok(referrers)
    }

    #[test]
    fn w_11_a_manifest_anywhere_below_refers_with_its_type_and_annotations() {
        let mut blobs = Blobs::default();
        let image = blobs.image("linux/amd64", "x");
        let subject = String::from_utf8(image.to_value().to_bytes()).unwrap();
        let config = blobs.add(MediaType::parse("a/config").unwrap(), b"1");
        let members = format!(r#","annotations":{{"a":"b"}},"subject":{subject}"#);
        let signature = blobs.manifest(config, &[], &members);
        // W-15: the index of a fallback tag is read like any other.
        let fallback = blobs.index(std::slice::from_ref(&signature));
        for entries in [vec![image.clone(), signature.clone()], vec![image.clone(), fallback]] {
            let referrers = read(&blobs, &entries).unwrap();
            let [found] = referrers.find(&image.digest) else { panic!("{referrers:?}") };
            assert_eq!((&found.digest, found.size), (&signature.digest, signature.size));
            assert_eq!(found.artifact_type.as_ref().map(MediaType::as_str), Some("a/config"));
            assert_eq!(found.annotations.value("a"), Some("b"));
            assert!(referrers.find(&signature.digest).is_empty());
        }
    }

    #[test]
    fn y_07_what_is_not_there_refers_to_nothing_and_what_is_wrong_is_an_error() {
        let mut blobs = Blobs::default();
        let image = blobs.image("linux/amd64", "x");
        let bytes = blobs.0.remove(&image.digest).unwrap();
        assert!(read(&blobs, std::slice::from_ref(&image)).unwrap().find(&image.digest).is_empty());
        blobs.0.insert(image.digest.clone(), vec![b' '; bytes.len()]);
        assert!(matches!(read(&blobs, &[image]), Err(Error::DigestMismatch { .. })));
    }
}
