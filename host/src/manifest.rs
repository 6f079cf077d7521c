//! Documents, and the ways from a place to its images.

use crate::error::{Error, ErrorCode, Result};
use crate::reference::Selector;
use crate::source::Source;
use crate::toolkit::Toolkit;

pub use crate::bindings::exports::portolan::image::manifest::{
    Config, DockerDocuments, DockerImage, DockerLayout, DockerMembers, Document, Finding, History, ImageManifest,
    Index, LayerWork, Listed, Origin, PlacedAnnotation, Resolved, Severity, Task, Verified, Wanted, WantedPlatforms,
    Work,
};
pub use crate::bindings::exports::portolan::image::types::{Annotation, Descriptor, Platform};

/// How many bytes of a file that should be a document are read at most, before the toolkit applies its own limits.
pub(crate) const DOCUMENT_BYTES: u64 = 64 << 20;

/// Parses an index or manifest of the media type that its transport says, if any.
///
/// # Errors
/// What is wrong with the document.
pub fn parse(toolkit: &Toolkit, bytes: &[u8], media_type: Option<&str>) -> Result<Document> {
    toolkit.instantiate()?.attempt(|exports, store| {
        exports.portolan_image_manifest().call_parse(store, bytes, media_type, toolkit.limits())
    })
}

/// Parses an image config.
///
/// # Errors
/// What is wrong with the document.
pub fn parse_config(toolkit: &Toolkit, bytes: &[u8]) -> Result<Config> {
    toolkit
        .instantiate()?
        .attempt(|exports, store| exports.portolan_image_manifest().call_parse_config(store, bytes, toolkit.limits()))
}

/// Parses an `oci-layout` file and answers its version.
///
/// # Errors
/// What is wrong with the document.
pub fn parse_layout(toolkit: &Toolkit, bytes: &[u8]) -> Result<String> {
    toolkit
        .instantiate()?
        .attempt(|exports, store| exports.portolan_image_manifest().call_parse_layout(store, bytes, toolkit.limits()))
}

/// Parses the `manifest.json` of a docker-archive.
///
/// # Errors
/// What is wrong with the document.
pub fn parse_docker_archive(toolkit: &Toolkit, bytes: &[u8]) -> Result<Vec<DockerImage>> {
    toolkit.instantiate()?.attempt(|exports, store| {
        exports.portolan_image_manifest().call_parse_docker_archive(store, bytes, toolkit.limits())
    })
}

/// Writes the documents that a docker-archive lacks; see `synthesize` in `wit/manifest.wit`.
///
/// # Errors
/// When the archive and its members do not fit together.
pub fn synthesize(toolkit: &Toolkit, archive: &[u8], members: &[DockerMembers]) -> Result<DockerLayout> {
    toolkit.instantiate()?.attempt(|exports, store| {
        exports.portolan_image_manifest().call_synthesize(store, archive, members, toolkit.limits())
    })
}

/// Finds the one image of a place that a selector and platforms mean.
///
/// # Errors
/// When there is none, or several and nothing says which, or a document on the way is wrong.
pub fn resolve(
    toolkit: &Toolkit,
    source: &dyn Source,
    selector: &Selector,
    platforms: WantedPlatforms,
) -> Result<Resolved> {
    let wanted = Wanted { tag: selector.tag.clone(), digest: selector.digest.clone(), platforms };
    let index = source.index()?;
    let mut instance = toolkit.instantiate()?;
    let resolver = instance.attempt(|exports, store| {
        exports.portolan_image_manifest().resolver().call_start(store, &index, &wanted, toolkit.limits())
    })?;
    loop {
        let next =
            instance.call(|exports, store| exports.portolan_image_manifest().resolver().call_next(store, resolver))?;
        let Some(descriptor) = next else { break };
        let bytes = document(source, &descriptor)?.ok_or_else(|| Error::missing(&descriptor.digest))?;
        instance.attempt(|exports, store| {
            exports.portolan_image_manifest().resolver().call_supply(store, resolver, &bytes)
        })?;
    }
    instance.attempt(|exports, store| exports.portolan_image_manifest().resolver().call_finish(store, resolver))
}

