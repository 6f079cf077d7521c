//! The interface `manifest`: the documents. The ways through them are in its submodules.

mod documents;
mod listing;
mod referring;
mod resolving;
mod verifying;

use crate::Component;
use crate::bindings::exports::portolan::image::manifest::{
    Config, DockerDocuments, DockerImage, DockerLayout, DockerMembers, Document, Guest,
};
use crate::types::{Imported, Limit, Result, limits};
use listing::Lister;
use portolan_image::digest::{Algorithm, digest_bytes};
use portolan_image::reference::Selector;
use portolan_image::{self as image, docker};
use referring::Referrers;
use resolving::Resolver;
use verifying::Verification;

impl Guest for Component {
    type Resolver = Resolver;
    type Lister = Lister;
    type Referrers = Referrers;
    type Verification = Verification;

    fn parse(bytes: Vec<u8>, media_type: Option<String>, replaced: Vec<Limit>) -> Result<Document> {
        Ok(match image::Document::parse(&bytes, media_type.as_deref(), &limits(&replaced)?)? {
            image::Document::Index(index) => Document::Index((*index).into()),
            image::Document::Manifest(manifest) => Document::Image((*manifest).into()),
        })
    }

    fn parse_config(bytes: Vec<u8>, replaced: Vec<Limit>) -> Result<Config> {
        Ok(image::Config::parse(&bytes, &limits(&replaced)?)?.into())
    }

    fn parse_layout(bytes: Vec<u8>, replaced: Vec<Limit>) -> Result<String> {
        Ok(image::Layout::parse(&bytes, &limits(&replaced)?)?.image_layout_version)
    }

    fn parse_docker_archive(bytes: Vec<u8>, replaced: Vec<Limit>) -> Result<Vec<DockerImage>> {
        let archive = docker::Archive::parse(&bytes, &limits(&replaced)?)?;
        Ok(archive
            .images
            .into_iter()
            .map(|image| DockerImage { config: image.config, repo_tags: image.repo_tags, layers: image.layers })
            .collect())
    }

    fn synthesize(archive: Vec<u8>, members: Vec<DockerMembers>, replaced: Vec<Limit>) -> Result<DockerLayout> {
        let limits = limits(&replaced)?;
        let archive = docker::Archive::parse(&archive, &limits)?;
        let mut images = Vec::new();
        let mut descriptors = Vec::new();
        for (image, members) in archive.images.iter().zip(members) {
            let config = image::Config::parse(&members.config, &limits)?;
            let config_digest = digest_bytes(&Imported, &Algorithm::Sha256, &members.config)?;
            let size = members.config.len() as u64;
            let manifest = image.manifest((config_digest.clone(), size), &config.diff_ids, &members.layer_sizes)?;
            let manifest_digest = digest_bytes(&Imported, &Algorithm::Sha256, &manifest)?;
            descriptors.push(image::Descriptor {
                platform: Some(config.platform),
                ..image::Descriptor::new(
                    image::MediaType::DockerManifest,
                    manifest_digest.clone(),
                    manifest.len() as u64,
                )
            });
            images.push(DockerDocuments {
                manifest,
                manifest_digest: manifest_digest.to_string(),
                config_digest: config_digest.to_string(),
                layer_digests: config.diff_ids.iter().map(ToString::to_string).collect(),
            });
        }
        Ok(DockerLayout { index: archive.index(&descriptors)?, images })
    }
}

/// What a tag and a digest select together.
fn selector(tag: Option<String>, digest: Option<String>) -> Result<Selector> {
    let digest = digest.map(|digest| digest.parse()).transpose()?;
    Ok(match (tag, digest) {
        (None, None) => Selector::None,
        (Some(tag), None) => Selector::Tag(tag),
        (None, Some(digest)) => Selector::Digest(digest),
        (Some(tag), Some(digest)) => Selector::TagAndDigest(tag, digest),
    })
}
