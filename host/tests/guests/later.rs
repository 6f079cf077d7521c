//! What there is beside programs of WASI 0.1 and 0.2: WASI 0.3, packages of types, and bundles for other runtimes.

use crate::http::Server;
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

#[test]
fn a_program_of_wasi_0_3_runs_from_an_artifact_and_from_a_container() {
    let program = Program::new("later", BOTH[1]);
    let image = format!("oci:{}:later", program.path("layout").display());
    done(&portolan(&["wasm", "pack", "--compat", &program.file, &image]).output().unwrap());
    for platform in [&[][..], &["--platform", "wasi/wasm"]] {
        assert_eq!(done(&run(platform, &image, &["a"])), "a\n", "{platform:?}");
    }
}

#[test]
fn a_server_of_wasi_0_3_has_an_instance_for_each_request() {
    let program = Program::new("later_http", BOTH[1]);
    let server = Server::start(&[], &program.file);
    for path in ["/", "/again?and=again"] {
        assert_eq!(server.ask("GET", path, ""), (200, format!("{path} 1")));
    }
    assert_eq!(server.stop(), Some(0));
}

/// What exports functions and has no beginning.
#[test]
fn functions_of_a_reactor_are_called_by_their_names() {
    let component = Program::new("reactor", BOTH[1]);
    for (call, answer) in [
        ("greet(\"you\")", "\"hello you\"\n"),
        ("add([1, 2, -5])", "ok({sum: -2, count: 3})\n"),
        ("portolan:guests/sums#add([])", "err(\"there is nothing to add\")\n"),
    ] {
        assert_eq!(done(&run(&["--invoke", call], &component.file, &[])), answer, "{call}");
    }
    let module = Program::new("reactor", BOTH[0]);
    assert_eq!(done(&run(&["--invoke", "add(2, 3)"], &module.file, &[])), "5\n");
    for program in [&component, &module] {
        let output = run(&[], &program.file, &[]);
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains("has no beginning"), "{}", text(&output.stderr));
        let output = run(&["--invoke", "subtract(1)"], &program.file, &[]);
        assert!(text(&output.stderr).contains("it exports "), "{}", text(&output.stderr));
    }
}

/// As `wkg` pushes them: the artifact of a component that holds types alone.
#[test]
fn a_wit_package_is_packed_and_inspected_and_not_run() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("types.wasm");
    let package = r#"(component (type (export "sums") (component (export "portolan:guests/sums@1.0.0" (instance)))))"#;
    std::fs::write(&file, wat::parse_str(package).unwrap()).unwrap();
    let image = format!("oci:{}:types", directory.path().join("layout").display());
    done(&portolan(&["wasm", "pack", file.to_str().unwrap(), &image]).output().unwrap());
    let inspected = done(&portolan(&["wasm", "inspect", "--json", &image]).output().unwrap());
    let inspected: Value = serde_json::from_str(&inspected).unwrap();
    assert_eq!(inspected["kind"], "wit-package", "{inspected}");
    let output = run(&[], &image, &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("is a WIT package"), "{}", text(&output.stderr));
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
