//! The toolkit and the hasher composed into one component, in an engine that lends it nothing at all.
#![allow(unreachable_pub, missing_docs)]

use super::driver::{Changes, Driver, LayerInput, Outcome, layer, node, object, parts, runtime, text, texts};
use exports::portolan::image::layer::{Change, Compression, Kind, Selection, UnpackOptions};
use exports::portolan::image::manifest::Document;
use exports::portolan::image::reference::{Location, Selector};
use exports::portolan::image::runtime::Inputs;
use exports::portolan::image::types::{Annotation, Descriptor, Error, Platform};
use serde_json::{Value, json};
use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Store};

wasmtime::component::bindgen!({ path: "../wit", world: "toolkit" });

/// An instance of `portolan.wasm`.
pub(crate) struct Composed {
    store: Store<()>,
    toolkit: Toolkit,
}

impl Composed {
    /// # Panics
    /// When the component imports anything: the linker is empty.
    pub(crate) fn new() -> Self {
        let engine = Engine::default();
        let component = Component::new(&engine, ::portolan::PORTOLAN_WASM).expect("portolan.wasm is a component");
        let mut store = Store::new(&engine, ());
        let toolkit = Toolkit::instantiate(&mut store, &component, &Linker::new(&engine))
            .expect("portolan.wasm needs nothing to be instantiated");
        Self { store, toolkit }
    }

    /// The digest of bytes fed in chunks.
    pub(crate) fn compute(&mut self, algorithm: &str, bytes: &[u8], chunk: usize) -> String {
        let digester = self.toolkit.portolan_image_digest().digester();
        let handle = digester.call_start(&mut self.store, algorithm).unwrap().unwrap();
        for chunk in bytes.chunks(chunk) {
            digester.call_feed(&mut self.store, handle, chunk).unwrap();
        }
        let digest = digester.call_finish(&mut self.store, handle).unwrap();
        handle.resource_drop(&mut self.store).unwrap();
        digest
    }
}

/// `ErrorCode::DigestMismatch` is `digest-mismatch`.
fn code(error: Error) -> String {
    let name = format!("{:?}", error.code);
    let name = name.rsplit("::").next().unwrap();
    let mut word = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !word.is_empty() {
            word.push('-');
        }
        word.extend(letter.to_lowercase());
    }
    word
}

fn platform_of(text: &str) -> Platform {
    let [os, architecture, variant] = parts(text);
    let (os, architecture) = (os.unwrap(), architecture.unwrap());
    Platform { os, architecture, variant, os_version: None, os_features: Vec::new() }
}

fn annotations(annotations: &[Annotation]) -> Value {
    let pairs = annotations.iter().map(|annotation| (annotation.key.clone(), annotation.value.as_str().into()));
    pairs.collect::<serde_json::Map<_, _>>().into()
}

impl Composed {
    fn descriptor(&mut self, descriptor: &Descriptor) -> Value {
        let platform = descriptor.platform.as_ref();
        let platform = platform
            .map(|platform| self.toolkit.portolan_image_platform().call_format(&mut self.store, platform).unwrap());
        object([
            ("media-type", descriptor.media_type.as_str().into()),
            ("digest", descriptor.digest.as_str().into()),
            ("size", descriptor.size.into()),
            ("platform", platform.into()),
            ("artifact-type", descriptor.artifact_type.clone().into()),
            ("urls", descriptor.urls.clone().into()),
            ("annotations", annotations(&descriptor.annotations)),
        ])
    }

    fn descriptors(&mut self, descriptors: &[Descriptor]) -> Value {
        descriptors.iter().map(|descriptor| self.descriptor(descriptor)).collect()
    }

    /// Reads a layer and hands the changes to `take`; answers compression and the number of warnings.
    fn unpack(
        &mut self,
        options: &UnpackOptions,
        blob: &[u8],
        chunk: usize,
        mut take: impl FnMut(Vec<Change>, &[u8]),
    ) -> Result<(&'static str, usize), String> {
        let unpacker = self.toolkit.portolan_image_layer().unpacker();
        let handle = unpacker.call_start(&mut self.store, options).unwrap().map_err(code)?;
        for chunk in blob.chunks(chunk.min(blob.len().max(1))) {
            unpacker.call_feed(&mut self.store, handle, chunk).unwrap().map_err(code)?;
            while let Ok(Some(batch)) = unpacker.call_take_changes(&mut self.store, handle).unwrap() {
                take(batch.changes, &batch.bytes);
            }
        }
        let summary = unpacker.call_finish(&mut self.store, handle).unwrap().map_err(code);
        handle.resource_drop(&mut self.store).unwrap();
        let summary = summary?;
        let compression = match summary.compression {
            Compression::None => "none",
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
        };
        Ok((compression, summary.warnings.len()))
    }
}

