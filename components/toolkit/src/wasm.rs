//! The interface `wasm`.

use crate::Component;
use crate::bindings::exports::portolan::image::wasm::{Guest, Info, Kind, Producer, Section};
use crate::types::{Limit, Result, limits};

impl Guest for Component {
    fn inspect(bytes: Vec<u8>, replaced: Vec<Limit>) -> Result<Info> {
        let found = portolan_wasm::inspect(&bytes, &limits(&replaced)?)?;
        Ok(Info {
            kind: found.kind.into(),
            imports: found.imports,
            exports: found.exports,
            wasi: found.wasi,
            producers: found.producers.into_iter().map(Producer::from).collect(),
            sections: found.sections.into_iter().map(Section::from).collect(),
            size: found.size,
            world: found.world,
        })
    }
}

impl From<portolan_wasm::Kind> for Kind {
    fn from(kind: portolan_wasm::Kind) -> Self {
        match kind {
            portolan_wasm::Kind::Module => Self::Module,
            portolan_wasm::Kind::Component => Self::Component,
            portolan_wasm::Kind::WitPackage => Self::WitPackage,
        }
    }
}

impl From<portolan_wasm::Producer> for Producer {
    fn from(producer: portolan_wasm::Producer) -> Self {
        Self { field: producer.field, name: producer.name, version: producer.version }
    }
}

impl From<portolan_wasm::Section> for Section {
    fn from(section: portolan_wasm::Section) -> Self {
        Self { name: section.name, size: section.size }
    }
}
