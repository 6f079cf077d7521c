//! Every form, and every reason why none is found.

use super::*;
use crate::digest::{Algorithm, SoftwareHashes, digest_bytes};
use crate::error::Code;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const MODULE: &[u8] = b"\0asm\x01\0\0\0";
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
const ELF: &[u8] = b"\x7fELF\x02\x01\x01\0";
const ARTIFACT: &str = "application/vnd.wasm.config.v0+json";
const WASM: &str = "application/wasm";
const IMAGE: &str = "application/vnd.oci.image.config.v1+json";
const TAR: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const SPIN: &str = "application/vnd.fermyon.spin.application.v1+config";
const CONTENT: &str = "application/vnd.wasm.content.layer.v1+wasm";

/// An image of documents, blobs and files.
#[derive(Default)]
struct Image {
    config_type: &'static str,
    config: Vec<u8>,
    layers: Vec<(&'static str, Vec<u8>)>,
    annotations: Value,
    files: BTreeMap<&'static str, Vec<u8>>,
}

fn digest(bytes: &[u8]) -> String {
    digest_bytes(&SoftwareHashes, &Algorithm::Sha256, bytes).unwrap().to_string()
}

fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({ "mediaType": media_type, "digest": digest(bytes), "size": bytes.len(),
            "annotations": { "org.opencontainers.image.title": "dir/hello.wasm" } })
}

impl Image {
    fn new(config_type: &'static str, config: &Value, layers: &[(&'static str, &[u8])]) -> Self {
        let layers = layers.iter().map(|(media_type, bytes)| (*media_type, bytes.to_vec())).collect();
        Self { config_type, config: config.to_string().into_bytes(), layers, ..Self::default() }
    }

    fn with_file(mut self, path: &'static str, bytes: &[u8]) -> Self {
        self.files.insert(path, bytes.to_vec());
        self
    }

    fn recognize(&self, overrides: Overrides) -> Result<Workload> {
        let layers: Vec<_> = self.layers.iter().map(|(media_type, bytes)| descriptor(media_type, bytes)).collect();
        let manifest = json!({ "schemaVersion": 2, "config": descriptor(self.config_type, &self.config),
                               "layers": layers, "annotations": self.annotations });
        let config = (self.config_type == IMAGE).then_some(self.config.as_slice());
        let manifest = manifest.to_string();
        let mut recognizer = Recognizer::start(manifest.as_bytes(), None, config, overrides, &Limits::default())?;
        loop {
            let blob = |wanted: &Descriptor| {
                let blobs = self.layers.iter().map(|(_, bytes)| bytes).chain([&self.config]);
                blobs.clone().find(|bytes| digest(bytes) == wanted.digest.to_string()).cloned()
            };
            let bytes = match recognizer.next() {
                None => return recognizer.finish(),
                Some(Need::Document(wanted) | Need::BlobHead(wanted)) => blob(wanted),
                Some(Need::FileHead(path)) => self.files.get(std::str::from_utf8(path).unwrap()).cloned(),
            };
            recognizer.supply(bytes.as_deref(), &SoftwareHashes)?;
        }
    }

    fn workload(&self) -> Workload {
        self.recognize(Overrides::default()).unwrap()
    }

    /// The message of the refusal.
    fn refusal(&self) -> String {
        let error = self.recognize(Overrides::default()).unwrap_err();
        assert_eq!(error.code(), Code::InvalidWorkload, "{error}");
        error.to_string()
    }
}

fn artifact(os: &str, component: &Value, bytes: &[u8]) -> Image {
    let config = json!({ "created": "2026-01-01T00:00:00Z", "author": null, "architecture": "wasm", "os": os,
                         "layerDigests": [digest(bytes)], "component": component });
    Image::new(ARTIFACT, &config, &[(WASM, bytes)])
}

fn container(execution: &Value, layers: usize) -> Image {
    let config = json!({ "os": "linux", "architecture": "amd64", "config": execution, "rootfs": { "type": "layers" } });
    Image::new(IMAGE, &config, &vec![(TAR, &b"tar"[..]); layers])
}

#[test]
fn b_01_an_artifact_is_its_only_layer() {
    let component = json!({ "exports": ["wasi:cli/run@0.2.0"], "imports": [], "target": null });
    let workload = artifact("WasiP2", &component, COMPONENT).workload();
    assert_eq!((workload.form, workload.kind), (Form::Artifact, WasmKind::Component));
    assert!(matches!(&workload.place, Place::Blob(layer) if layer.digest.to_string() == digest(COMPONENT)));
    assert_eq!(workload.args, ["hello.wasm"]);
    assert!(!workload.rootfs && workload.warnings.is_empty());
}

