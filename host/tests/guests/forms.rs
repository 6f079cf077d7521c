//! One program in every form in which WebAssembly is packaged, from a layout and from registries.

use crate::{BOTH, done, portolan, run};
use portolan_tests::image::{Algorithm, Builder, Layer, Layout, media_type};
use portolan_tests::peers::DockerRegistry;
use portolan_tests::{guests, tar};
use serde_json::json;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

/// The forms, with the tags that they have in the layout.
const FORMS: [&str; 8] =
    ["artifact", "wasm-layer", "spin", "wasm-to-oci", "module-artifact", "compat", "container", "index"];

/// The program in every form.
fn forms(triple: &str) -> Layout {
    let wasm = guests::built("command", triple);
    let os = triple.trim_start_matches("wasm32-");
    let digest = Algorithm::Sha256.digest(&wasm);
    let raw = |media_type: &str| Layer::plain(Vec::new()).blob(wasm.clone()).media_type(media_type);
    let mut layout = Layout::new();
    let component =
        (os == "wasip2").then(|| json!({ "exports": ["wasi:cli/run@0.2.6"], "imports": [], "target": null }));
    let config = json!({ "created": "2026-01-01T00:00:00Z", "author": null, "architecture": "wasm", "os": os,
        "layerDigests": [digest], "component": component });
    let artifact = Builder::new("wasi/wasm")
        .layer(raw(media_type::WASM))
        .config_blob(media_type::WASM_CONFIG, config.to_string().into_bytes());
    let artifact = layout.image(artifact);
    let wasm_layer = layout
        .image(Builder::new("wasip1/wasm").layer(raw("application/vnd.bytecodealliance.wasm.component.layer.v0+wasm")));
    let locked = json!({ "spin_lock_version": 1, "metadata": { "name": "one" }, "triggers": [], "components": [
        { "id": "one", "source": { "content_type": "application/wasm", "digest": digest } }] });
    let spin = layout.image(
        Builder::new("Wasip1/wasm").layer(raw("application/vnd.wasm.content.layer.v1+wasm")).layer(
            Layer::plain(Vec::new())
                .blob(locked.to_string().into_bytes())
                .media_type("application/vnd.fermyon.spin.application.v1+config"),
        ),
    );
    let wasm_to_oci = layout.image(
        Builder::new("wasi/wasm")
            .layer(raw("application/vnd.wasm.content.layer.v1+wasm"))
            .config_blob("application/vnd.wasm.config.v1+json", b"{}".to_vec()),
    );
    let module_artifact = layout.image(
        Builder::new("wasi/wasm")
            .layer(
                Layer::plain(Vec::new())
                    .blob(b"{}".to_vec())
                    .media_type("application/vnd.module.wasm.runtime-config.v1+json"),
            )
            .layer(raw("application/vnd.module.wasm.content.layer.v1+wasm"))
            .config_blob("application/vnd.module.wasm.config.v1+json", b"{}".to_vec()),
    );
    let compat = layout.image(
        Builder::new("linux/amd64")
            .layer(Layer::gzip(tar::Builder::new().file("plugin.wasm", &wasm).build()))
            .annotation("module.wasm.image/variant", "compat"),
    );
    let files = tar::Builder::new().dir("bin/").file("bin/command.wasm", &wasm).dir("etc/").file("etc/motd", b"ahoy\n");
    let container = layout.image(
        Builder::new("wasi/wasm")
            .layer(Layer::gzip(files.build()))
            .run(json!({ "Entrypoint": ["/bin/command.wasm"], "Cmd": ["args", "of", "the", "image"] })),
    );
    let native =
        layout.image(Builder::new("linux/amd64").layer(Layer::gzip(tar::Builder::new().file("sh", b"#!").build())));
    let entry = |descriptor: &portolan_tests::image::Descriptor, os: &str, architecture: &str| {
        descriptor.clone().with("platform", json!({ "os": os, "architecture": architecture }))
    };
    let index = layout.index(&[entry(&native, "linux", "amd64"), entry(&artifact, os, "wasm")]);
    let all = [artifact, wasm_layer, spin, wasm_to_oci, module_artifact, compat, container, index];
    for (descriptor, tag) in all.iter().zip(FORMS) {
        layout.tag(descriptor, tag);
    }
    layout
}

#[test]
fn every_form_runs_from_a_layout() {
    for triple in BOTH {
        let directory = tempfile::tempdir().unwrap();
        forms(triple).write(directory.path());
        for form in FORMS {
            let image = format!("oci:{}:{form}", directory.path().display());
            let output = run(&[], &image, &["args", form]);
            assert_eq!(done(&output), format!("{form}\n"), "{triple} {form}");
        }
        let container = format!("oci:{}:container", directory.path().display());
        assert_eq!(done(&run(&[], &container, &[])), "of|the|image\n");
        assert_eq!(done(&run(&[], &container, &["cat", "/etc/motd"])), "ahoy\n");
        assert_eq!(done(&run(&[], &container, &["list", "/"])), "bin|etc\n");
    }
}

/// A registry, until it is dropped.
pub(crate) struct Registry {
    child: Child,
    pub(crate) address: String,
}

impl Registry {
    /// Our own, over the layouts of a directory.
    pub(crate) fn start(root: &str) -> Self {
        let mut serve = portolan(&["serve", "--listen", "127.0.0.1:0", root]);
        let mut child = serve.stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").unwrap_or_else(|| panic!("{line}"));
        Self { address: address.to_owned(), child }
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn every_form_runs_from_a_registry() {
    let directory = tempfile::tempdir().unwrap();
    let layout = directory.path().join("layout");
    forms(BOTH[1]).write(&layout);
    let root = directory.path().join("root");
    let ours = Registry::start(root.to_str().unwrap());
    let theirs = DockerRegistry::start(directory.path(), false);
    for address in [ours.address.clone(), theirs.address.to_string()] {
        for form in FORMS {
            let name = format!("{address}/forms:{form}");
            done(&portolan(&["copy", "--quiet", &format!("oci:{}:{form}", layout.display()), &name]).output().unwrap());
            assert_eq!(done(&run(&[], &name, &["args", form])), format!("{form}\n"), "{name}");
        }
    }
}
