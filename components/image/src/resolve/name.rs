//! Finding the entries of an `index.json` that have a name (image-layout.md#indexjson-file).

use crate::annotation::{CONTAINERD_IMAGE_NAME, REF_NAME};
use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::index::Index;
use crate::reference::{Named, Selector, is_tag};

/// How many things an error lists.
const LISTED: usize = 20;

/// The entries that a selector means, and the digest to look for among and below them.
pub(super) fn matching(index: &Index, selector: &Selector) -> Result<(Vec<Descriptor>, Option<Digest>)> {
    let entries = &index.manifests;
    match selector {
        Selector::None => Ok((only(entries)?, None)),
        Selector::Digest(digest) => Ok((entries.clone(), Some(digest.clone()))),
        Selector::Tag(tag) => {
            let found = named(entries, tag)?.ok_or_else(|| missing(tag, entries))?;
            Ok((found, None))
        }
        // Y-10: any text may be a name, this one too.
        Selector::TagAndDigest(tag, digest) => {
            let whole = format!("{tag}@{digest}");
            if let Some(found) = exact(entries, &whole) {
                return Ok((found, None));
            }
            let found = named(entries, tag)?.ok_or_else(|| missing(tag, entries))?;
            Ok((found, Some(digest.clone())))
        }
    }
}

fn missing(tag: &str, entries: &[Descriptor]) -> Error {
    Error::ReferenceNotFound {
        reason: format!("no image is named {}; {}", crate::json::quote(tag), list(&names(entries))),
    }
}

/// `there is a, b, c and 4 more`.
pub(super) fn list(there: &[String]) -> String {
    let mut unique: Vec<&str> = Vec::new();
    for name in there {
        if !unique.contains(&name.as_str()) {
            unique.push(name);
        }
        if unique.len() > LISTED {
            unique.pop();
            return format!("there is {} and more", unique.join(", "));
        }
    }
    if unique.is_empty() { "there is nothing".to_owned() } else { format!("there is {}", unique.join(", ")) }
}

/// What an entry is called: its tag, or its full name where there is none.
pub(super) fn name(entry: &Descriptor) -> Option<&str> {
    entry.annotations.value(REF_NAME).or_else(|| entry.annotations.value(CONTAINERD_IMAGE_NAME))
}

/// What can be asked for: names, and digests of what has none.
fn names(entries: &[Descriptor]) -> Vec<String> {
    let short = |text: &str| text.chars().take(200).collect::<String>();
    entries.iter().map(|entry| name(entry).map_or_else(|| entry.digest.to_string(), short)).collect()
}

/// Every entry when no name is needed to tell them apart: they have one digest, or one name, or no names but platforms.
fn only(entries: &[Descriptor]) -> Result<Vec<Descriptor>> {
    let mut images: Vec<&Descriptor> =
        entries.iter().filter(|entry| entry.is_document() && !entry.is_attestation()).collect();
    if images.is_empty() {
        // The walk says what there is instead.
        return Ok(entries.to_vec());
    }
    // Signatures and the like stand beside the image that they are about.
    if images.iter().any(|entry| entry.artifact_type.is_none()) {
        images.retain(|entry| entry.artifact_type.is_none());
    }
    let is_same = |(one, other): (&&Descriptor, &&Descriptor)| one.digest == other.digest;
    let has_same_name = |(one, other): (&&Descriptor, &&Descriptor)| name(one) == name(other);
    let pairs = || images.iter().zip(images.iter().skip(1));
    let has_choice = |entry: &&Descriptor| name(entry).is_some() || entry.platform.is_some();
    let is_one_image = pairs().all(has_same_name) && images.iter().all(has_choice);
    if !pairs().all(is_same) && !is_one_image {
        let images: Vec<Descriptor> = images.into_iter().cloned().collect();
        return Err(Error::ReferenceNotFound {
            reason: format!("there are several images and none was named; {}", list(&names(&images))),
        });
    }
    Ok(images.into_iter().cloned().collect())
}

fn exact(entries: &[Descriptor], text: &str) -> Option<Vec<Descriptor>> {
    let by = |key| filter(entries, |entry| entry.annotations.value(key) == Some(text));
    by(REF_NAME).or_else(|| by(CONTAINERD_IMAGE_NAME))
}

fn filter(entries: &[Descriptor], is_meant: impl Fn(&Descriptor) -> bool) -> Option<Vec<Descriptor>> {
    let found: Vec<Descriptor> = entries.iter().filter(|entry| is_meant(entry)).cloned().collect();
    (!found.is_empty()).then_some(found)
}

/// The full references of an entry. A bare word in `ref.name` is a tag, not Docker's short name of a repository.
fn references(entry: &Descriptor) -> impl Iterator<Item = Named> + '_ {
    let short = entry.annotations.value(REF_NAME).filter(|name| name.contains([':', '/']));
    let full = entry.annotations.value(CONTAINERD_IMAGE_NAME);
    full.into_iter().chain(short).filter_map(|name| name.parse::<Named>().ok()).map(Named::with_default_tag)
}

/// The entries with a name: as it stands, else as Docker normalises it, else by its tag alone (Y-13), else by position.
fn named(entries: &[Descriptor], text: &str) -> Result<Option<Vec<Descriptor>>> {
    if let Some(found) = exact(entries, text) {
        return Ok(Some(found));
    }
    if let Ok(wanted) = text.parse::<Named>().map(Named::with_default_tag)
        && let Some(found) = filter(entries, |entry| references(entry).any(|reference| reference == wanted))
    {
        return Ok(Some(found));
    }
    if is_tag(text)
        && let Some(found) = filter(entries, |entry| references(entry).any(|named| named.tag() == Some(text)))
    {
        let mut repositories = found.iter().filter_map(|entry| references(entry).next()).map(|named| named.name());
        let first = repositories.next();
        if repositories.any(|repository| Some(repository) != first) {
            return Err(Error::ReferenceNotFound {
                reason: format!("several images have the tag {text}; {}", list(&names(&found))),
            });
        }
        return Ok(Some(found));
    }
    let Some(position) = text.strip_prefix('@').and_then(|digits| digits.parse::<usize>().ok()) else {
        return Ok(None);
    };
    let mut digests: Vec<&Digest> = Vec::new();
    for entry in entries {
        if digests.last() != Some(&&entry.digest) {
            digests.push(&entry.digest);
        }
    }
    Ok(digests.get(position).and_then(|digest| filter(entries, |entry| &entry.digest == *digest)))
}
