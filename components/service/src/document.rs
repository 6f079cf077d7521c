//! Documents: manifests, indexes and configs.

use crate::Failure;
use crate::fetch::Body;
use portolan_image::digest::{SoftwareHashes, digest_bytes};
use portolan_image::{Algorithm, Config, Document, Limits};
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// What a document is: its kind, digest and size, and itself, as it came.
pub(crate) fn inspect(body: &mut Body) -> Result<Vec<u8>, Failure> {
    let limits = Limits::default();
    let bytes = body.all(limits.manifest_bytes.max(limits.config_bytes))?;
    let digest = digest_bytes(&SoftwareHashes, &Algorithm::Sha256, &bytes)?;
    // A config alone says on what it runs.
    let is_config = serde_json::from_slice::<Value>(&bytes).is_ok_and(|json| json.get("rootfs").is_some());
    let (kind, media_type, platforms) = if is_config {
        let config = Config::parse(&bytes, &limits)?;
        ("config", None, vec![config.platform.to_string()])
    } else {
        match Document::parse(&bytes, None, &limits)? {
            Document::Index(index) => {
                let platforms = index.manifests.iter().filter_map(|entry| entry.platform.as_ref());
                (
                    "index",
                    index.media_type.as_ref().map(ToString::to_string),
                    platforms.map(ToString::to_string).collect(),
                )
            }
            Document::Manifest(manifest) => {
                ("manifest", manifest.media_type.as_ref().map(ToString::to_string), Vec::new())
            }
        }
    };
    let said = json!({ "kind": kind, "digest": digest.to_string(), "size": bytes.len(), "mediaType": media_type,
        "platforms": platforms });
    // What was checked is sent on as it came, and is not written anew.
    let raw: &RawValue =
        serde_json::from_slice(&bytes).map_err(|error| Failure::new(422, "invalid-document", error.to_string()))?;
    let mut answer = said.to_string();
    answer.pop();
    answer.push_str(",\"document\":");
    answer.push_str(raw.get());
    answer.push('}');
    Ok(answer.into_bytes())
}
