//! Editing the `index.json` of a layout: what it lists, and under which tags (image-layout.md#indexjson-file).

use crate::annotation::REF_NAME;
use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::error::Result;
use crate::index::Index;
use crate::json::{Cursor, Value};
use crate::limits::Limits;
use crate::media_type::MediaType;

const INDEX: &str = "index.json";

/// What becomes of an entry that loses its tag when no other entry lists the same digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untagged {
    /// It stays without a tag, as in a registry, where the manifest is still there by its digest (W-21).
    Keep,
    /// It goes.
    Drop,
}

/// One entry of an `index.json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The descriptor, with all its annotations.
    pub descriptor: Descriptor,
    /// The value of its `org.opencontainers.image.ref.name`, which may be no tag at all (Y-10).
    pub tag: Option<String>,
}

/// The `index.json` of a layout, to be changed and written again.
///
/// Only what is asked for changes: unknown members, other entries and their order stay (Y-12).
///
/// ```
/// use portolan_image::layout::{Listing, Untagged};
/// use portolan_image::{Descriptor, Limits};
/// let mut listing = Listing::default();
/// listing.set_tag("latest", &Descriptor::empty(), Untagged::Drop);
/// let again = Listing::parse(&listing.to_bytes(), &Limits::default())?;
/// assert_eq!(again.entries()?[0].tag.as_deref(), Some("latest"));
/// # Ok::<(), portolan_image::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Listing {
    value: Value,
}

impl Default for Listing {
    /// The index of a new layout, which lists nothing.
    fn default() -> Self {
        let members = [
            ("schemaVersion", Value::Unsigned(2)),
            ("mediaType", Value::String(MediaType::ImageIndex.as_str().to_owned())),
            ("manifests", Value::Array(Vec::new())),
        ];
        Self { value: Value::Object(members.map(|(name, value)| (name.to_owned(), value)).to_vec()) }
    }
}

impl Listing {
    /// Parses an `index.json` (Y-02). Entries of unknown media types are no error (Y-09).
    ///
    /// Its size is bounded by `manifest-bytes` and its length by `index-entries`, so whoever serves many images from one
    /// layout raises both.
    ///
    /// # Errors
    /// Those of [`Index::parse`].
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self> {
        let value = Value::parse(INDEX, bytes, ("manifest-bytes", limits.manifest_bytes), limits)?;
        Index::read(bytes, &value, limits)?;
        Ok(Self { value })
    }

    /// The entries in their order.
    ///
    /// # Errors
    /// None for what [`Listing::parse`] took: the entries were read there already.
    pub fn entries(&self) -> Result<Vec<Entry>> {
        let entries = Cursor::new(INDEX, &self.value).required("manifests")?.elements()?;
        let read = |entry: &Cursor<'_>| {
            let descriptor = Descriptor::read(entry)?;
            let tag = descriptor.annotations.value(REF_NAME).map(str::to_owned);
            Ok(Entry { descriptor, tag })
        };
        entries.iter().map(read).collect()
    }

    /// Lets a tag name a manifest, whatever it named before.
    ///
    /// The entry of that tag is replaced where it stands; more entries of the same tag go (Y-10 allows them, and no
    /// reader could choose). A manifest that is listed without a tag gets this one there, with all its members.
    /// Else an entry is added at the end. An `org.opencontainers.image.ref.name` of the descriptor itself is replaced.
    pub fn set_tag(&mut self, tag: &str, descriptor: &Descriptor, untagged: Untagged) {
        let digest = descriptor.digest.to_string();
        let entries = self.manifests();
        if entries.iter().any(|entry| tag_of(entry) == Some(tag) && is_of(entry, &digest, descriptor))
            && entries.iter().filter(|entry| tag_of(entry) == Some(tag)).count() == 1
        {
            return;
        }
        let mut entry =
            match entries.iter().position(|entry| tag_of(entry).is_none() && is_of(entry, &digest, descriptor)) {
                Some(place) => entries.remove(place),
                None => descriptor.to_value(),
            };
        write_tag(&mut entry, Some(tag));
        let place = entries.iter().position(|entry| tag_of(entry) == Some(tag));
        let mut displaced = Vec::new();
        let mut kept = Vec::with_capacity(entries.len() + 1);
        for (index, old) in std::mem::take(entries).into_iter().enumerate() {
            if tag_of(&old) != Some(tag) {
                kept.push(old);
                continue;
            }
            if Some(index) == place {
                kept.push(entry.clone());
            }
            displaced.push(old);
        }
        if place.is_none() {
            kept.push(entry);
        }
        *entries = kept;
        self.put_back(displaced, untagged);
    }

    /// Lists a manifest without a tag, unless it is listed already.
    pub fn add(&mut self, descriptor: &Descriptor) {
        let digest = descriptor.digest.to_string();
        let entries = self.manifests();
        if !entries.iter().any(|entry| digest_of(entry) == Some(&digest)) {
            let mut entry = descriptor.to_value();
            write_tag(&mut entry, None);
            entries.push(entry);
        }
    }

    /// Takes a tag from the manifest that it names; answers whether there was such a tag.
    pub fn remove_tag(&mut self, tag: &str, untagged: Untagged) -> bool {
        let entries = self.manifests();
        let (displaced, kept): (Vec<_>, Vec<_>) =
            std::mem::take(entries).into_iter().partition(|entry| tag_of(entry) == Some(tag));
        *entries = kept;
        let found = !displaced.is_empty();
        self.put_back(displaced, untagged);
        found
    }

    /// Removes a manifest with all its tags (W-21); answers whether it was listed.
    pub fn remove_digest(&mut self, digest: &Digest) -> bool {
        let digest = digest.to_string();
        let entries = self.manifests();
        let before = entries.len();
        entries.retain(|entry| digest_of(entry) != Some(&digest));
        entries.len() != before
    }

    /// The bytes of the file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.value.to_bytes()
    }

    /// Lists entries again that lost their tag, where nothing else lists their digest.
    fn put_back(&mut self, displaced: Vec<Value>, untagged: Untagged) {
        if untagged == Untagged::Drop {
            return;
        }
        let entries = self.manifests();
        for mut entry in displaced {
            if !entries.iter().any(|other| digest_of(other) == digest_of(&entry)) {
                write_tag(&mut entry, None);
                entries.push(entry);
            }
        }
    }

    fn manifests(&mut self) -> &mut Vec<Value> {
        list(&mut self.value, "manifests")
    }
}

