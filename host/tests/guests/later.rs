//! What there is beside programs of WASI 0.1 and 0.2: WASI 0.3, packages of types, and bundles for other runtimes.

use crate::{BOTH, Program, done, portolan, run, text};
use portolan_tests::image::{Builder, Layer, Layout};
use portolan_tests::{guests, tar};
use serde_json::{Value, json};
use std::process::Command;

#[test]
fn a_program_of_wasi_0_3_runs_and_says_the_same_elsewhere() {
    let program = Program::new("later", BOTH[1]);
    let inspected = done(&portolan(&["wasm", "inspect", &program.file]).output().unwrap());
    assert!(inspected.contains("wasi:cli/run@0.3."), "{inspected}");
    let ours = done(&run(&[], &program.file, &["a", "b c"]));
    assert_eq!(ours, "a|b c\n");
    let theirs = Command::new(guests::fetched("wasmtime")).args(["run", &program.file, "a", "b c"]).output().unwrap();
    assert_eq!(ours, done(&theirs));
}

/// crun hands a bundle to its WebAssembly engine for an annotation. It comes from the platform, and never from a label.
#[test]
fn a_bundle_of_webassembly_names_its_program_and_the_handler() {
    let directory = tempfile::tempdir().unwrap();
    let layout = directory.path().join("layout");
    let files = tar::Builder::new().file("command.wasm", guests::built("command", BOTH[0])).build();
    let image = Builder::new("wasip1/wasm").layer(Layer::gzip(files)).run(json!({
        "Entrypoint": ["/command.wasm"], "Cmd": ["args", "a"],
        "Labels": { "run.oci.handler": "krun", "module.wasm.image/variant": "compat", "kept": "yes" } }));
    Layout::single("1.0", image).write(&layout);
    let image = format!("oci:{}:1.0", layout.display());
    let bundle = directory.path().join("bundle");
    let output = portolan(&["unpack", "--bundle", &image, bundle.to_str().unwrap()]).output().unwrap();
    done(&output);
    let said = text(&output.stderr);
    for label in ["run.oci.handler", "module.wasm.image/variant"] {
        assert!(said.contains(&format!("label withheld from the runtime, which it would steer: {label}\n")), "{said}");
    }
    let config: Value = serde_json::from_slice(&std::fs::read(bundle.join("config.json")).unwrap()).unwrap();
    assert_eq!(config["process"]["args"], json!(["/command.wasm", "args", "a"]));
    assert_eq!((&config["process"]["cwd"], &config["root"]["path"]), (&json!("/"), &json!("rootfs")));
    assert_eq!(
        config["annotations"],
        json!({ "org.opencontainers.image.os": "wasip1", "org.opencontainers.image.architecture": "wasm",
            "run.oci.handler": "wasm", "kept": "yes" })
    );
    assert!(bundle.join("rootfs/command.wasm").is_file());
}