#[test]
fn b_04_b_05_the_config_of_a_module_has_no_component() {
    let workload = artifact("wasip1", &Value::Null, MODULE).workload();
    assert_eq!((workload.kind, workload.warnings.len()), (WasmKind::Module, 0));
    assert_eq!(artifact("wasip1", &json!({}), MODULE).workload().warnings.len(), 1);
    assert_eq!(artifact("wasip1", &Value::Null, COMPONENT).workload().warnings.len(), 1);
}

/// Row 59, B-02 to B-05.
#[test]
fn an_artifact_that_contradicts_itself_is_refused_with_the_reason() {
    let component = json!({ "exports": [], "imports": [] });
    let mut two = artifact("wasip2", &component, COMPONENT);
    two.layers.push((WASM, MODULE.to_vec()));
    assert!(two.refusal().contains("2 layers"), "{}", two.refusal());
    let without = artifact("wasip2", &Value::Null, COMPONENT).refusal();
    assert!(without.contains("component is missing"), "{without}");
    let module = artifact("wasip2", &component, MODULE).refusal();
    assert!(module.contains("says wasip2, and it is a core module"), "{module}");
    let mut other = artifact("wasip2", &component, COMPONENT);
    other.layers[0].1.push(0);
    assert!(other.refusal().contains("/layerDigests"), "{}", other.refusal());
    for (os, wrong) in [("linux", "expected wasip1 or wasip2"), ("wasip9", "expected wasip1 or wasip2")] {
        let refusal = artifact(os, &component, COMPONENT).refusal();
        assert!(refusal.contains(wrong), "{refusal}");
    }
}

/// Row 56.
#[test]
fn machine_code_is_refused_in_every_form() {
    let component = json!({ "exports": [], "imports": [] });
    assert!(artifact("wasip2", &component, ELF).refusal().contains("machine code"));
    assert!(Image::new("application/vnd.wasm.config.v1+json", &json!({}), &[(CONTENT, ELF)]).refusal().contains("ELF"));
    let image = container(&json!({ "Entrypoint": ["/bin/sh"] }), 1).with_file("bin/sh", ELF);
    let refusal = image.with_file("plugin.wasm", b"#!/bin/sh").refusal();
    assert!(refusal.contains("container: /bin/sh: it is machine code"), "{refusal}");
    assert!(refusal.contains("compat: /plugin.wasm: it is a script"), "{refusal}");
}

#[test]
fn b_06_an_image_with_a_wasm_layer_has_the_command_line_of_its_config() {
    let config = json!({ "os": "wasip1", "architecture": "wasm", "rootfs": { "type": "layers" },
                         "config": { "Entrypoint": ["/app.wasm"], "Cmd": ["a"], "Env": ["K=v"], "WorkingDir": "/w" } });
    let layer = "application/vnd.bytecodealliance.wasm.component.layer.v0+wasm";
    let workload = Image::new(IMAGE, &config, &[(layer, COMPONENT)]).workload();
    assert_eq!((workload.form, workload.kind), (Form::WasmLayer, WasmKind::Component));
    assert_eq!((workload.args, workload.env), (vec!["/app.wasm".into(), "a".into()], vec!["K=v".to_owned()]));
    assert_eq!(workload.working_dir.as_deref(), Some("/w"));
    let refusal = Image::new(IMAGE, &config, &[(layer, COMPONENT), (WASM, MODULE)]).refusal();
    assert!(refusal.contains("2 layers of WebAssembly"), "{refusal}");
}

#[test]
fn artifacts_of_wasm_to_oci_and_solo_are_found_by_their_layers() {
    let image = Image::new("application/vnd.wasm.config.v1+json", &json!({}), &[(CONTENT, MODULE)]);
    assert_eq!(image.workload().form, Form::WasmToOci);
    let solo = "application/vnd.module.wasm.config.v1+json";
    let module = ("application/vnd.module.wasm.content.layer.v1+wasm", MODULE);
    let runtime = ("application/vnd.module.wasm.runtime-config.v1+json", &b"{}"[..]);
    assert_eq!(Image::new(solo, &json!({}), &[runtime, module]).workload().form, Form::ModuleArtifact);
    assert_eq!(Image::new(solo, &json!({}), &[module]).workload().form, Form::ModuleArtifact);
    // An artifact as oras pushes it, whose config says nothing.
    assert_eq!(Image::new("a/b", &json!({}), &[(WASM, MODULE)]).workload().form, Form::WasmLayer);
}

