//! The logic crates, compiled for this machine.

use super::driver::{Changes, Driver, LayerInput, Outcome, layer, node, object, parts, runtime, text, texts};
use portolan_image::digest::{self, Algorithm, SoftwareHashes, chain_ids};
use portolan_image::reference::{ImageReference, Location, Selector};
use portolan_image::{Config, Descriptor, DiffId, Digest, Document, Limits, Platform, platform};
use portolan_layer::tree::Tree;
use portolan_layer::{Options, Unpacker};
use serde_json::{Value, json};

pub(crate) struct Native;

fn code(error: portolan_image::Error) -> String {
    error.code().to_string()
}

fn layer_code(error: portolan_layer::Error) -> String {
    error.code().to_string()
}

fn parse_platform(text: &str) -> Platform {
    let [os, architecture, variant] = parts(text);
    Platform { variant, ..Platform::new(&os.unwrap(), &architecture.unwrap()) }
}

fn descriptor(descriptor: &Descriptor) -> Value {
    object([
        ("media-type", descriptor.media_type.to_string().into()),
        ("digest", descriptor.digest.to_string().into()),
        ("size", descriptor.size.into()),
        ("platform", descriptor.platform.as_ref().map(ToString::to_string).into()),
        ("artifact-type", descriptor.artifact_type.as_ref().map(ToString::to_string).into()),
        ("urls", descriptor.urls.clone().into()),
        ("annotations", annotations(&descriptor.annotations)),
    ])
}

fn annotations(annotations: &portolan_image::Annotations) -> Value {
    annotations.iter().map(|(key, value)| (key.to_owned(), value.into())).collect::<serde_json::Map<_, _>>().into()
}

impl Driver for Native {
    fn digest(&mut self, input: &Value) -> Outcome {
        if let Some(bytes) = text(input, "bytes") {
            let digest = text(input, "digest").unwrap().parse().map_err(code)?;
            let size = input["size"].as_u64().unwrap();
            let mut verifier = digest::Verifier::new(&SoftwareHashes, &digest, size).map_err(code)?;
            verifier.feed(bytes.as_bytes()).map_err(code)?;
            return verifier.finish().map(|()| json!({ "verified": true })).map_err(code);
        }
        if input["diff-ids"].is_array() {
            let ids = texts(&input["diff-ids"]);
            let ids: Result<Vec<_>, _> = ids.iter().map(|text| text.parse().map(DiffId)).collect();
            let chain = chain_ids(&SoftwareHashes, &ids.map_err(code)?).map_err(code)?;
            return Ok(chain.iter().map(ToString::to_string).collect());
        }
        let digest: Digest = text(input, "text").unwrap().parse().map_err(code)?;
        Ok(json!({
            "algorithm": digest.algorithm().to_string(), "encoded": digest.encoded(),
            "registered": digest.algorithm().is_registered(),
            "computable": !matches!(digest.algorithm(), Algorithm::Other(_)),
        }))
    }

    fn reference(&mut self, text: &str) -> Outcome {
        let reference: ImageReference = text.parse().map_err(code)?;
        let selector = |selector: &Selector| match selector {
            Selector::None => (Value::Null, Value::Null),
            Selector::Tag(tag) => (tag.as_str().into(), Value::Null),
            Selector::Digest(digest) => (Value::Null, digest.to_string().into()),
            Selector::TagAndDigest(tag, digest) => (tag.as_str().into(), digest.to_string().into()),
        };
        let candidates: Vec<Value> = reference
            .candidates
            .iter()
            .map(|candidate| {
                let (tag, digest) = selector(&candidate.selector);
                object([("path", candidate.path.as_str().into()), ("tag", tag), ("digest", digest)])
            })
            .collect();
        let (location, name) = match &reference.location {
            Location::Layout => ("layout", None),
            Location::LayoutArchive => ("layout-archive", None),
            Location::DockerArchive => ("docker-archive", None),
            Location::Any => ("path", None),
            Location::Stdin => ("standard-input", None),
            Location::Registry(name) => ("registry", Some(name)),
        };
        let name = name.map(|name| {
            object([
                ("registry", name.domain().into()),
                ("repository", name.path().into()),
                ("tag", name.tag().into()),
                ("digest", name.digest().map(ToString::to_string).into()),
                ("canonical", name.to_string().into()),
                ("familiar", name.familiar().into()),
            ])
        });
        Ok(object([("location", location.into()), ("candidates", candidates.into()), ("name", name.into())]))
    }

