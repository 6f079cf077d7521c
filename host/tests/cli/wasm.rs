//! `portolan wasm`.

use crate::portolan;
use serde_json::Value;

const COMPONENT: &str = r#"(component (import "wasi:cli/environment@0.2.3" (instance))
    (component $inner) (instance $i (instantiate $inner)) (export "wasi:cli/run@0.2.6" (instance $i)))"#;

/// B-01, B-03, B-04, B-07.
#[test]
fn what_is_packed_is_inspected_as_the_file_was_and_is_the_same_each_time() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("hello.wasm");
    std::fs::write(&file, wat::parse_str(COMPONENT).unwrap()).unwrap();
    let file = file.to_str().unwrap();
    let pack = |name: &str| {
        let place = format!("oci:{}:v1", scratch.path().join(name).display());
        portolan(["wasm", "pack", "--annotation", "a=b", "--created", "2026-01-31T12:00:00Z", file, &place]).done();
        place
    };
    let (first, second) = (pack("first"), pack("second"));
    let digest = |place: &str| portolan(["inspect", "--json", place]).json()["digest"].clone();
    assert_eq!(digest(&first), digest(&second));
    portolan(["verify", &first]).done();
    let of_file = portolan(["wasm", "inspect", "--json", file]).json();
    let of_image = portolan(["wasm", "inspect", "--json", &first]).json();
    assert_eq!((&of_image["form"], &of_file["form"]), (&"artifact".into(), &Value::Null));
    for shown in [&of_file, &of_image] {
        assert_eq!(shown["kind"], "component");
        assert_eq!(shown["imports"], serde_json::json!(["wasi:cli/environment@0.2.3"]));
        assert_eq!(shown["exports"], serde_json::json!(["wasi:cli/run@0.2.6"]));
        assert_eq!(shown["wasi"], serde_json::json!(["0.2.3", "0.2.6"]));
    }
    assert_eq!(of_file["digest"], of_image["digest"]);
    let text = portolan(["wasm", "inspect", &first]).done();
    assert!(text.contains("wasi:cli/run@0.2.6") && text.contains("artifact"), "{text}");
    assert_eq!(text.matches("\nSections ").count(), 1, "{text}");
    let world = "world root {\n  import wasi:cli/environment@0.2.3;\n\n  export wasi:cli/run@0.2.6;\n}\n";
    assert!(text.contains(world), "{text}");
    assert!(of_file["world"].as_str().unwrap().contains(world), "{of_file}");
}

/// Row 56: a parser that follows them as deep as they are would end the process.
#[test]
fn a_component_whose_types_are_nested_too_deep_is_neither_inspected_nor_run() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("deep.wasm");
    let depth = 1 << 20;
    let mut bytes = b"\0asm\x0d\0\x01\0\x07".to_vec();
    // The length of the section: a count, three bytes a level, and a type.
    let length: u32 = 3 * depth + 2;
    bytes.extend((0..4).map(|at| (length >> (7 * at)) as u8 & 0x7f | if at < 3 { 0x80 } else { 0 }));
    bytes.push(1);
    bytes.extend([0x41, 1, 1].repeat(depth as usize));
    bytes.push(0x7f);
    std::fs::write(&file, bytes).unwrap();
    let file = file.to_str().unwrap();
    let error = portolan(["wasm", "inspect", file]).failed(1);
    assert!(error.contains("100 deep"), "{error}");
    let error = portolan(["run", "--no-cache", file]).failed(1);
    assert!(error.contains("100 deep"), "{error}");
}

/// Row 56.
#[test]
fn what_is_no_webassembly_is_neither_packed_nor_recognised() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("hello.wasm");
    std::fs::write(&file, b"\x7fELF\x02\x01\x01\0").unwrap();
    let (file, place) = (file.to_str().unwrap(), format!("oci:{}:v1", scratch.path().join("layout").display()));
    let error = portolan(["wasm", "pack", file, &place]).failed(1);
    assert!(error.contains("machine code"), "{error}");
    portolan(["artifact", "push", &place, &format!("{file}:application/wasm")]).done();
    let error = portolan(["wasm", "inspect", &place]).failed(1);
    assert!(error.contains("no WebAssembly to run") && error.contains("machine code"), "{error}");
}

/// One program in both forms under one name, and each form made of the other (B-07).
#[test]
fn an_artifact_becomes_a_container_image_and_back() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("hello.wasm");
    let module = r#"(module (import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))
        (memory (export "memory") 1) (func (export "_start") (call 0 (i32.const 5))))"#;
    std::fs::write(&file, wat::parse_str(module).unwrap()).unwrap();
    let file = file.to_str().unwrap();
    let place = |name: &str| format!("oci:{}:{name}", scratch.path().join("layout").display());
    portolan(["wasm", "pack", "--compat", file, &place("both")]).done();
    portolan(["wasm", "convert", "--to", "container", &place("both"), &place("container")]).done();
    portolan(["wasm", "convert", "--to", "artifact", &place("container"), &place("artifact")]);
    portolan(["verify", scratch.path().join("layout").to_str().unwrap()]).done();
    let form = |name: &str, platform: &str| {
        let shown = portolan(["wasm", "inspect", "--json", "--platform", platform, &place(name)]).json();
        (shown["form"].as_str().unwrap().to_owned(), shown["digest"].clone())
    };
    let digest = portolan(["wasm", "inspect", "--json", file]).json()["digest"].clone();
    assert_eq!(form("both", "wasip1/wasm"), ("artifact".to_owned(), digest.clone()));
    assert_eq!(form("both", "wasi/wasm"), ("container".to_owned(), digest.clone()));
    assert_eq!(form("container", "wasi/wasm"), ("container".to_owned(), digest.clone()));
    assert_eq!(form("artifact", "wasip1/wasm"), ("artifact".to_owned(), digest));
    for name in ["both", "container", "artifact"] {
        assert_eq!(portolan(["run", "--no-cache", &place(name)]).code, Some(5), "{name}");
    }
    let platforms = portolan(["platforms", &place("both")]).done();
    assert!(platforms.contains("wasip1/wasm") && platforms.contains("wasi/wasm"), "{platforms}");
}