#[test]
fn a_compat_image_is_its_plugin() {
    let image = container(&json!({}), 1).with_file("plugin.wasm", MODULE);
    let workload = image.workload();
    assert_eq!((workload.form, workload.args), (Form::Compat, vec!["plugin.wasm".to_owned()]));
    let mut both = container(&json!({ "Entrypoint": ["x.wasm"] }), 2).with_file("plugin.wasm", MODULE);
    both = both.with_file("x.wasm", MODULE);
    assert_eq!(both.workload().form, Form::Container);
    both.annotations = json!({ "module.wasm.image/variant": "compat" });
    assert_eq!(both.workload().form, Form::Compat);
    both.files.remove("plugin.wasm");
    assert_eq!(both.workload().form, Form::Container);
}

#[test]
fn a_container_image_is_what_its_entry_point_names() {
    let execution = json!({ "Entrypoint": ["bin/../x.wasm"], "Cmd": ["a", "b"], "WorkingDir": "/app" });
    let workload = container(&execution, 3).with_file("app/x.wasm", COMPONENT).workload();
    assert_eq!((workload.form, workload.kind, workload.rootfs), (Form::Container, WasmKind::Component, true));
    assert_eq!(workload.place, Place::File(b"app/x.wasm".to_vec()));
    assert_eq!(workload.args, ["bin/../x.wasm", "a", "b"]);
    let root = container(&execution, 1).with_file("x.wasm", MODULE).workload();
    assert_eq!(root.place, Place::File(b"x.wasm".to_vec()));
    let command = container(&json!({ "Cmd": ["/../c.wasm"] }), 1).with_file("c.wasm", MODULE).workload();
    assert_eq!(command.args, ["/../c.wasm"]);
}

#[test]
fn c_10_the_caller_replaces_the_command_line() {
    let execution = json!({ "Entrypoint": ["/x.wasm"], "Cmd": ["a"] });
    let image = container(&execution, 1).with_file("x.wasm", MODULE).with_file("y.wasm", COMPONENT);
    let args = |entrypoint: Option<&[&str]>, cmd: Option<&[&str]>| {
        let list = |list: &[&str]| list.iter().map(|arg| (*arg).to_owned()).collect();
        image.recognize(Overrides { entrypoint: entrypoint.map(list), cmd: cmd.map(list) }).unwrap().args
    };
    assert_eq!(args(None, Some(&["b", "c"])), ["/x.wasm", "b", "c"]);
    assert_eq!(args(None, Some(&[])), ["/x.wasm"]);
    assert_eq!(args(Some(&["/y.wasm"]), None), ["/y.wasm"]);
    assert_eq!(args(Some(&["/y.wasm", "s"]), Some(&["t"])), ["/y.wasm", "s", "t"]);
    let overrides = Overrides { cmd: Some(vec!["b".into()]), ..Overrides::default() };
    assert_eq!(artifact("wasip1", &Value::Null, MODULE).recognize(overrides).unwrap().args, ["hello.wasm", "b"]);
}

fn spin(components: &Value) -> Image {
    let application = json!({ "spin_lock_version": 1, "triggers": [], "components": components }).to_string();
    let config = json!({ "os": "Wasip1", "architecture": "wasm", "rootfs": { "type": "layers" } });
    let layers = [(SPIN, application.as_bytes()), (CONTENT, COMPONENT), ("a/data", &b"text"[..])];
    Image::new(IMAGE, &config, &layers)
}