    fn platform(&mut self, input: &Value) -> Outcome {
        let host = parse_platform(text(input, "host").unwrap());
        let wanted: Result<Vec<_>, _> =
            texts(&input["wanted"]).iter().map(|text| Platform::parse(text, &host)).collect();
        let wanted = wanted.map_err(code)?;
        let shown: Vec<String> = wanted.iter().map(ToString::to_string).collect();
        let candidates: Vec<Option<Platform>> =
            input["candidates"].as_array().unwrap().iter().map(|text| text.as_str().map(parse_platform)).collect();
        let candidates: Vec<_> = candidates.iter().map(Option::as_ref).collect();
        let selected = platform::select(&candidates, &wanted).map_err(code)?;
        Ok(json!({ "wanted": shown, "selected": selected }))
    }

    fn manifest(&mut self, bytes: &[u8], media_type: Option<&str>) -> Outcome {
        Ok(match Document::parse(bytes, media_type, &Limits::default()).map_err(code)? {
            Document::Index(index) => json!({ "index": object([
                ("manifests", index.manifests.iter().map(descriptor).collect()),
                ("artifact-type", index.artifact_type.as_ref().map(ToString::to_string).into()),
                ("subject", index.subject.as_ref().map(descriptor).into()),
                ("annotations", annotations(&index.annotations)),
            ]) }),
            Document::Manifest(manifest) => json!({ "image": object([
                ("config", descriptor(&manifest.config)),
                ("layers", manifest.layers.iter().map(descriptor).collect()),
                ("artifact-type", (!manifest.is_image()).then(|| manifest.artifact_type().to_string()).into()),
                ("subject", manifest.subject.as_ref().map(descriptor).into()),
                ("annotations", annotations(&manifest.annotations)),
            ]) }),
        })
    }

    fn layer(&mut self, input: &LayerInput, chunk: usize) -> Outcome {
        let size = input.blob.len() as u64;
        let expected = input.digest.as_ref().map(|digest| digest.parse().map(|digest| (digest, size)));
        let diff_id = input.diff_id.as_ref().map(|digest| digest.parse().map(DiffId));
        let label = input.media_type.as_deref().map(|label| match label.rsplit_once('+') {
            Some((_, "gzip")) => portolan_layer::Compression::Gzip,
            Some((_, "zstd")) => portolan_layer::Compression::Zstd,
            _ => portolan_layer::Compression::None,
        });
        let options = Options {
            strict: input.strict,
            label,
            expected: expected.transpose().map_err(code)?,
            diff_id: diff_id.transpose().map_err(code)?,
            ..Options::default()
        };
        let mut unpacker = Unpacker::new(&SoftwareHashes, options).map_err(layer_code)?;
        let mut changes = Changes::default();
        for chunk in input.blob.chunks(chunk.min(input.blob.len().max(1))) {
            unpacker.feed(chunk.to_vec()).map_err(layer_code)?;
            // After an error the rest is fed all the same: `finish` knows best.
            while let Ok(Some(batch)) = unpacker.take_changes() {
                batch.changes.iter().for_each(|change| changes.take(change, &batch.bytes));
            }
        }
        let summary = unpacker.finish().map_err(layer_code)?;
        Ok(layer(changes, summary.compression.as_str(), summary.warnings.len()))
    }

    fn tree(&mut self, layers: &[Vec<u8>]) -> Outcome {
        let mut tree = Tree::new(Limits::default());
        for archive in layers {
            let mut unpacker = Unpacker::new(&SoftwareHashes, Options::default()).map_err(layer_code)?;
            unpacker.feed(archive.clone()).map_err(layer_code)?;
            while let Some(batch) = unpacker.take_changes().map_err(layer_code)? {
                for change in batch.changes {
                    tree.feed(change).map_err(layer_code)?;
                }
            }
            unpacker.finish().map_err(layer_code)?;
            tree.finish_layer().map_err(layer_code)?;
        }
        let nodes = tree
            .walk()
            .map(|found| node(&found.path, found.kind, found.mode, found.named, found.link.as_deref(), found.links));
        Ok(nodes.collect())
    }

    fn runtime(&mut self, input: &Value) -> Outcome {
        let config = Config::parse(&serde_json::to_vec(&input["config"]).unwrap(), &Limits::default()).map_err(code)?;
        let inputs = portolan_image::runtime::Inputs {
            passwd: text(input, "passwd").map(str::as_bytes),
            group: text(input, "group").map(str::as_bytes),
            cmd: input["cmd"].is_array().then(|| texts(&input["cmd"])),
            terminal: input["terminal"] == true,
            steering_labels: input["steering-labels"] == true,
            ..Default::default()
        };
        let converted = portolan_image::runtime::convert(&config, &inputs).map_err(code)?;
        Ok(runtime(converted.json.as_bytes(), &converted.withheld))
    }
}
