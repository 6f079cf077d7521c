//! `inspect`: what an image is.

mod human;

use super::{Context, ImageArgs, Outcome};
use portolan::manifest::{self, Descriptor, Origin, Platform, Resolved};
use portolan::source::Opened;
use portolan::{Error, ErrorCode, Result, digest};
use serde_json::{Map, Value, json};

/// Show what an image is
///
/// The index, the manifest and the chosen platform are shown as three different things. With --json the documents stand
/// as they are under `manifest` and `config`, beside what was computed from them. --raw and --config write the exact
/// bytes, which have the digests that are shown.
#[derive(Debug, clap::Args)]
#[command(after_help = "EXAMPLES:\n  \
    portolan inspect oci:images/busybox:1.36\n  \
    portolan inspect --platform linux/arm64 --json saved.tar | jq .config.config.Env\n  \
    portolan inspect --raw oci:images/busybox:1.36 | sha256sum\n  \
    docker save busybox | portolan inspect -")]
pub(crate) struct Args {
    #[command(flatten)]
    image: ImageArgs,
    /// Write the exact bytes of what the reference names: its index, or its manifest when it names one or with --platform
    #[arg(long, conflicts_with_all = ["config", "json"])]
    raw: bool,
    /// Write the exact bytes of the config
    #[arg(long, conflicts_with = "json")]
    config: bool,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    if args.raw {
        context.output.bytes(&raw(args, context)?)?;
        return Ok(Outcome::Done);
    }
    let (opened, image) = context.open(&args.image)?;
    if args.config {
        let config = match image.raw_config {
            Some(config) => config,
            None => {
                let source = opened.source.as_ref();
                manifest::fetch(&context.toolkit, source, &image.manifest.config, "config-bytes")?
            }
        };
        context.output.bytes(&config)?;
    } else if context.output.json {
        context.print_json(&shown(args, context, &opened, &image)?)?;
    } else {
        human::print(&args.image.image, context, &opened, &image)?;
    }
    Ok(Outcome::Done)
}

/// The bytes of what the reference names, which may be an index that has nothing for this machine.
fn raw(args: &Args, context: &Context) -> Result<Vec<u8>> {
    if args.image.platform.is_empty() {
        let opened = context.place(&args.image)?;
        let source = opened.source.as_ref();
        let roots = manifest::roots(&context.toolkit, source, &opened.selector)?;
        if let [root] = roots.as_slice() {
            return manifest::fetch(&context.toolkit, source, root, "manifest-bytes");
        }
        let wanted = portolan::platform::wanted(&[]);
        return Ok(manifest::resolve(&context.toolkit, source, &opened.selector, wanted)?.raw_manifest);
    }
    Ok(context.open(&args.image)?.1.raw_manifest)
}

/// The answer to `--json`.
fn shown(args: &Args, context: &Context, opened: &Opened, image: &Resolved) -> Result<Value> {
    let mut shown = Map::new();
    let mut add = |key: &str, value: Value| shown.insert(key.to_owned(), value);
    add("reference", json!(args.image.image));
    add("source", json!({ "kind": opened.source.kind(), "path": opened.path.to_string_lossy() }));
    add("indexes", image.indexes.iter().map(descriptor).collect());
    add("descriptor", descriptor(&image.descriptor));
    add("platform", image.platform.as_ref().map_or(Value::Null, platform));
    add("artifactType", json!(image.manifest.artifact_type));
    add("manifest", document(&image.raw_manifest, "manifest")?);
    add("config", image.raw_config.as_deref().map_or(Ok(Value::Null), |config| document(config, "config"))?);
    add("size", json!(total(image)));
    let steps = steps(image);
    let diff_ids = image.config.as_ref().map_or(&[][..], |config| &config.diff_ids);
    let chain_ids = digest::chain_ids(&context.toolkit, diff_ids)?;
    let layers = image.manifest.layers.iter().enumerate().map(|(number, layer)| {
        let mut shown = descriptor(layer);
        shown["diffId"] = json!(diff_ids.get(number));
        shown["chainId"] = json!(chain_ids.get(number));
        shown["createdBy"] = json!(steps.as_ref().and_then(|steps| steps.get(number)));
        shown
    });
    add("layers", layers.collect());
    let annotations = image.annotations.iter().map(
        |annotation| json!({ "origin": origin(annotation.origin), "key": annotation.key, "value": annotation.value }),
    );
    add("annotations", annotations.collect());
    Ok(Value::Object(shown))
}

/// A document as it is, for `--json`.
fn document(bytes: &[u8], name: &str) -> Result<Value> {
    serde_json::from_slice(bytes).map_err(|error| Error::Image {
        code: ErrorCode::InvalidDocument,
        message: format!("the {name} cannot be shown as JSON: {error}; --raw and --config write its bytes"),
    })
}

/// The bytes of an image, as stored: its manifest, config and layers.
fn total(image: &Resolved) -> u64 {
    let layers = image.manifest.layers.iter().map(|layer| layer.size);
    layers.fold(image.descriptor.size.saturating_add(image.manifest.config.size), u64::saturating_add)
}

/// What made each layer, where the history tells of as many layers as there are.
pub(super) fn steps(image: &Resolved) -> Option<Vec<&str>> {
    let history = &image.config.as_ref()?.history;
    let steps: Vec<&str> = history
        .iter()
        .filter(|step| !step.empty_layer)
        .map(|step| step.created_by.as_deref().or(step.comment.as_deref()).unwrap_or_default())
        .collect();
    (steps.len() == image.manifest.layers.len()).then_some(steps)
}

/// Where an annotation stands, in a word.
fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Descriptor => "descriptor",
        Origin::Index => "index",
        Origin::Manifest => "manifest",
        Origin::Label => "label",
    }
}

/// A descriptor with the member names of its specification; what embeds data is not repeated.
pub(crate) fn descriptor(descriptor: &Descriptor) -> Value {
    let mut shown = json!({
        "mediaType": descriptor.media_type,
        "digest": descriptor.digest,
        "size": descriptor.size,
    });
    if let Some(artifact_type) = &descriptor.artifact_type {
        shown["artifactType"] = json!(artifact_type);
    }
    if let Some(of) = &descriptor.platform {
        shown["platform"] = platform(of);
    }
    if !descriptor.urls.is_empty() {
        shown["urls"] = json!(descriptor.urls);
    }
    if !descriptor.annotations.is_empty() {
        let annotations = descriptor.annotations.iter().map(|it| (it.key.clone(), json!(it.value)));
        shown["annotations"] = Value::Object(annotations.collect());
    }
    shown
}

/// A platform with the member names of its specification.
pub(crate) fn platform(platform: &Platform) -> Value {
    let mut shown = json!({ "architecture": platform.architecture, "os": platform.os });
    if let Some(variant) = &platform.variant {
        shown["variant"] = json!(variant);
    }
    if let Some(version) = &platform.os_version {
        shown["os.version"] = json!(version);
    }
    if !platform.os_features.is_empty() {
        shown["os.features"] = json!(platform.os_features);
    }
    shown
}