#[test]
fn a_spin_application_of_one_component_is_that_component() {
    let component = json!({ "id": "hello", "source": { "content_type": WASM, "digest": digest(COMPONENT) },
        "env": { "K": "v" }, "files": [{ "digest": digest(b"text"), "path": "/static/a.txt" },
                                       { "inline": "aGk=", "path": "b.txt" }] });
    let mut image = spin(&json!([component]));
    let workload = image.workload();
    assert_eq!((workload.form, workload.kind), (Form::Spin, WasmKind::Component));
    assert_eq!((workload.args, workload.env), (vec!["hello".to_owned()], vec!["K=v".to_owned()]));
    let files: Vec<_> = workload.files.iter().map(|file| (file.path.as_str(), file.content.size)).collect();
    assert_eq!(files, [("static/a.txt", 4), ("b.txt", 2)]);
    assert_eq!(workload.files[1].content.verify_data(&SoftwareHashes).unwrap(), Some(&b"hi"[..]));
    // Older ones have the document in place of the config.
    let (_, document) = image.layers.remove(0);
    (image.config_type, image.config) = (SPIN, document);
    assert_eq!(image.workload().form, Form::Spin);
}

#[test]
fn a_spin_application_that_is_not_run_says_why() {
    let source = json!({ "digest": digest(COMPONENT) });
    let several = spin(&json!([{ "id": "one", "source": source }, { "id": "two", "source": source }])).refusal();
    assert!(several.contains("Spin application with 2 components (one, two)"), "{several}");
    let escape = json!([{ "source": source, "files": [{ "inline": "", "path": "/../etc/passwd" }] }]);
    assert!(spin(&escape).refusal().contains("/components/0/files/0/path"));
    let foreign = json!([{ "source": { "digest": digest(b"elsewhere") } }]);
    assert!(spin(&foreign).refusal().contains("is no layer of the image"));
    let config = json!({ "os": "Wasip1", "architecture": "wasm", "rootfs": { "type": "layers" },
                         "config": { "Labels": { "com.fermyon.spin.lockedAppDigest": "sha256:0" } } });
    assert!(Image::new(IMAGE, &config, &[]).refusal().contains("no layer describes it"));
}

#[test]
fn the_error_lists_all_that_was_tried() {
    let nothing = container(&json!({}), 2).refusal();
    assert!(nothing.contains("container: it has neither an entry point nor a command"), "{nothing}");
    assert!(nothing.contains("compat: it has 2 layers, not one"), "{nothing}");
    let absent = container(&json!({ "Entrypoint": ["x.wasm"], "WorkingDir": "/w" }), 1).refusal();
    for path in ["/w/x.wasm is not there", "container: /x.wasm is not there", "/plugin.wasm is not there"] {
        assert!(absent.contains(path), "{absent}");
    }
    let other = Image::new("application/vnd.example", &json!({}), &[("text/plain", b"text")]).refusal();
    assert!(other.contains("no image's but application/vnd.example"), "{other}");
}

#[test]
fn a_document_that_is_not_what_its_descriptor_promises_is_refused() {
    let image = artifact("wasip1", &Value::Null, MODULE);
    let manifest = json!({ "schemaVersion": 2, "config": descriptor(ARTIFACT, &image.config),
                           "layers": [descriptor(WASM, MODULE)] })
    .to_string();
    let start = || Recognizer::start(manifest.as_bytes(), None, None, Overrides::default(), &Limits::default());
    let mut recognizer = start().unwrap();
    let mut other = image.config.clone();
    other[0] = b' ';
    assert_eq!(recognizer.supply(Some(&other), &SoftwareHashes).unwrap_err().code(), Code::DigestMismatch);
    assert_eq!(start().unwrap().supply(None, &SoftwareHashes).unwrap_err().code(), Code::BlobNotFound);
    assert_eq!(start().unwrap().finish().unwrap_err().code(), Code::InvalidState);
}

#[test]
fn verified_bytes_must_be_of_the_kind_that_was_seen() {
    assert!(confirm(MODULE, WasmKind::Module).is_ok());
    assert_eq!(confirm(MODULE, WasmKind::Component).unwrap_err().code(), Code::InvalidWorkload);
    assert_eq!(confirm(ELF, WasmKind::Component).unwrap_err().code(), Code::InvalidWorkload);
}

#[test]
fn wasm_is_preferred_and_the_newest_wasi_first() {
    let wanted = platforms(&Platform::new("linux", "amd64"));
    let there = ["linux/amd64", "unknown/unknown", "wasip1/wasm", "wasip2/wasm32", "wasi/wasm32"];
    let host = Platform::new("linux", "amd64");
    let there: Vec<_> = there.iter().map(|text| Platform::parse(text, &host).unwrap()).collect();
    let candidates: Vec<_> = there.iter().map(Some).collect();
    assert_eq!(crate::platform::order(&candidates, &wanted), [3, 2, 4, 0]);
}
