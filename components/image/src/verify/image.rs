//! An image in the graph: its layers wait for its config, which knows their DiffIDs.

use super::checks::{self, Facts};
use super::findings::Severity;
use super::{GraphVerifier, Pending, Role, Work};
use crate::descriptor::Descriptor;
use crate::digest::{Digest, Hashes};
use crate::manifest::Manifest;
use crate::media_type::MediaType;
use crate::platform::Platform;

#[derive(Debug)]
pub(super) enum ConfigState {
    Waiting(Vec<Layers>),
    Known(Option<Facts>),
}

/// The layers of an image whose config is not known yet.
#[derive(Debug)]
pub(super) struct Layers {
    manifest: Digest,
    /// Each with whether it can be verified at all.
    layers: Vec<(Descriptor, bool)>,
    platform: Option<Platform>,
    place: String,
}

impl GraphVerifier {
    pub(super) fn manifest(&mut self, manifest: &Manifest, descriptor: &Descriptor, place: &str, hashes: &dyn Hashes) {
        let here = &descriptor.digest;
        checks::annotations(&mut self.report, &manifest.annotations, Some(here), &here.to_string());
        if let Some(subject) = &manifest.subject {
            self.visit(subject, format!("{here}/subject"), 0, true, hashes);
        }
        if manifest.config.media_type == MediaType::WasmConfig && manifest.layers.len() != 1 {
            // B-02.
            let message = format!("a WebAssembly artifact has one layer, this one has {}", manifest.layers.len());
            self.report.invalid(Severity::Warning, Some(here), &format!("{here}/layers"), message);
        }
        let place_of = |position: usize| format!("{here}/layers/{position}");
        let can_read_config = self.check(&manifest.config, &format!("{here}/config"), hashes);
        if !manifest.is_image() {
            if can_read_config {
                self.stream(Work::Blob { descriptor: manifest.config.clone() }, format!("{here}/config"));
            }
            for (position, layer) in manifest.layers.iter().enumerate() {
                if self.check(layer, &place_of(position), hashes) {
                    self.stream(Work::Blob { descriptor: layer.clone() }, place_of(position));
                }
            }
            return;
        }
        let layers = manifest.layers.iter().enumerate();
        let layers =
            layers.map(|(position, layer)| (layer.clone(), self.check(layer, &place_of(position), hashes))).collect();
        let layers = Layers {
            manifest: here.clone(),
            layers,
            platform: descriptor.platform.clone().filter(|_| !descriptor.is_attestation()),
            place: place.to_owned(),
        };
        self.config(&manifest.config, layers, can_read_config);
    }

    /// Queues a config, or goes on with the layers when it is known already.
    fn config(&mut self, config: &Descriptor, layers: Layers, can_read: bool) {
        match self.configs.get_mut(&config.digest) {
            Some(ConfigState::Waiting(waiting)) => return waiting.push(layers),
            Some(ConfigState::Known(facts)) => {
                let facts = facts.clone();
                return self.layers(&layers, facts.as_ref());
            }
            None => {}
        }
        let place = format!("{}/config", layers.manifest);
        self.configs.insert(config.digest.clone(), ConfigState::Waiting(vec![layers]));
        if can_read && self.is_within(Ok(()), "config-bytes", self.limits.config_bytes, config, &place) {
            let work = Work::Document { descriptor: config.clone() };
            self.documents.push_back(Pending { work, role: Role::Config, place });
        } else {
            self.config_known(&config.digest, None);
        }
    }

    pub(super) fn config_known(&mut self, digest: &Digest, facts: Option<Facts>) {
        let state = self.configs.insert(digest.clone(), ConfigState::Known(facts.clone()));
        if let Some(ConfigState::Waiting(waiting)) = state {
            waiting.iter().for_each(|layers| self.layers(layers, facts.as_ref()));
        }
    }

    fn layers(&mut self, image: &Layers, facts: Option<&Facts>) {
        if let Some(facts) = facts {
            let (layers, diff_ids) = (image.layers.len(), facts.diff_ids.len());
            if layers != diff_ids {
                // Row 43.
                let message = format!("the manifest has {layers} layers, its config has {diff_ids} diff_ids");
                let place = format!("{}/layers", image.manifest);
                self.report.invalid(Severity::Error, Some(&image.manifest), &place, message);
            }
            if let Some(stated) = &image.platform {
                checks::platform(&mut self.report, stated, &facts.platform, &image.manifest, &image.place);
            }
        }
        for (position, (layer, _)) in image.layers.iter().enumerate().filter(|(_, (_, can_verify))| *can_verify) {
            let diff_id = facts.and_then(|facts| facts.diff_ids.get(position)).cloned();
            let place = format!("{}/layers/{position}", image.manifest);
            if layer.media_type.is_layer() {
                let compression = layer.media_type.compression();
                self.stream(Work::Layer { descriptor: layer.clone(), diff_id, compression }, place);
                continue;
            }
            // BuildKit's attestations have images' configs, and layers of JSON whose DiffIDs are their digests.
            if let Some(diff_id) = diff_id.filter(|diff_id| diff_id.0 != layer.digest) {
                let message = format!("the diffID {diff_id} is not verified: {} is no layer type", layer.media_type);
                let digest = Some(&layer.digest);
                self.report.invalid(Severity::Warning, digest, &format!("{place}/mediaType"), message);
            }
            self.stream(Work::Blob { descriptor: layer.clone() }, place);
        }
    }
}