fn options() -> UnpackOptions {
    UnpackOptions {
        media_type: None,
        digest: None,
        size: None,
        diff_id: None,
        content: Selection::All,
        checkpoints: 0,
        strict: false,
        limits: Vec::new(),
    }
}

impl Driver for Composed {
    fn digest(&mut self, input: &Value) -> Outcome {
        let digest = self.toolkit.portolan_image_digest();
        if let Some(bytes) = text(input, "bytes") {
            let verifier = digest.verifier();
            let (text, size) = (text(input, "digest").unwrap(), input["size"].as_u64().unwrap());
            let handle = verifier.call_start(&mut self.store, text, size).unwrap().map_err(code)?;
            verifier.call_feed(&mut self.store, handle, bytes.as_bytes()).unwrap().map_err(code)?;
            let finished = verifier.call_finish(&mut self.store, handle).unwrap();
            return finished.map(|()| json!({ "verified": true })).map_err(code);
        }
        if input["diff-ids"].is_array() {
            let chain = digest.call_chain_ids(&mut self.store, &texts(&input["diff-ids"])).unwrap();
            return chain.map(Value::from).map_err(code);
        }
        let digest = digest.call_parse(&mut self.store, text(input, "text").unwrap()).unwrap().map_err(code)?;
        Ok(json!({
            "algorithm": digest.algorithm, "encoded": digest.encoded, "registered": digest.registered,
            "computable": digest.computable,
        }))
    }

    fn reference(&mut self, text: &str) -> Outcome {
        let parsed = self.toolkit.portolan_image_reference().call_parse(&mut self.store, text).unwrap();
        let reference = parsed.map_err(code)?;
        let candidates: Vec<Value> = reference
            .candidates
            .into_iter()
            .map(|candidate| {
                let Selector { tag, digest } = candidate.selector;
                object([("path", candidate.path.into()), ("tag", tag.into()), ("digest", digest.into())])
            })
            .collect();
        let location = match reference.location {
            Location::Layout => "layout",
            Location::LayoutArchive => "layout-archive",
            Location::DockerArchive => "docker-archive",
            Location::Path => "path",
            Location::StandardInput => "standard-input",
            Location::Registry => "registry",
        };
        // A bare path carries the name that it could be as well: an addition of the interface.
        let name = reference.name.filter(|_| location == "registry").map(|name| {
            object([
                ("registry", name.registry.into()),
                ("repository", name.repository.into()),
                ("tag", name.selector.tag.into()),
                ("digest", name.selector.digest.into()),
                ("canonical", name.canonical.into()),
                ("familiar", name.familiar.into()),
            ])
        });
        Ok(object([("location", location.into()), ("candidates", candidates.into()), ("name", name.into())]))
    }

    fn platform(&mut self, input: &Value) -> Outcome {
        let host = platform_of(text(input, "host").unwrap());
        let interface = self.toolkit.portolan_image_platform();
        let mut wanted = Vec::new();
        let mut shown = Vec::new();
        for text in texts(&input["wanted"]) {
            let platform = interface.call_parse(&mut self.store, &text, &host).unwrap().map_err(code)?;
            shown.push(interface.call_format(&mut self.store, &platform).unwrap());
            wanted.push(platform);
        }
        let candidates: Vec<Option<Platform>> =
            input["candidates"].as_array().unwrap().iter().map(|text| text.as_str().map(platform_of)).collect();
        let selected = interface.call_select(&mut self.store, &candidates, &wanted).unwrap().map_err(code)?;
        Ok(json!({ "wanted": shown, "selected": selected }))
    }

    fn manifest(&mut self, bytes: &[u8], media_type: Option<&str>) -> Outcome {
        let parsed = self.toolkit.portolan_image_manifest().call_parse(&mut self.store, bytes, media_type, &[]);
        Ok(match parsed.unwrap().map_err(code)? {
            Document::Index(index) => json!({ "index": object([
                ("manifests", self.descriptors(&index.manifests)),
                ("artifact-type", index.artifact_type.into()),
                ("subject", index.subject.map(|subject| self.descriptor(&subject)).into()),
                ("annotations", annotations(&index.annotations)),
            ]) }),
            Document::Image(manifest) => json!({ "image": object([
                ("config", self.descriptor(&manifest.config)),
                ("layers", self.descriptors(&manifest.layers)),
                ("artifact-type", manifest.artifact_type.into()),
                ("subject", manifest.subject.map(|subject| self.descriptor(&subject)).into()),
                ("annotations", annotations(&manifest.annotations)),
            ]) }),
        })
    }

