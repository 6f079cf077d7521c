//! WebAssembly as an artifact of CNCF's TAG Runtime (B-01 to B-05, B-07).

use crate::inspect::{Inspection, Kind};
use portolan_image::artifact::{self as files, Parts};
use portolan_image::digest::{Algorithm, Hashes, digest_bytes};
use portolan_image::json::Value;
use portolan_image::{Annotations, Descriptor, MediaType, Result};

/// The date of what has none. Readers of such configs ask for one, and a clock would change the digest every time.
pub const EPOCH: &str = "1970-01-01T00:00:00Z";

/// The documents of an artifact; its only layer is the file itself.
#[derive(Clone, Debug)]
pub struct Artifact {
    /// What the config is.
    pub config: Descriptor,
    /// The bytes of the config.
    pub config_bytes: Vec<u8>,
    /// What the layer is.
    pub layer: Descriptor,
    /// What the manifest is.
    pub manifest: Descriptor,
    /// The bytes of the manifest.
    pub manifest_bytes: Vec<u8>,
}

/// Packs a file of WebAssembly under a title such as `hello.wasm`.
///
/// A module is for `wasip1`, a component and a WIT package for `wasip2`, since there are no other words.
///
/// # Errors
/// [`Error::InvalidPath`](portolan_image::Error::InvalidPath) when the title is none.
pub fn artifact(
    bytes: &[u8],
    inspection: &Inspection,
    title: &str,
    created: &str,
    annotations: Annotations,
    hashes: &dyn Hashes,
) -> Result<Artifact> {
    let digest = digest_bytes(hashes, &Algorithm::Sha256, bytes)?;
    let layer = files::describe(MediaType::Wasm, digest.clone(), bytes.len() as u64, title)?;
    let text = |text: &str| Value::String(text.to_owned());
    let list = |names: &[String]| Value::Array(names.iter().map(|name| text(name)).collect());
    let component = match inspection.kind {
        Kind::Module => Value::Null,
        Kind::Component | Kind::WitPackage => object(vec![
            ("exports", list(&inspection.exports)),
            ("imports", list(&inspection.imports)),
            ("target", Value::Null),
        ]),
    };
    let config_bytes = object(vec![
        ("created", text(created)),
        ("author", Value::Null),
        ("architecture", text("wasm")),
        ("os", text(if inspection.kind == Kind::Module { "wasip1" } else { "wasip2" })),
        ("layerDigests", Value::Array(vec![text(&digest.to_string())])),
        ("component", component),
    ])
    .to_bytes();
    let digest = digest_bytes(hashes, &Algorithm::Sha256, &config_bytes)?;
    let config = Descriptor::new(MediaType::WasmConfig, digest, config_bytes.len() as u64);
    let parts = Parts { config: Some(config.clone()), files: vec![layer.clone()], annotations, ..Parts::default() };
    let (manifest, manifest_bytes) = parts.pack(hashes)?;
    Ok(Artifact { config, config_bytes, layer, manifest, manifest_bytes })
}

pub(crate) fn object(members: Vec<(&str, Value)>) -> Value {
    Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::inspect;
    use portolan_image::Limits;
    use portolan_image::digest::SoftwareHashes;
    use portolan_image::workload::{Form, Overrides, Recognizer, Workload};

    fn packed(text: &str) -> (Artifact, Workload) {
        let bytes = wat::parse_str(text).unwrap();
        let limits = Limits::default();
        let inspection = inspect(&bytes, &limits).unwrap();
        let none = Annotations::default();
        let artifact = artifact(&bytes, &inspection, "x.wasm", EPOCH, none, &SoftwareHashes).unwrap();
        let overrides = Overrides::default();
        let mut recognizer = Recognizer::start(&artifact.manifest_bytes, None, None, overrides, &limits).unwrap();
        recognizer.supply(Some(&artifact.config_bytes), &SoftwareHashes).unwrap();
        recognizer.supply(Some(&bytes), &SoftwareHashes).unwrap();
        (artifact, recognizer.finish().unwrap())
    }

    /// B-01, B-03, B-04, B-07.
    #[test]
    fn what_is_packed_is_recognised_as_the_artifact_it_is() {
        for (text, os) in [("(module)", "\"os\":\"wasip1\""), ("(component)", "\"os\":\"wasip2\"")] {
            let (artifact, workload) = packed(text);
            assert_eq!((workload.form, workload.warnings.len()), (Form::Artifact, 0));
            assert_eq!(workload.args, ["x.wasm"]);
            let config = String::from_utf8(artifact.config_bytes).unwrap();
            assert!(config.contains(os), "{config}");
        }
    }

    #[test]
    fn the_same_file_makes_the_same_artifact() {
        assert_eq!(packed("(component)").0.manifest, packed("(component)").0.manifest);
        assert_ne!(packed("(component)").0.manifest, packed("(module)").0.manifest);
    }
}
