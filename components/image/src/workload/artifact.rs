//! The artifact of CNCF's TAG Runtime: what its config says, and whether that fits its layer (B-01 to B-05, row 59).

use super::plan::{Candidate, named};
use super::{Form, Overrides, Place};
use crate::json::{Cursor, Value, quote};
use crate::limits::Limits;
use crate::manifest::Manifest;

/// What the config and the only layer of a manifest say.
///
/// # Errors
/// Why they are no such artifact.
pub(super) fn read(
    bytes: &[u8],
    manifest: &Manifest,
    overrides: &Overrides,
    limits: &Limits,
) -> Result<Candidate, String> {
    let [layer] = manifest.layers.as_slice() else { return Err("it must have one layer (B-02)".to_owned()) };
    let (os, has_component) = config(bytes, manifest, limits).map_err(|error| error.to_string())?;
    let mut candidate = Candidate::new(Form::Artifact, Place::Blob(Box::new(layer.clone())), named(layer, overrides));
    if has_component && !is_component_os(&os) {
        candidate.warnings.push(format!("its config describes a component and says {os}"));
    }
    candidate.os = Some(os);
    Ok(candidate)
}

/// The operating system of a config, and whether it describes a component.
fn config(bytes: &[u8], manifest: &Manifest, limits: &Limits) -> crate::Result<(String, bool)> {
    let value = Value::parse("wasm config", bytes, ("config-bytes", limits.config_bytes), limits)?;
    let document = Cursor::new("wasm config", &value);
    let architecture = document.required("architecture")?;
    if !["wasm", "wasm32"].iter().any(|known| architecture.string().is_ok_and(|name| name.eq_ignore_ascii_case(known)))
    {
        let found = architecture.string()?;
        return Err(architecture.invalid(format!("expected wasm, found {}", quote(found))));
    }
    let os = document.required("os")?;
    let name = os.string()?.to_ascii_lowercase();
    if !["wasi", "wasip1", "wasip2", "wasip3"].contains(&name.as_str()) {
        return Err(os.invalid(format!("expected wasip1 or wasip2, found {}", quote(os.string()?))));
    }
    let digests = document.required("layerDigests")?;
    let layers: Vec<_> = manifest.layers.iter().map(|layer| layer.digest.to_string()).collect();
    let said = digests.strings()?;
    if said != layers {
        let reason = format!("the layers are {}, this says {}", layers.join(", "), quote(&said.join(", ")));
        return Err(digests.invalid(reason));
    }
    let component = document.optional("component")?;
    if let Some(component) = &component {
        component.members()?;
    } else if is_component_os(&name) {
        return Err(document.invalid(format!("component is missing, and the os is {name} (B-04)")));
    }
    Ok((name, component.is_some()))
}

fn is_component_os(os: &str) -> bool {
    matches!(os, "wasip2" | "wasip3")
}
