//! WebAssembly as a container image whose entry point it is, which Docker, containerd and crun run.

use crate::inspect::{Inspection, Kind};
use crate::pack::object;
use miniz_oxide::deflate::compress_to_vec;
use portolan_image::digest::{Algorithm, Digest, Hashes, digest_bytes};
use portolan_image::json::Value;
use portolan_image::{Annotations, Descriptor, Error, MediaType, Platform, Result};

/// How hard the layer is compressed. The compressor gives the same bytes on every machine.
const LEVEL: u8 = 6;

/// What a container image says beside its program.
#[derive(Clone, Debug, Default)]
pub struct Execution {
    /// The arguments of the program.
    pub args: Vec<String>,
    /// Variables as `NAME=value`.
    pub env: Vec<String>,
    /// Where it starts.
    pub working_dir: Option<String>,
}

/// The documents and the layer of a container image.
#[derive(Clone, Debug)]
pub struct Container {
    /// What the manifest is.
    pub manifest: Descriptor,
    /// The blobs with their bytes, the manifest last.
    pub blobs: Vec<(Descriptor, Vec<u8>)>,
}

/// Packs a file of WebAssembly as an image made from nothing, with the file at `/NAME` as its entry point (config.md). Its
/// platform is `wasi/wasm`, which is what Docker asks for.
///
/// # Errors
/// [`Error::InvalidPath`] when the name is none, [`Error::InvalidWorkload`] for a WIT package, which cannot be run.
pub fn container(
    bytes: &[u8],
    inspection: &Inspection,
    name: &str,
    created: &str,
    execution: &Execution,
    annotations: &Annotations,
    hashes: &dyn Hashes,
) -> Result<Container> {
    if inspection.kind == Kind::WitPackage {
        let tried =
            vec!["it is a WIT package, which holds types alone: a container would have nothing to run".to_owned()];
        return Err(Error::InvalidWorkload { tried });
    }
    let archive = archive(bytes, name)?;
    let diff_id = digest_bytes(hashes, &Algorithm::Sha256, &archive)?;
    let layer = gzip(&archive);
    let layer_descriptor = describe(MediaType::LayerGzip, &layer, hashes)?;
    let text = |text: &str| Value::String(text.to_owned());
    let list = |items: &[String]| Value::Array(items.iter().map(|item| text(item)).collect());
    let mut run = vec![("Entrypoint", Value::Array(vec![text(&format!("/{name}"))]))];
    if !execution.args.is_empty() {
        run.push(("Cmd", list(&execution.args)));
    }
    if !execution.env.is_empty() {
        run.push(("Env", list(&execution.env)));
    }
    if let Some(directory) = &execution.working_dir {
        run.push(("WorkingDir", text(directory)));
    }
    let config = object(vec![
        ("created", text(created)),
        ("architecture", text("wasm")),
        ("os", text("wasi")),
        ("config", object(run)),
        (
            "rootfs",
            object(vec![("type", text("layers")), ("diff_ids", Value::Array(vec![text(&diff_id.to_string())]))]),
        ),
        (
            "history",
            Value::Array(vec![object(vec![
                ("created", text(created)),
                ("created_by", text(&format!("COPY {name} /"))),
            ])]),
        ),
    ])
    .to_bytes();
    let config_descriptor = describe(MediaType::ImageConfig, &config, hashes)?;
    let mut members = vec![
        ("schemaVersion", Value::Unsigned(2)),
        ("mediaType", text(MediaType::ImageManifest.as_str())),
        ("config", config_descriptor.to_value()),
        ("layers", Value::Array(vec![layer_descriptor.to_value()])),
    ];
    if !annotations.is_empty() {
        members.push(("annotations", annotations.to_value()));
    }
    let manifest_bytes = object(members).to_bytes();
    let manifest = describe(MediaType::ImageManifest, &manifest_bytes, hashes)?;
    let blobs = vec![(layer_descriptor, layer), (config_descriptor, config), (manifest.clone(), manifest_bytes)];
    Ok(Container { manifest, blobs })
}

