//! What can be said about parts of documents without looking further.

use super::findings::{Report, Severity};
use crate::annotation::{self, Annotations};
use crate::config::{Config, is_date_time};
use crate::descriptor::Descriptor;
use crate::digest::{DiffId, Digest, Hashes};
use crate::json::quote;
use crate::platform::Platform;

/// What later checks need of a config.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) diff_ids: Vec<DiffId>,
    pub(super) platform: Platform,
}

impl Facts {
    pub(super) fn of(config: &Config) -> Self {
        Self { diff_ids: config.diff_ids.clone(), platform: config.platform.clone() }
    }
}

/// D-11: embedded data is the blob or a lie.
pub(super) fn data(report: &mut Report, descriptor: &Descriptor, place: &str, hashes: &dyn Hashes) {
    if let Err(error) = descriptor.verify_data(hashes) {
        report.error(&error, Some(&descriptor.digest), &format!("{place}/data"));
    }
}

pub(super) fn annotations(report: &mut Report, annotations: &Annotations, digest: Option<&Digest>, place: &str) {
    for (key, value) in annotations.iter() {
        let message = match key {
            "" => "an annotation has an empty key".to_owned(),
            annotation::CREATED if !is_date_time(value) => {
                format!("{key} is no date-time as RFC 3339 has it: {}", quote(value))
            }
            annotation::BASE_DIGEST if value.parse::<Digest>().is_err() => {
                format!("{key} is no digest: {}", quote(value))
            }
            // T-03.
            _ if annotation::is_reserved(key) => {
                format!("{} is reserved by the specifications and not defined there", quote(key))
            }
            _ => continue,
        };
        report.invalid(Severity::Warning, digest, &format!("{place}/annotations"), message);
    }
}

/// C-21: the specification has no MUST for it, builders do get it wrong, and nothing breaks.
pub(super) fn history(report: &mut Report, config: &Config, digest: &Digest) {
    let (steps, layers) = (config.history_layers(), config.diff_ids.len());
    if !config.history.is_empty() && steps != layers {
        let message = format!("the history has {steps} steps with a layer, rootfs has {layers} diff_ids");
        report.invalid(Severity::Warning, Some(digest), &format!("{digest}/history"), message);
    }
}

/// Many images for arm say amd64 in their config, because they were built with the wrong base; runtimes take them.
pub(super) fn platform(report: &mut Report, stated: &Platform, config: &Platform, digest: &Digest, place: &str) {
    let (stated, config) = (stated.normalize(), config.normalize());
    let is_variant_wrong = stated.variant.is_some() && config.variant.is_some() && stated.variant != config.variant;
    if stated.os != config.os || stated.architecture != config.architecture || is_variant_wrong {
        let message = format!("the descriptor says {}, the config says {}", stated.triple(), config.triple());
        report.invalid(Severity::Warning, Some(digest), &format!("{place}/platform"), message);
    }
}
