//! Manifests that are no container images: artifacts, wasm, attestations.

use super::layout::Layout;
use super::{Algorithm, Descriptor, media_type};
use serde_json::{Value, json};

impl Layout {
    /// Puts an artifact in: the empty config, `artifactType`, and layers of any media type.
    ///
    /// Without files it has the empty descriptor as its one layer; with a subject it is a referrer.
    pub fn artifact(
        &mut self,
        artifact_type: &str,
        files: &[(&str, &[u8])],
        subject: Option<&Descriptor>,
    ) -> Descriptor {
        let empty = self.blob(media_type::EMPTY, Algorithm::Sha256, b"{}".to_vec());
        let mut layers: Vec<Value> = files
            .iter()
            .map(|(media_type, bytes)| self.blob(media_type, Algorithm::Sha256, bytes.to_vec()).0)
            .collect();
        if layers.is_empty() {
            layers.push(empty.0.clone());
        }
        let mut manifest = json!({
            "schemaVersion": 2, "mediaType": media_type::MANIFEST, "artifactType": artifact_type,
            "config": empty.0, "layers": layers,
        });
        if let Some(subject) = subject {
            let bare = |key: &str| subject.0[key].clone();
            manifest["subject"] =
                json!({ "mediaType": bare("mediaType"), "digest": bare("digest"), "size": bare("size") });
        }
        self.json(media_type::MANIFEST, Algorithm::Sha256, &manifest).with("artifactType", artifact_type)
    }

    /// Puts a CNCF wasm artifact in (B-01 to B-05); `os` is `wasip1` for a module, `wasip2` for a component.
    pub fn wasm(&mut self, os: &str, created: &str, wasm: Vec<u8>, component: Option<Value>) -> Descriptor {
        let layer = self.blob(media_type::WASM, Algorithm::Sha256, wasm);
        let config = json!({
            "created": created, "author": null, "architecture": "wasm", "os": os,
            "layerDigests": [layer.digest()], "component": component,
        });
        let config = self.json(media_type::WASM_CONFIG, Algorithm::Sha256, &config);
        let manifest = json!({
            "schemaVersion": 2, "mediaType": media_type::MANIFEST, "config": config.0, "layers": [layer.0],
        });
        self.json(media_type::MANIFEST, Algorithm::Sha256, &manifest).platform(&format!("{os}/wasm"))
    }

    /// Puts an attestation in as BuildKit does: an index entry for `unknown/unknown` that names its image (L-14).
    ///
    /// The statement's `predicateType` becomes the layer's annotation.
    pub fn attestation(&mut self, image: &Descriptor, statement: &Value) -> Descriptor {
        let layer = self.json(media_type::IN_TOTO, Algorithm::Sha256, statement);
        let layer = match statement["predicateType"].as_str() {
            Some(predicate) => layer.annotation("in-toto.io/predicate-type", predicate),
            None => layer,
        };
        let config = json!({
            "architecture": "unknown", "os": "unknown", "config": {},
            "rootfs": { "type": "layers", "diff_ids": [layer.digest()] },
        });
        let config = self.json(media_type::CONFIG, Algorithm::Sha256, &config);
        let manifest = json!({
            "schemaVersion": 2, "mediaType": media_type::MANIFEST, "config": config.0, "layers": [layer.0],
        });
        self.json(media_type::MANIFEST, Algorithm::Sha256, &manifest)
            .annotation("vnd.docker.reference.digest", image.digest())
            .annotation("vnd.docker.reference.type", "attestation-manifest")
            .platform("unknown/unknown")
    }
}
