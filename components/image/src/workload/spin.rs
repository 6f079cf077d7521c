//! Spin applications: several components, the triggers that call them and their files, in one document.

use super::plan::{Candidate, named};
use super::{Form, GuestFile, Overrides, Place};
use crate::config::Execution;
use crate::descriptor::Descriptor;
use crate::digest::{Algorithm, Digest, Hashes, digest_bytes};
use crate::error::Result;
use crate::json::Cursor;
use crate::json::Value;
use crate::limits::Limits;
use crate::manifest::Manifest;
use crate::media_type::MediaType;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The type of the document, in a layer or, as older Spin has it, in place of the config.
const APPLICATION: &str = "application/vnd.fermyon.spin.application.v1+config";
/// A tar of many files at once.
const BUNDLE: &str = "application/vnd.wasm.content.bundle.v1.tar+gzip";
/// The label of an image that is a Spin application.
const LABEL: &str = "com.fermyon.spin.lockedAppDigest";

/// The document that describes the application, if an image is one: the outer nothing says that it is none.
#[allow(clippy::option_option)]
pub(super) fn document<'a>(manifest: &'a Manifest, execution: &Execution) -> Option<Option<&'a Descriptor>> {
    let mut descriptors = manifest.layers.iter().chain([&manifest.config]);
    let document = descriptors.find(|descriptor| descriptor.media_type.as_str() == APPLICATION);
    (document.is_some() || execution.labels.value(LABEL).is_some()).then_some(document)
}

/// The only component of an application with its files.
///
/// # Errors
/// Why it is not run here.
pub(super) fn read(
    bytes: &[u8],
    manifest: &Manifest,
    overrides: &Overrides,
    limits: &Limits,
    hashes: &dyn Hashes,
) -> std::result::Result<Candidate, String> {
    let value = Value::parse("spin application", bytes, ("config-bytes", limits.config_bytes), limits)
        .map_err(|error| error.to_string())?;
    let document = Cursor::new("spin application", &value);
    let components = document.required("components").and_then(|components| components.elements());
    match components.map_err(|error| error.to_string())?.as_slice() {
        [component] => read_component(component, manifest, overrides, hashes).map_err(|error| error.to_string()),
        [] => Err("it is a Spin application without components".to_owned()),
        several => {
            let ids: Vec<_> = several
                .iter()
                .filter_map(|component| component.optional_string("id").ok().flatten())
                .map(|id| id.chars().take(64).collect::<String>())
                .take(8)
                .collect();
            Err(format!(
                "it is a Spin application with {} components ({}), which only spin runs: use `spin up`",
                several.len(),
                ids.join(", ")
            ))
        }
    }
}

fn read_component(
    component: &Cursor<'_>,
    manifest: &Manifest,
    overrides: &Overrides,
    hashes: &dyn Hashes,
) -> Result<Candidate> {
    let source = content(&component.required("source")?, manifest, hashes)?;
    let args = match component.optional_string("id")? {
        Some(id) if overrides.entrypoint.is_none() => {
            [id].into_iter().chain(overrides.cmd.iter().flatten().cloned()).collect()
        }
        _ => named(&source, overrides),
    };
    let mut candidate = Candidate::new(Form::Spin, Place::Blob(Box::new(source)), args);
    if let Some(env) = component.optional("env")? {
        for (name, value) in env.members()? {
            candidate.env.push(format!("{name}={}", value.string()?));
        }
    }
    for file in component.optional("files")?.map(|files| files.elements()).transpose()?.unwrap_or_default() {
        let content = content(&file, manifest, hashes)?;
        let path = file.required("path")?;
        if content.media_type.as_str() == BUNDLE {
            candidate.warnings.push(format!("{}: files in a bundle are not read", content.digest));
            continue;
        }
        let relative = path.string()?.trim_start_matches('/');
        if relative.is_empty() || relative.split('/').any(|part| matches!(part, "" | "." | "..") || part.contains('\0'))
        {
            return Err(path.invalid("expected a path without empty, . and .. components"));
        }
        candidate.files.push(GuestFile { path: relative.to_owned(), content });
    }
    Ok(candidate)
}

/// What a reference of the document means: a layer by its digest, or bytes that stand in the document.
fn content(reference: &Cursor<'_>, manifest: &Manifest, hashes: &dyn Hashes) -> Result<Descriptor> {
    if let Some(digest) = reference.optional("digest")? {
        let text = digest.string()?;
        let parsed: Digest = text.parse().map_err(|error| digest.invalid(format!("{error}")))?;
        let layer = manifest.layers.iter().find(|layer| layer.digest == parsed);
        return layer.cloned().ok_or_else(|| digest.invalid(format!("{parsed} is no layer of the image")));
    }
    let Some(inline) = reference.optional("inline")? else {
        return Err(reference.invalid("expected a digest or an inline content"));
    };
    let bytes = STANDARD.decode(inline.string()?).map_err(|_| inline.invalid("expected base64"))?;
    let digest = digest_bytes(hashes, &Algorithm::Sha256, &bytes)?;
    let media_type = MediaType::parse("application/octet-stream")?;
    let size = bytes.len() as u64;
    Ok(Descriptor { data: Some(bytes), ..Descriptor::new(media_type, digest, size) })
}