/// An index of an artifact and a container image of the same program, so that whoever knows one of them finds it. The
/// platform of the artifact is that of its config.
///
/// # Errors
/// When the digest cannot be computed.
pub fn index(
    artifact: &Descriptor,
    inspection: &Inspection,
    container: &Descriptor,
    annotations: &Annotations,
    hashes: &dyn Hashes,
) -> Result<(Descriptor, Vec<u8>)> {
    let os = if inspection.kind == Kind::Module { "wasip1" } else { "wasip2" };
    let for_platform = |descriptor: &Descriptor, os: &str| {
        let platform = Some(Platform::new(os, "wasm"));
        Descriptor { platform, ..descriptor.clone() }.to_value()
    };
    let mut members = vec![
        ("schemaVersion", Value::Unsigned(2)),
        ("mediaType", Value::String(MediaType::ImageIndex.as_str().to_owned())),
        ("manifests", Value::Array(vec![for_platform(artifact, os), for_platform(container, "wasi")])),
    ];
    if !annotations.is_empty() {
        members.push(("annotations", annotations.to_value()));
    }
    let bytes = object(members).to_bytes();
    Ok((describe(MediaType::ImageIndex, &bytes, hashes)?, bytes))
}

fn describe(media_type: MediaType, bytes: &[u8], hashes: &dyn Hashes) -> Result<Descriptor> {
    let digest: Digest = digest_bytes(hashes, &Algorithm::Sha256, bytes)?;
    Ok(Descriptor::new(media_type, digest, bytes.len() as u64))
}

/// A tar archive of one file that anybody may run, of no time and nobody.
fn archive(bytes: &[u8], name: &str) -> Result<Vec<u8>> {
    let invalid = |rule| Error::InvalidPath { path: name.to_owned(), rule };
    if name.is_empty() || name.contains('/') || name == "." || name == ".." {
        return Err(invalid("a program is a file in the root, with a name of its own"));
    }
    let mut header = tar::Header::new_ustar();
    header.set_path(name).map_err(|_| invalid("a name has 100 bytes at most"))?;
    header.set_size(bytes.len() as u64);
    header.set_mode(0o755);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_entry_type(tar::EntryType::Regular);
    header.set_cksum();
    let mut archive = header.as_bytes().to_vec();
    archive.extend_from_slice(bytes);
    // Up to the next block, and two empty ones at the end.
    archive.resize(archive.len().next_multiple_of(512) + 1024, 0);
    Ok(archive)
}

/// A gzip member without a name and a time (RFC 1952).
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut member = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    member.extend(compress_to_vec(bytes, LEVEL));
    member.extend(crc32fast::hash(bytes).to_le_bytes());
    #[allow(clippy::cast_possible_truncation)]
    member.extend((bytes.len() as u32).to_le_bytes());
    member
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::inspect;
    use portolan_image::digest::SoftwareHashes;
    use portolan_image::{Config, Limits};

    fn packed(text: &str, name: &str) -> Result<Container> {
        let bytes = wat::parse_str(text).unwrap();
        let inspection = inspect(&bytes, &Limits::default()).unwrap();
        let execution = Execution { args: vec!["a".to_owned()], env: vec!["A=1".to_owned()], working_dir: None };
        let none = Annotations::default();
        container(&bytes, &inspection, name, crate::EPOCH, &execution, &none, &SoftwareHashes)
    }

    #[test]
    fn an_image_runs_its_only_file() {
        let container = packed("(module)", "x.wasm").unwrap();
        assert_eq!(container.manifest.digest, packed("(module)", "x.wasm").unwrap().manifest.digest);
        let config = Config::parse(&container.blobs[1].1, &Limits::default()).unwrap();
        assert_eq!((config.platform.os.as_str(), config.platform.architecture.as_str()), ("wasi", "wasm"));
        let run = config.config.unwrap();
        assert_eq!(run.entrypoint.unwrap(), ["/x.wasm"]);
        assert_eq!(run.cmd.unwrap(), ["a"]);
    }

    #[test]
    fn what_cannot_be_run_or_named_is_refused() {
        for name in ["", "..", "a/b", &"x".repeat(300)] {
            assert!(matches!(packed("(module)", name), Err(Error::InvalidPath { .. })), "{name}");
        }
        let types = r#"(component (type $t (component)) (export "x" (type $t)))"#;
        assert!(matches!(packed(types, "x.wasm"), Err(Error::InvalidWorkload { .. })));
    }
}
