//! The interface `reference`.

use crate::Component;
use crate::bindings::exports::portolan::image::reference::{
    Candidate, Guest, ImageReference, Location, Name, Selector,
};
use crate::types::Result;
use portolan_image::reference;

impl Guest for Component {
    fn parse(text: String) -> Result<ImageReference> {
        Ok(text.parse::<reference::ImageReference>()?.into())
    }

    fn parse_destination(text: String) -> Result<ImageReference> {
        Ok(reference::ImageReference::destination(&text)?.into())
    }

    fn parse_name(text: String) -> Result<Name> {
        Ok(text.parse::<reference::Named>()?.into())
    }
}

impl From<reference::ImageReference> for ImageReference {
    fn from(parsed: reference::ImageReference) -> Self {
        let (location, name) = match parsed.location {
            reference::Location::Layout => (Location::Layout, None),
            reference::Location::LayoutArchive => (Location::LayoutArchive, None),
            reference::Location::DockerArchive => (Location::DockerArchive, None),
            reference::Location::Any => (Location::Path, None),
            reference::Location::Stdin => (Location::StandardInput, None),
            reference::Location::Registry(name) => (Location::Registry, Some(Name::from(name))),
        };
        let candidates = parsed
            .candidates
            .into_iter()
            .map(|candidate| Candidate { path: candidate.path, selector: candidate.selector.into() })
            .collect();
        Self { location, candidates, name }
    }
}

impl From<reference::Selector> for Selector {
    fn from(selector: reference::Selector) -> Self {
        let (tag, digest) = match selector {
            reference::Selector::None => (None, None),
            reference::Selector::Tag(tag) => (Some(tag), None),
            reference::Selector::Digest(digest) => (None, Some(digest.to_string())),
            reference::Selector::TagAndDigest(tag, digest) => (Some(tag), Some(digest.to_string())),
        };
        Self { tag, digest }
    }
}

impl From<reference::Named> for Name {
    fn from(name: reference::Named) -> Self {
        Self {
            registry: name.domain().to_owned(),
            repository: name.path().to_owned(),
            selector: Selector { tag: name.tag().map(str::to_owned), digest: name.digest().map(ToString::to_string) },
            canonical: name.to_string(),
            familiar: name.familiar(),
        }
    }
}