/// Lists all images of a place, or those below a tag or digest.
///
/// # Errors
/// When a document on the way is wrong. One that is not there is no error.
pub fn list(toolkit: &Toolkit, source: &dyn Source, selector: &Selector) -> Result<Vec<Listed>> {
    let index = source.index()?;
    let (tag, digest) = (selector.tag.as_deref(), selector.digest.as_deref());
    let mut instance = toolkit.instantiate()?;
    let lister = instance.attempt(|exports, store| {
        exports.portolan_image_manifest().lister().call_start(store, &index, tag, digest, toolkit.limits())
    })?;
    loop {
        let next =
            instance.call(|exports, store| exports.portolan_image_manifest().lister().call_next(store, lister))?;
        let Some(descriptor) = next else { break };
        let bytes = document(source, &descriptor)?;
        instance.attempt(|exports, store| {
            exports.portolan_image_manifest().lister().call_supply(store, lister, bytes.as_deref())
        })?;
    }
    instance.call(|exports, store| exports.portolan_image_manifest().lister().call_finish(store, lister))
}

/// What a selector names, without looking into it: one descriptor, or several of one name for different platforms.
///
/// # Errors
/// `reference-not-found`; or, on the way to a digest, what is wrong with a document.
pub fn roots(toolkit: &Toolkit, source: &dyn Source, selector: &Selector) -> Result<Vec<Descriptor>> {
    let index = source.index()?;
    let (tag, digest) = (selector.tag.as_deref(), selector.digest.as_deref());
    let mut instance = toolkit.instantiate()?;
    let lister = instance.attempt(|exports, store| {
        exports.portolan_image_manifest().lister().call_start(store, &index, tag, digest, toolkit.limits())
    })?;
    let mut roots: Vec<Descriptor> = Vec::new();
    loop {
        let next =
            instance.call(|exports, store| exports.portolan_image_manifest().lister().call_next(store, lister))?;
        let Some(descriptor) = next else { break };
        let bytes = match digest {
            Some(digest) if descriptor.digest == digest => return Ok(vec![descriptor]),
            Some(_) => document(source, &descriptor)?,
            // Without its documents the listing stays at what the selector names.
            None => {
                roots.push(descriptor);
                None
            }
        };
        instance.attempt(|exports, store| {
            exports.portolan_image_manifest().lister().call_supply(store, lister, bytes.as_deref())
        })?;
    }
    let listed =
        instance.call(|exports, store| exports.portolan_image_manifest().lister().call_finish(store, lister))?;
    for Listed { descriptor, .. } in listed {
        if digest.is_none_or(|digest| descriptor.digest == digest)
            && roots.iter().all(|root| root.digest != descriptor.digest)
        {
            roots.push(descriptor);
        }
    }
    Ok(roots)
}

/// The bytes of a document, verified. `limit` is the key of the limit that bounds it.
///
/// # Errors
/// `blob-not-found`, `limit-exceeded`, or that it is not what its descriptor promises.
pub fn fetch(toolkit: &Toolkit, source: &dyn Source, descriptor: &Descriptor, limit: &str) -> Result<Vec<u8>> {
    let most = toolkit.limit(limit)?;
    if descriptor.size > most {
        return Err(Error::Image {
            code: ErrorCode::LimitExceeded,
            message: format!(
                "{} of {} bytes exceeds the limit of {most} bytes; raise {limit} to allow it",
                descriptor.digest, descriptor.size
            ),
        });
    }
    let bytes = match source.fetch(&descriptor.digest)? {
        Some(blob) => blob.read_whole(descriptor.size)?,
        None => descriptor.data.clone().ok_or_else(|| Error::missing(&descriptor.digest))?,
    };
    crate::digest::verify(toolkit, &descriptor.digest, descriptor.size, bytes.as_slice())?;
    Ok(bytes)
}

/// The bytes of a document as they lie there, from its descriptor where that embeds them.
pub(crate) fn document(source: &dyn Source, descriptor: &Descriptor) -> Result<Option<Vec<u8>>> {
    match source.fetch(&descriptor.digest)? {
        Some(blob) => blob.read_whole(descriptor.size.min(DOCUMENT_BYTES)).map(Some),
        None => Ok(descriptor.data.clone()),
    }
}
