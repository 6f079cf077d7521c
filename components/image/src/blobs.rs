//! A store of blobs in memory, for tests.

use crate::Algorithm;
use crate::descriptor::Descriptor;
use crate::digest::{Digest, SoftwareHashes, digest_bytes};
use crate::json::Value;
use crate::media_type::MediaType;
use crate::platform::Platform;
use std::collections::HashMap;

#[derive(Default)]
pub(crate) struct Blobs(pub(crate) HashMap<Digest, Vec<u8>>);

impl Blobs {
    pub(crate) fn add(&mut self, media_type: MediaType, bytes: &[u8]) -> Descriptor {
        let digest = digest_bytes(&SoftwareHashes, &Algorithm::Sha256, bytes).unwrap();
        self.0.insert(digest.clone(), bytes.to_vec());
        Descriptor::new(media_type, digest, bytes.len() as u64)
    }

    pub(crate) fn index(&mut self, entries: &[Descriptor]) -> Descriptor {
        self.add(MediaType::ImageIndex, &index_json(entries))
    }

    /// An image of one layer, whose content is `name`; its descriptor states no platform.
    pub(crate) fn image(&mut self, platform: &str, name: &str) -> Descriptor {
        let layer = self.add(MediaType::Layer, name.as_bytes());
        let config = config(platform, &[&layer.digest]);
        let config = self.add(MediaType::ImageConfig, config.as_bytes());
        self.manifest(config, &[layer], "")
    }

    pub(crate) fn manifest(&mut self, config: Descriptor, layers: &[Descriptor], members: &str) -> Descriptor {
        let text = |descriptor: &Descriptor| String::from_utf8(descriptor.to_value().to_bytes()).unwrap();
        let layers: Vec<String> = layers.iter().map(text).collect();
        let (config, layers) = (text(&config), layers.join(","));
        let manifest = format!(r#"{{"schemaVersion":2,"config":{config},"layers":[{layers}]{members}}}"#);
        self.add(MediaType::ImageManifest, manifest.as_bytes())
    }
}

pub(crate) fn config(platform: &str, diff_ids: &[&Digest]) -> String {
    let platform = parse_platform(platform);
    let ids: Vec<String> = diff_ids.iter().map(|id| format!("\"{id}\"")).collect();
    format!(
        r#"{{"os":"{}","architecture":"{}","config":{{"Labels":{{"l":"label"}}}},"rootfs":{{"type":"layers","diff_ids":[{}]}}}}"#,
        platform.os,
        platform.architecture,
        ids.join(",")
    )
}

pub(crate) fn index_json(entries: &[Descriptor]) -> Vec<u8> {
    let entries = Value::Array(entries.iter().map(Descriptor::to_value).collect());
    let members = [("schemaVersion", Value::Unsigned(2)), ("manifests", entries)];
    Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()).to_bytes()
}

pub(crate) fn parse_platform(text: &str) -> Platform {
    Platform::parse(text, &Platform::new("linux", "amd64")).unwrap()
}

impl Descriptor {
    pub(crate) fn on(mut self, platform: &str) -> Self {
        self.platform = Some(parse_platform(platform));
        self
    }

    pub(crate) fn note(mut self, key: &str, value: &str) -> Self {
        let pairs: Vec<(String, String)> = self.annotations.iter().map(|(k, v)| (k.into(), v.into())).collect();
        self.annotations = pairs.into_iter().chain([(key.to_owned(), value.to_owned())]).collect();
        self
    }
}
