//! The built components: what they import is what a driver must lend, so it is tested and not only intended.
#![allow(clippy::unwrap_used)]

use portolan::{HASHER_WASM, PORTOLAN_WASM, TOOLKIT_WASM};
use std::fs;
use std::path::Path;
use wasmparser::{Parser, Payload, Validator, WasmFeatures};

/// The names that a component itself imports and exports; those of the modules and components inside do not count.
fn names(bytes: &[u8]) -> (Vec<String>, Vec<String>) {
    let (mut depth, mut imports, mut exports) = (0, Vec::new(), Vec::new());
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.unwrap() {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentImportSection(section) if depth == 0 => {
                imports.extend(section.into_iter().map(|import| import.unwrap().name.name.to_owned()));
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                exports.extend(section.into_iter().map(|export| export.unwrap().name.name.to_owned()));
            }
            _ => {}
        }
    }
    (imports, exports)
}

fn interface(name: &str) -> String {
    format!("portolan:image/{name}@0.1.0")
}

/// What the toolkit exports beside types: every interface but the hasher, and what reads WebAssembly, which the host links.
fn interfaces() -> Vec<String> {
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit");
    let mut names: Vec<String> = fs::read_dir(wit)
        .unwrap()
        .map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .filter(|name| !["world", "hasher", "wasm"].contains(&name.as_str()))
        .map(|name| interface(&name))
        .collect();
    names.sort();
    names
}

#[test]
fn the_toolkit_imports_only_the_hasher() {
    let (imports, mut exports) = names(TOOLKIT_WASM);
    // An interface that only lends types to others may be imported too; ours holds nothing that could be called.
    assert_eq!(imports, [interface("hasher")]);
    exports.sort();
    assert_eq!(exports, interfaces());
}

#[test]
fn the_hasher_imports_nothing() {
    assert_eq!(names(HASHER_WASM), (vec![], vec![interface("hasher")]));
}

#[test]
fn the_composed_toolkit_imports_nothing() {
    let (imports, mut exports) = names(PORTOLAN_WASM);
    assert_eq!(imports, Vec::<String>::new());
    exports.sort();
    assert_eq!(exports, interfaces());
}

/// The world of a component is what the tools of the Bytecode Alliance read in it, but for blank lines. What they read is also
/// a WIT package, once it is written as one.
#[test]
fn the_worlds_of_the_components_are_what_other_tools_read_in_them() {
    let toolkit = portolan::Toolkit::new(Vec::new()).unwrap();
    let lines = |text: &str| text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    for bytes in [TOOLKIT_WASM, HASHER_WASM, PORTOLAN_WASM] {
        let decoded = wit_component::decode(bytes).unwrap();
        let (resolve, package) = (decoded.resolve(), decoded.package());
        let encoded = wit_component::encode(resolve, package).unwrap();
        for bytes in [bytes, &encoded] {
            let decoded = wit_component::decode(bytes).unwrap();
            let mut printer = wit_component::WitPrinter::default();
            printer.emit_docs(false);
            let nested: Vec<_> =
                decoded.resolve().packages.iter().map(|(id, _)| id).filter(|id| *id != decoded.package()).collect();
            printer.print(decoded.resolve(), decoded.package(), &nested).unwrap();
            let world = portolan::wasm::inspect(&toolkit, bytes).unwrap().world.unwrap();
            assert_eq!(lines(&world), lines(&printer.output.to_string()));
        }
    }
}

/// Whatever runs WASI 0.2 runs them: no threads, no 64-bit memory, no exceptions.
#[test]
fn the_components_need_no_proposal_beyond_wasi_0_2() {
    for bytes in [TOOLKIT_WASM, HASHER_WASM, PORTOLAN_WASM] {
        let features = WasmFeatures::WASM2 | WasmFeatures::COMPONENT_MODEL;
        Validator::new_with_features(features).validate_all(bytes).unwrap();
    }
}