    fn layer(&mut self, input: &LayerInput, chunk: usize) -> Outcome {
        let options = UnpackOptions {
            media_type: input.media_type.clone(),
            digest: input.digest.clone(),
            size: Some(input.blob.len() as u64),
            diff_id: input.diff_id.clone(),
            strict: input.strict,
            ..options()
        };
        let mut changes = Changes::default();
        let (compression, warnings) = self.unpack(&options, &input.blob, chunk, |list, bytes| {
            list.into_iter().for_each(|change| changes.take(&change.into(), bytes));
        })?;
        Ok(layer(changes, compression, warnings))
    }

    fn tree(&mut self, layers: &[Vec<u8>]) -> Outcome {
        let tree = self.toolkit.portolan_image_tree().tree().call_constructor(&mut self.store, &[]).unwrap();
        for archive in layers {
            let mut changes = Vec::new();
            self.unpack(&options(), archive, usize::MAX, |list, _| changes.extend(list))?;
            let interface = self.toolkit.portolan_image_tree().tree();
            for page in changes.chunks(3) {
                interface.call_feed(&mut self.store, tree, page).unwrap().map_err(code)?;
            }
            interface.call_apply(&mut self.store, tree).unwrap().map_err(code)?;
        }
        let interface = self.toolkit.portolan_image_tree();
        let walk = interface.tree().call_walk(&mut self.store, tree, None).unwrap().map_err(code)?;
        let mut nodes = Vec::new();
        loop {
            let page = interface.walk().call_take(&mut self.store, walk, 2).unwrap();
            if page.is_empty() {
                return Ok(nodes.into());
            }
            nodes.extend(page.into_iter().map(|found| {
                let kind = found.kind.into();
                node(&found.path, &kind, found.mode, found.layer, found.same_as.as_deref(), found.links)
            }));
        }
    }

    fn runtime(&mut self, input: &Value) -> Outcome {
        let inputs = Inputs {
            passwd: text(input, "passwd").map(Into::into),
            group: text(input, "group").map(Into::into),
            cmd: input["cmd"].is_array().then(|| texts(&input["cmd"])),
            terminal: input["terminal"] == true,
            rootless: None,
            steering_labels: input["steering-labels"] == true,
        };
        let config = serde_json::to_vec(&input["config"]).unwrap();
        let converted = self.toolkit.portolan_image_runtime().call_convert(&mut self.store, &config, &inputs, &[]);
        let converted = converted.unwrap().map_err(code)?;
        Ok(runtime(&converted.json, &converted.withheld))
    }
}

impl From<Change> for portolan_layer::Change {
    fn from(change: Change) -> Self {
        match change {
            Change::Entry(entry) => Self::Entry(portolan_layer::Entry {
                ordinal: entry.ordinal,
                path: entry.path,
                kind: entry.kind.into(),
                mode: entry.mode,
                owner: portolan_layer::Owner { uid: entry.uid, gid: entry.gid },
                mtime: portolan_layer::Timestamp { seconds: entry.mtime.seconds, nanoseconds: entry.mtime.nanoseconds },
                xattrs: entry
                    .xattrs
                    .into_iter()
                    .map(|xattr| portolan_layer::Xattr { name: xattr.name, value: xattr.value })
                    .collect(),
            }),
            Change::Content(content) => {
                let start = content.start as usize;
                let range = start..start + content.length as usize;
                Self::Content(portolan_layer::Content { offset: content.offset, range })
            }
            Change::Remove(path) => Self::Remove(path),
            Change::Clear(path) => Self::Clear(path),
        }
    }
}

impl From<Kind> for portolan_layer::Kind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::File(size) => Self::File { size },
            Kind::Directory => Self::Directory,
            Kind::Symlink(target) => Self::Symlink { target },
            Kind::HardLink(target) => Self::HardLink { target },
            Kind::CharDevice(device) => {
                Self::CharDevice(portolan_layer::Device { major: device.major, minor: device.minor })
            }
            Kind::BlockDevice(device) => {
                Self::BlockDevice(portolan_layer::Device { major: device.major, minor: device.minor })
            }
            Kind::Fifo => Self::Fifo,
        }
    }
}
