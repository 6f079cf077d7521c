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
