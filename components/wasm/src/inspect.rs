//! What a module or component needs, offers and is made of.

use crate::scope::{self, Entity, invalid};
use crate::world;
use portolan_image::workload::{self, WasmKind};
use portolan_image::{Limits, Result};
use std::collections::BTreeSet;
use wasmparser::{BinaryReader, Import, Imports, Parser, Payload, ProducersSectionReader};

/// What a file of WebAssembly is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A core module.
    Module,
    /// A component.
    Component,
    /// A component that carries nothing but types: a WIT package, which cannot be run.
    WitPackage,
}

impl Kind {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Module => "module",
            Self::Component => "component",
            Self::WitPackage => "wit-package",
        }
    }
}

/// A section of the file itself, not of what is inside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Its name, such as `code`; custom sections have their own.
    pub name: String,
    /// Its bytes, without its header.
    pub size: u64,
}

/// A tool or language that took part in making the file, by its own account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Producer {
    /// `language`, `processed-by` or `sdk`.
    pub field: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// What is known about a file of WebAssembly without running it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// What it is.
    pub kind: Kind,
    /// The interfaces that a component imports, or the modules that a module imports from; each once, in order.
    pub imports: Vec<String>,
    /// The names that it exports, in order.
    pub exports: Vec<String>,
    /// The versions of WASI in those names: `preview1`, `0.2.6`.
    pub wasi: Vec<String>,
    /// Who made it.
    pub producers: Vec<Producer>,
    /// Its sections, in order.
    pub sections: Vec<Section>,
    /// Its length in bytes.
    pub size: u64,
    /// The world of a component as text: WIT, with the interfaces of what it imports and exports. A module has none.
    pub world: Option<String>,
}

/// Reads a module or component, as far as what it says of itself. Whether its code is valid, [`validate`](crate::validate)
/// says, or whoever compiles it.
///
/// # Errors
/// [`Error::InvalidWorkload`](portolan_image::Error::InvalidWorkload) when it is none or is damaged, and [`Error::LimitExceeded`](portolan_image::Error::LimitExceeded) for `wasm-bytes`.
pub fn inspect(bytes: &[u8], limits: &Limits) -> Result<Inspection> {
    let size = bytes.len() as u64;
    Limits::check("wasm-bytes", limits.wasm_bytes, size, || format!("a file of WebAssembly of {size} bytes"))?;
    let is_module = workload::kind(bytes)? == WasmKind::Module;
    let mut found = Inspection {
        kind: if is_module { Kind::Module } else { Kind::Component },
        imports: Vec::new(),
        exports: Vec::new(),
        wasi: Vec::new(),
        producers: Vec::new(),
        sections: Vec::new(),
        size,
        world: None,
    };
    // First, since it is what bounds how deep components are nested.
    let component = if is_module { None } else { Some(scope::read(bytes)?) };
    let mut names = Names::default();
    let mut types_alone = true;
    if let Some((_, root)) = &component {
        for (name, _) in &root.imports {
            add(&mut found.imports, &mut names.imports, name);
        }
        for (name, entity) in &root.exports {
            types_alone &= matches!(entity, Entity::Type(_));
            add(&mut found.exports, &mut names.exports, name);
        }
    }
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(invalid)?;
        match &payload {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            _ if depth == 1 => {
                types_alone &= read(&payload, is_module, &mut found, &mut names).map_err(invalid)?;
            }
            _ => {}
        }
    }
    if !is_module && types_alone && found.imports.is_empty() && !found.exports.is_empty() {
        found.kind = Kind::WitPackage;
    }
    if let Some((types, root)) = component {
        found.world = Some(world::write(&types, &root, found.kind == Kind::WitPackage)?);
    }
    // Collected, they would be sorted first: a sort is 5 KB of code.
    let mut versions = BTreeSet::new();
    versions.extend(found.imports.iter().chain(&found.exports).filter_map(|name| wasi(name)));
    found.wasi = versions.into_iter().map(str::to_owned).collect();
    Ok(found)
}

/// Validates a module or component with everything in it, after [`inspect`], which bounds how deep it is nested.
///
/// # Errors
/// [`Error::InvalidWorkload`](portolan_image::Error::InvalidWorkload) when it is not valid.
#[cfg(feature = "validate")]
pub fn validate(bytes: &[u8]) -> Result<()> {
    use wasmparser::{Validator, WasmFeatures};

    Validator::new_with_features(WasmFeatures::all()).validate_all(bytes).map_err(invalid)?;
    Ok(())
}

/// What is listed already.
#[derive(Default)]
struct Names<'a> {
    imports: BTreeSet<&'a str>,
    exports: BTreeSet<&'a str>,
}

