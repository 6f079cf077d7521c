//! What the page calls. Values become plain objects, which can be handed from the worker to the page.
// What is exported has to be public, wherever it stands.
#![expect(unreachable_pub)]

use std::time::Duration;

use js_sys::{Array, Float64Array, Function, Object, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;

use crate::diff::{self, Hunk, Line, Side};
use crate::elf::{self, Elf, Parts, Section};
use crate::search;
use crate::treemap::{self, Area};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** What an ELF file says about itself, as far as it can be read. */
export interface Elf {
  bits: number;
  isBigEndian: boolean;
  kind: string;
  machine: string;
  system: string;
  entry: string;
  interpreter?: string;
  name?: string;
  needed: string[];
  runPath?: string;
  buildId?: string;
  isStripped?: boolean;
  hasDebugInfo: boolean;
  sections: Section[];
  sectionCount: number;
  problems: string[];
}

/** Addresses and offsets are in hexadecimal. */
export interface Section {
  name: string;
  kind: string;
  address: string;
  offset: string;
  size: number;
  flags: string;
}

/** What was found: how many paths match, and the best, with what matches from where to where. */
export interface Found {
  total: number;
  best: { index: number; marks: number[] }[];
}

/** What differs between two texts. */
export interface Difference {
  hunks: Hunk[];
  removed: number;
  added: number;
  isCut: boolean;
}

/** Lines that changed, with some round them, and the numbers of the first ones. */
export interface Hunk {
  before: number;
  after: number;
  lines: Line[];
}

export interface Line {
  side: "both" | "before" | "after";
  parts: { isChanged: boolean; text: string }[];
}
"#;

/// What the headers of an ELF file say; nothing for what is no ELF file. The function reads from an offset so many bytes.
#[wasm_bindgen(unchecked_return_type = "Elf | undefined")]
pub fn elf(size: f64, read: &Function) -> JsValue {
    let file = Parts::new(size as u64, |offset, into: &mut [u8]| {
        let bytes = read.call2(&JsValue::NULL, &(offset as f64).into(), &(into.len() as f64).into());
        let bytes = bytes.ok().and_then(|bytes| bytes.dyn_into::<Uint8Array>().ok());
        // Copying panics where the lengths are not the same.
        bytes.filter(|bytes| bytes.length() as usize == into.len()).map(|bytes| bytes.copy_to(into)).is_some()
    });
    elf::read(&file).as_ref().map_or(JsValue::UNDEFINED, of_elf)
}

/// Paths to look among.
#[wasm_bindgen]
pub struct Paths(search::Paths);

#[wasm_bindgen]
impl Paths {
    /// Takes paths in one text, a NUL between them.
    #[wasm_bindgen(constructor)]
    pub fn new(text: String) -> Self {
        Self(search::Paths::new(text))
    }

    /// The best of those that match.
    #[wasm_bindgen(unchecked_return_type = "Found")]
    pub fn search(&mut self, query: &str, most: usize) -> JsValue {
        let found = self.0.search(query, most);
        let best = found.best.iter().map(|hit| {
            let marks: Array = hit.marks.iter().map(|&mark| JsValue::from(mark)).collect();
            object(&[("index", hit.index.into()), ("marks", marks.into())])
        });
        object(&[("total", found.total.into()), ("best", best.collect::<Array>().into())])
    }
}

/// Divides a rectangle among sizes: four numbers for each, from the left, from the top, width and height.
#[wasm_bindgen]
pub fn treemap(sizes: &[f64], width: f64, height: f64) -> Float64Array {
    let areas = treemap::divide(sizes, Area { x: 0.0, y: 0.0, width, height });
    let numbers: Vec<f64> = areas.iter().flat_map(|area| [area.x, area.y, area.width, area.height]).collect();
    Float64Array::from(numbers.as_slice())
}

/// What differs between two texts, as exactly as can be said in so many milliseconds.
#[wasm_bindgen(unchecked_return_type = "Difference")]
pub fn diff(before: &str, after: &str, milliseconds: u32) -> JsValue {
    let found = diff::compare(before, after, Duration::from_millis(milliseconds.into()));
    object(&[
        ("hunks", found.hunks.iter().map(of_hunk).collect::<Array>().into()),
        ("removed", found.removed.into()),
        ("added", found.added.into()),
        ("isCut", found.is_cut.into()),
    ])
}

fn of_hunk(hunk: &Hunk) -> JsValue {
    let lines = hunk.lines.iter().map(of_line).collect::<Array>();
    object(&[("before", hunk.before.into()), ("after", hunk.after.into()), ("lines", lines.into())])
}

fn of_line(line: &Line) -> JsValue {
    let side = match line.side {
        Side::Both => "both",
        Side::Before => "before",
        Side::After => "after",
    };
    let parts = line.parts.iter().map(|(is, text)| object(&[("isChanged", (*is).into()), ("text", text.into())]));
    object(&[("side", side.into()), ("parts", parts.collect::<Array>().into())])
}

fn of_elf(found: &Elf) -> JsValue {
    let texts = |texts: &[String]| texts.iter().map(JsValue::from).collect::<Array>().into();
    object(&[
        ("bits", found.bits.into()),
        ("isBigEndian", found.is_big_endian.into()),
        ("kind", (&found.kind).into()),
        ("machine", (&found.machine).into()),
        ("system", (&found.system).into()),
        ("entry", hexadecimal(found.entry)),
        ("interpreter", found.interpreter.as_ref().into()),
        ("name", found.name.as_ref().into()),
        ("needed", texts(&found.needed)),
        ("runPath", found.run_path.as_ref().into()),
        ("buildId", found.build_id.as_ref().into()),
        ("isStripped", found.is_stripped.into()),
        ("hasDebugInfo", found.has_debug_info.into()),
        ("sections", found.sections.iter().map(of_section).collect::<Array>().into()),
        ("sectionCount", found.section_count.into()),
        ("problems", texts(&found.problems)),
    ])
}

fn of_section(section: &Section) -> JsValue {
    object(&[
        ("name", (&section.name).into()),
        ("kind", (&section.kind).into()),
        ("address", hexadecimal(section.address)),
        ("offset", hexadecimal(section.offset)),
        ("size", (section.size as f64).into()),
        ("flags", (&section.flags).into()),
    ])
}

fn hexadecimal(number: u64) -> JsValue {
    format!("{number:#x}").into()
}

/// An object with these fields; what is undefined is left out.
fn object(fields: &[(&str, JsValue)]) -> JsValue {
    let made = Object::new();
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_undefined()) {
        // It fails for proxies and frozen objects alone.
        let _ = Reflect::set(&made, &(*name).into(), value);
    }
    made.into()
}
