//! Documents, and the ways from a place to its images.

mod referrers;

use crate::bindings;
use crate::error::{Error, Result};
use crate::reference::Selector;
use crate::source::Source;
use crate::toolkit::{Instance, State, Toolkit};
use std::ops::ControlFlow::{self, Break, Continue};
use wasmtime::Store;
use wasmtime::component::ResourceAny;

pub use crate::bindings::exports::portolan::image::manifest::{
    Config, DockerDocuments, DockerImage, DockerLayout, DockerMembers, Document, Finding, History, ImageManifest,
    Index, LayerWork, Listed, Origin, PlacedAnnotation, Resolved, Severity, Task, Verified, Wanted, WantedPlatforms,
    Work,
};
pub use crate::bindings::exports::portolan::image::types::{Annotation, Descriptor, Platform};

pub(crate) use referrers::Referrers;

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
    let asks = Asks {
        next: |exports, store, resolver| exports.portolan_image_manifest().resolver().call_next(store, resolver),
        supply: |exports, store, resolver, bytes| {
            let bytes = bytes.unwrap_or_default();
            exports.portolan_image_manifest().resolver().call_supply(store, resolver, bytes)
        },
    };
    asks.answer(&mut instance, resolver, |descriptor| {
        let bytes = document(source, &descriptor)?.ok_or_else(|| Error::missing(&descriptor.digest))?;
        Ok(Continue(Some(bytes)))
    })?;
    instance.attempt(|exports, store| exports.portolan_image_manifest().resolver().call_finish(store, resolver))
}

/// Lists all images of a place, or those below a tag or digest.
///
/// # Errors
/// When a document on the way is wrong. One that is not there is no error.
pub fn list(toolkit: &Toolkit, source: &dyn Source, selector: &Selector) -> Result<Vec<Listed>> {
    let (mut instance, lister) = lister(toolkit, source, selector)?;
    LISTER.answer(&mut instance, lister, |descriptor| Ok(Continue(document(source, &descriptor)?)))?;
    instance.call(|exports, store| exports.portolan_image_manifest().lister().call_finish(store, lister))
}

/// What a selector names, without looking into it: one descriptor, or several of one name for different platforms.
///
/// # Errors
/// `reference-not-found`; or, on the way to a digest, what is wrong with a document.
pub fn roots(toolkit: &Toolkit, source: &dyn Source, selector: &Selector) -> Result<Vec<Descriptor>> {
    let digest = selector.digest.as_deref();
    let (mut instance, lister) = lister(toolkit, source, selector)?;
    let mut roots: Vec<Descriptor> = Vec::new();
    let found = LISTER.answer(&mut instance, lister, |descriptor| match digest {
        Some(digest) if descriptor.digest == digest => Ok(Break(descriptor)),
        Some(_) => Ok(Continue(document(source, &descriptor)?)),
        // Without its documents the listing stays at what the selector names.
        None => {
            roots.push(descriptor);
            Ok(Continue(None))
        }
    })?;
    if let Some(found) = found {
        return Ok(vec![found]);
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

fn lister(toolkit: &Toolkit, source: &dyn Source, selector: &Selector) -> Result<(Instance, ResourceAny)> {
    let index = source.index()?;
    let (tag, digest) = (selector.tag.as_deref(), selector.digest.as_deref());
    let mut instance = toolkit.instantiate()?;
    let lister = instance.attempt(|exports, store| {
        exports.portolan_image_manifest().lister().call_start(store, &index, tag, digest, toolkit.limits())
    })?;
    Ok((instance, lister))
}

const LISTER: Asks = Asks {
    next: |exports, store, lister| exports.portolan_image_manifest().lister().call_next(store, lister),
    supply: |exports, store, lister, bytes| {
        exports.portolan_image_manifest().lister().call_supply(store, lister, bytes)
    },
};

type Supplied = wasmtime::Result<std::result::Result<(), bindings::exports::portolan::image::types::Error>>;
type Next = fn(&bindings::Toolkit, &mut Store<State>, ResourceAny) -> wasmtime::Result<Option<Descriptor>>;
type Supply = fn(&bindings::Toolkit, &mut Store<State>, ResourceAny, Option<&[u8]>) -> Supplied;

/// The methods of a resource that asks for one document after the other.
struct Asks {
    next: Next,
    supply: Supply,
}

impl Asks {
    /// Answers until nothing is asked for any more, or until `answer` has found what it wants, which is then returned.
    fn answer(
        &self,
        instance: &mut Instance,
        resource: ResourceAny,
        mut answer: impl FnMut(Descriptor) -> Result<ControlFlow<Descriptor, Option<Vec<u8>>>>,
    ) -> Result<Option<Descriptor>> {
        while let Some(descriptor) = instance.call(|exports, store| (self.next)(exports, store, resource))? {
            let bytes = match answer(descriptor)? {
                Continue(bytes) => bytes,
                Break(found) => return Ok(Some(found)),
            };
            instance.attempt(|exports, store| (self.supply)(exports, store, resource, bytes.as_deref()))?;
        }
        Ok(None)
    }
}

/// The bytes of a document, verified. `limit` is the key of the limit that bounds it.
///
/// # Errors
/// `blob-not-found`, `limit-exceeded`, or that it is not what its descriptor promises.
pub fn fetch(toolkit: &Toolkit, source: &dyn Source, descriptor: &Descriptor, limit: &str) -> Result<Vec<u8>> {
    let most = toolkit.limit(limit)?;
    if descriptor.size > most {
        let subject = format_args!("{} of {} bytes", descriptor.digest, descriptor.size);
        return Err(Error::exceeded(subject, most, limit));
    }
    let bytes = match source.fetch(descriptor)? {
        Some(blob) => blob.read_whole(descriptor.size)?,
        None => descriptor.data.clone().ok_or_else(|| Error::missing(&descriptor.digest))?,
    };
    crate::digest::verify(toolkit, &descriptor.digest, descriptor.size, bytes.as_slice())?;
    Ok(bytes)
}

/// The bytes of a document as they lie there, from its descriptor where that embeds them.
pub(crate) fn document(source: &dyn Source, descriptor: &Descriptor) -> Result<Option<Vec<u8>>> {
    match source.fetch(descriptor)? {
        Some(blob) => blob.read_whole(descriptor.size.min(DOCUMENT_BYTES)).map(Some),
        None => Ok(descriptor.data.clone()),
    }
}