/// Reads a section of the file itself, but for what a component imports and exports; answers whether a WIT package may
/// have it.
fn read<'a>(
    payload: &Payload<'a>,
    is_module: bool,
    found: &mut Inspection,
    names: &mut Names<'a>,
) -> wasmparser::Result<bool> {
    if let Some((id, range)) = payload.as_section() {
        let name = match payload {
            Payload::CustomSection(custom) => custom.name().to_owned(),
            _ => section_name(id, is_module).to_owned(),
        };
        found.sections.push(Section { name, size: range.len() as u64 });
    }
    match payload {
        Payload::ImportSection(reader) => {
            for group in reader.clone() {
                let (Imports::Single(_, Import { module, .. })
                | Imports::Compact1 { module, .. }
                | Imports::Compact2 { module, .. }) = group?;
                add(&mut found.imports, &mut names.imports, module);
            }
        }
        Payload::ExportSection(reader) => {
            for export in reader.clone() {
                add(&mut found.exports, &mut names.exports, export?.name);
            }
        }
        Payload::CustomSection(custom) if custom.name() == "producers" => {
            let reader = BinaryReader::new(custom.data(), custom.data_offset());
            if let Ok(fields) = ProducersSectionReader::new(reader) {
                for field in fields {
                    let field = field?;
                    for value in field.values {
                        let value = value?;
                        let (name, version) = (value.name.to_owned(), value.version.to_owned());
                        found.producers.push(Producer { field: field.name.to_owned(), name, version });
                    }
                }
            }
        }
        Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => return Ok(false),
        _ => {}
    }
    Ok(true)
}

fn add<'a>(names: &mut Vec<String>, known: &mut BTreeSet<&'a str>, name: &'a str) {
    if known.insert(name) {
        names.push(name.to_owned());
    }
}

fn section_name(id: u8, is_module: bool) -> &'static str {
    const MODULE: [&str; 14] = [
        "custom",
        "type",
        "import",
        "function",
        "table",
        "memory",
        "global",
        "export",
        "start",
        "element",
        "code",
        "data",
        "data count",
        "tag",
    ];
    const COMPONENT: [&str; 12] = [
        "custom",
        "core module",
        "core instance",
        "core type",
        "component",
        "instance",
        "alias",
        "type",
        "canon",
        "start",
        "import",
        "export",
    ];
    let names: &[&'static str] = if is_module { &MODULE } else { &COMPONENT };
    names.get(usize::from(id)).copied().unwrap_or("unknown")
}

/// The version of WASI that a name means.
fn wasi(name: &str) -> Option<&str> {
    match name {
        "wasi_snapshot_preview1" => Some("preview1"),
        "wasi_unstable" => Some("preview0"),
        _ => name.strip_prefix("wasi:")?.split_once('@').map(|(_, version)| version),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portolan_image::Code;

    fn inspected(text: &str) -> Inspection {
        inspect(&wat::parse_str(text).unwrap(), &Limits::default()).unwrap()
    }

    #[test]
    fn a_module_says_where_it_imports_from() {
        let found = inspected(
            r#"(module (import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))
                       (memory (export "memory") 1) (func (export "_start") (call 0 (i32.const 0))))"#,
        );
        assert_eq!(found.kind, Kind::Module);
        assert_eq!(found.imports, ["wasi_snapshot_preview1"]);
        assert_eq!(found.exports, ["memory", "_start"]);
        assert_eq!(found.wasi, ["preview1"]);
        assert!(found.sections.iter().any(|section| section.name == "code" && section.size > 0));
    }

    #[test]
    fn a_component_says_its_interfaces_and_not_those_inside_it() {
        let found = inspected(
            r#"(component (import "wasi:cli/environment@0.2.3" (instance))
                 (core module (func (export "hidden")))
                 (component $inner) (instance $i (instantiate $inner)) (export "wasi:cli/run@0.2.6" (instance $i)))"#,
        );
        assert_eq!(found.kind, Kind::Component);
        assert_eq!(found.imports, ["wasi:cli/environment@0.2.3"]);
        assert_eq!(found.exports, ["wasi:cli/run@0.2.6"]);
        assert_eq!(found.wasi, ["0.2.3", "0.2.6"]);
        assert!(found.sections.iter().any(|section| section.name == "core module"));
    }

    #[test]
    fn types_alone_are_a_wit_package() {
        let found = inspected(r#"(component (type $t (component)) (export "x" (type $t)))"#);
        assert_eq!(found.kind, Kind::WitPackage);
        assert_eq!(inspected("(component)").kind, Kind::Component);
    }

    /// Row 56.
    #[test]
    fn what_is_no_valid_webassembly_is_refused() {
        for wrong in [&b"\x7fELF\x02\x01\x01\0"[..], b"", b"\0asm\x01\0\0\0\x01", b"\0asm\x0d\0\x01\0\xff\xff"] {
            assert_eq!(inspect(wrong, &Limits::default()).unwrap_err().code(), Code::InvalidWorkload, "{wrong:?}");
        }
        let limits = Limits { wasm_bytes: 7, ..Limits::default() };
        assert_eq!(inspect(b"\0asm\x01\0\0\0", &limits).unwrap_err().code(), Code::LimitExceeded);
    }
}
