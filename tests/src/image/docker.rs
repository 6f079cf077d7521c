//! The two shapes of `docker save`: the classic one, and that of Docker 25 and later.

use super::archive::archive;
use super::layout::{Built, File, Layout};
use super::{Algorithm, media_type};
use serde_json::{Map, Value, json};

impl Layout {
    /// The tagged images as `docker save` wrote them before Docker 25.
    ///
    /// `manifest.json`, `repositories`, `<config>.json`, and for each layer `<id>/layer.tar`, `json` and `VERSION`; a
    /// layer that occurs again is a symbolic link to its first `layer.tar`. Tags become `repository:tag`.
    #[must_use]
    pub fn docker_archive(&self, repository: &str) -> Vec<u8> {
        let mut files: Vec<(String, File)> = Vec::new();
        let mut manifests = Vec::new();
        let mut tags = Map::new();
        let mut first: Vec<(String, String)> = Vec::new();
        for (digest, names) in self.tagged() {
            let Built { config, layers } = &self.built[digest];
            let mut parent = String::new();
            let mut paths = Vec::new();
            for (at, (_, tar)) in layers.iter().enumerate() {
                let diff_id = Algorithm::Sha256.digest(tar);
                // The ids were hashes of the v1 config; all that matters is that they differ along the chain.
                let id = encoded(&Algorithm::Sha256.digest(format!("{config} {parent} {diff_id} {at}").as_bytes()));
                let mut json = json!({ "id": id, "created": "1970-01-01T00:00:00Z" });
                if !parent.is_empty() {
                    json["parent"] = parent.into();
                }
                let content = match first.iter().find(|(other, _)| *other == diff_id) {
                    Some((_, id)) => File::Symlink(format!("../{id}/layer.tar")),
                    None => {
                        first.push((diff_id, id.clone()));
                        File::Bytes(tar.clone())
                    }
                };
                files.push((format!("{id}/VERSION"), File::Bytes(b"1.0".to_vec())));
                files.push((format!("{id}/json"), bytes(&json)));
                files.push((format!("{id}/layer.tar"), content));
                paths.push(format!("{id}/layer.tar"));
                parent = id;
            }
            let config_path = format!("{}.json", encoded(config));
            files.push((config_path.clone(), File::Bytes(self.bytes(config).unwrap_or_default().to_vec())));
            tags.extend(names.iter().map(|name| ((*name).to_owned(), parent.clone().into())));
            let names: Vec<String> = names.iter().map(|name| format!("{repository}:{name}")).collect();
            manifests.push(json!({ "Config": config_path, "RepoTags": names, "Layers": paths }));
        }
        files.push(("manifest.json".to_owned(), bytes(&manifests.into())));
        files.push(("repositories".to_owned(), bytes(&json!({ repository: tags }))));
        archive(files)
    }

    /// The layout as Docker 25 and later save it: an oci-archive with `manifest.json` and `repositories` inside.
    ///
    /// The layers keep their compression, as they do with Docker's containerd image store.
    #[must_use]
    pub fn docker_combined(&self, repository: &str) -> Vec<u8> {
        let path = |digest: &str| format!("blobs/{}", digest.replacen(':', "/", 1));
        let mut layout = self.clone();
        let mut manifests = Vec::new();
        let mut tags = Map::new();
        for (digest, names) in self.tagged() {
            let Built { config, layers } = &self.built[digest];
            let paths: Vec<String> = layers.iter().map(|(blob, _)| path(blob)).collect();
            let top = layers.last().map(|(blob, _)| encoded(blob)).unwrap_or_default();
            tags.extend(names.iter().map(|name| ((*name).to_owned(), Value::from(top.clone()))));
            let sources: Map<String, Value> = layers.iter().map(|(blob, tar)| self.source(blob, tar)).collect();
            let names: Vec<String> = names.iter().map(|name| format!("{repository}:{name}")).collect();
            manifests.push(json!({
                "Config": path(config), "RepoTags": names, "Layers": paths, "LayerSources": sources,
            }));
        }
        layout.file("manifest.json", serde_json::to_vec(&manifests).expect("a JSON value has a text"));
        layout.file("repositories", json!({ repository: tags }).to_string());
        layout.oci_archive()
    }

    fn source(&self, digest: &str, tar: &[u8]) -> (String, Value) {
        let blob = self.bytes(digest).unwrap_or_default();
        let media_type = match blob {
            [0x1f, 0x8b, ..] => media_type::TAR_GZIP,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => media_type::TAR_ZSTD,
            _ => media_type::TAR,
        };
        let source = json!({ "mediaType": media_type, "size": blob.len(), "digest": digest });
        (Algorithm::Sha256.digest(tar), source)
    }
}

fn encoded(digest: &str) -> String {
    digest.split_once(':').map_or(digest, |(_, encoded)| encoded).to_owned()
}

fn bytes(json: &Value) -> File {
    File::Bytes(json.to_string().into_bytes())
}