/// The array that is a member of an object. Both are there, since they were parsed or made here; if not, they are made.
fn list<'a>(object: &'a mut Value, name: &str) -> &'a mut Vec<Value> {
    let place = member(object, name, || Value::Array(Vec::new()));
    if !matches!(place, Value::Array(_)) {
        *place = Value::Array(Vec::new());
    }
    match place {
        Value::Array(values) => values,
        _ => list(place, name),
    }
}

fn member<'a>(object: &'a mut Value, name: &str, new: impl FnOnce() -> Value) -> &'a mut Value {
    if let Value::Object(members) = object {
        let place = members.iter().position(|(found, _)| found == name).unwrap_or_else(|| {
            members.push((name.to_owned(), new()));
            members.len() - 1
        });
        return &mut members[place].1;
    }
    object
}

fn digest_of(entry: &Value) -> Option<&str> {
    entry.member("digest").and_then(Value::as_str)
}

fn tag_of(entry: &Value) -> Option<&str> {
    entry.member("annotations").and_then(|annotations| annotations.member(REF_NAME)).and_then(Value::as_str)
}

fn is_of(entry: &Value, digest: &str, descriptor: &Descriptor) -> bool {
    digest_of(entry) == Some(digest)
        && entry.member("mediaType").and_then(Value::as_str) == Some(descriptor.media_type.as_str())
}

/// Sets or removes the annotation; an object of annotations that ends up empty goes.
fn write_tag(entry: &mut Value, tag: Option<&str>) {
    let Value::Object(members) = entry else { return };
    let place = members.iter().position(|(name, _)| name == "annotations");
    let annotations = place.map(|place| &mut members[place].1);
    match (annotations, tag) {
        (Some(Value::Object(annotations)), tag) => {
            match (annotations.iter_mut().find(|(name, _)| name == REF_NAME), tag) {
                (Some((_, value)), Some(tag)) => *value = Value::String(tag.to_owned()),
                (None, Some(tag)) => annotations.push((REF_NAME.to_owned(), Value::String(tag.to_owned()))),
                (_, None) => annotations.retain(|(name, _)| name != REF_NAME),
            }
            if annotations.is_empty() {
                members.retain(|(name, _)| name != "annotations");
            }
        }
        // Missing, or null, which is the same (T-04).
        (_, Some(tag)) => {
            members.retain(|(name, _)| name != "annotations");
            let annotation = (REF_NAME.to_owned(), Value::String(tag.to_owned()));
            members.push(("annotations".to_owned(), Value::Object(vec![annotation])));
        }
        (_, None) => {}
    }
}

#[cfg(test)]
mod tests;
