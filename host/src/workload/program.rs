//! Compiled programs.

use super::bounds::Bounds;
use super::cache::Cache;
use crate::error::{Error, ErrorCode, Result};
use memchr::memmem;
use std::fmt;
use wasmtime::component::types::ComponentItem;
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

/// What a program asks to be run as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum World {
    /// A core module that begins at `_start` (WASI 0.1).
    Module,
    /// A component that exports `wasi:cli/run` 0.2.
    Command2,
    /// A component that exports `wasi:cli/run` 0.3.
    Command3,
    /// A component that exports `wasi:http/incoming-handler` 0.2.
    Http2,
    /// A component that exports `wasi:http/handler` 0.3.
    Http3,
    /// Neither: something of it can be called by its name.
    Library,
}

/// A program, compiled for this machine.
#[derive(Clone)]
pub struct Program {
    pub(super) engine: Engine,
    pub(super) code: Code,
    pub(super) bounds: Bounds,
    /// What it asks to be run as.
    pub world: World,
}

#[derive(Clone)]
pub(super) enum Code {
    Module(wasmtime::Module),
    Component(wasmtime::component::Component),
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program").field("world", &self.world).finish_non_exhaustive()
    }
}

const MODULE: &[u8] = b"\0asm\x01\0\0\0";
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

impl Program {
    /// Compiles a program, or takes what was compiled from the same bytes before.
    ///
    /// Nothing but WebAssembly in its binary format is taken: code that is compiled already would be run unseen (row 56).
    ///
    /// # Errors
    /// `invalid-workload`.
    pub fn compile(bytes: &[u8], digest: &str, bounds: &Bounds, cache: Option<&Cache>) -> Result<Self> {
        let is_component = match bytes.get(..8) {
            Some(MODULE) => false,
            Some(COMPONENT) => true,
            _ => return Err(wrong("it is no WebAssembly: neither a module nor a component begins like that")),
        };
        let engine = Engine::new(&config(bounds, may_serve(bytes), None)).map_err(Error::Component)?;
        let code = Code::load(&engine, is_component, bytes, digest, cache)?;
        let world = code.world(&engine);
        Ok(Self { engine, code, bounds: *bounds, world })
    }

    /// The same program for a server of so many requests at once, whose instances are set aside beforehand.
    pub(super) fn pooled(self, bytes: &[u8], digest: &str, cache: Option<&Cache>, most: u32) -> Result<Self> {
        let engine = Engine::new(&config(&self.bounds, true, Some(most))).map_err(Error::Component)?;
        let is_component = matches!(self.code, Code::Component(_));
        // Where instances are has no say in how they are compiled.
        let code = match self.code.moved(&engine) {
            Some(code) => code,
            None => Code::load(&engine, is_component, bytes, digest, cache)?,
        };
        Ok(Self { engine, code, ..self })
    }
}

/// Whether a program may be one that answers HTTP: it names the interface, be it to import it.
fn may_serve(bytes: &[u8]) -> bool {
    [&b"wasi:http/incoming-handler@"[..], b"wasi:http/handler@"].iter().any(|name| memmem::find(bytes, name).is_some())
}

/// How many bytes of a memory stay with its place in the pool.
const KEPT: usize = 256 << 10;
/// How many places are cleared in one go.
const BATCH: usize = 8;

/// The settings of the engine: those features that are on everywhere, and components of WASI 0.3.
fn config(bounds: &Bounds, may_serve: bool, pooled: Option<u32>) -> Config {
    let mut config = Config::new();
    config.wasm_component_model_async(true);
    config.consume_fuel(bounds.fuel.is_some());
    // It costs a tenth of the speed: only who has to be stopped pays.
    config.epoch_interruption(bounds.timeout.is_some() || may_serve);
    if let Some(most) = pooled {
        let mut pool = PoolingAllocationConfig::new();
        let memory = usize::try_from(bounds.memory).unwrap_or(usize::MAX).min(4 << 30);
        // A component is made of some core instances, most often of three to five.
        pool.total_component_instances(most).total_core_instances(most.saturating_mul(10));
        pool.total_memories(most.saturating_mul(2))
            .total_tables(most.saturating_mul(10))
            .total_stacks(most.saturating_mul(2));
        // What a request touched is wiped in place, as far as it is little: giving pages back and taking them again costs more.
        pool.linear_memory_keep_resident(KEPT).table_keep_resident(KEPT).decommit_batch_size(BATCH);
        pool.max_memory_size(memory).table_elements(bounds.table_elements.min(1 << 17));
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    }
    config
}

fn wrong(message: impl Into<String>) -> Error {
    Error::Image { code: ErrorCode::InvalidWorkload, message: message.into() }
}

impl Code {
    fn load(engine: &Engine, is_component: bool, bytes: &[u8], digest: &str, cache: Option<&Cache>) -> Result<Self> {
        if let Some(kept) = cache.and_then(|cache| cache.load(engine, digest))
            && let Some(code) = Self::deserialize(engine, is_component, &kept)
        {
            return Ok(code);
        }
        let failed = |error: wasmtime::Error| wrong(format!("{digest} cannot be compiled: {error:#}"));
        let (code, serialized) = if is_component {
            // The compiler follows types inside types on its stack.
            portolan_wasm::check_nesting(bytes).map_err(|error| wrong(format!("{digest}: {error}")))?;
            let component = wasmtime::component::Component::new(engine, bytes).map_err(failed)?;
            let serialized = cache.map(|_| component.serialize());
            (Self::Component(component), serialized)
        } else {
            let module = wasmtime::Module::new(engine, bytes).map_err(failed)?;
            let serialized = cache.map(|_| module.serialize());
            (Self::Module(module), serialized)
        };
        if let (Some(cache), Some(Ok(serialized))) = (cache, serialized) {
            // Without room for it the program runs all the same, and is compiled again next time.
            let _ = cache.store(engine, digest, &serialized);
        }
        Ok(code)
    }

    #[allow(unsafe_code)]
    fn deserialize(engine: &Engine, is_component: bool, kept: &[u8]) -> Option<Self> {
        // SAFETY: the bytes are what this process compiled, or what this program wrote into a directory that only its user
        // can write to, and their digest was compared; what an image brings is never deserialised. wasmtime checks its
        // version and settings itself.
        unsafe {
            if is_component {
                wasmtime::component::Component::deserialize(engine, kept).ok().map(Self::Component)
            } else {
                wasmtime::Module::deserialize(engine, kept).ok().map(Self::Module)
            }
        }
    }

    /// The same code for another engine, where both compile alike.
    fn moved(&self, engine: &Engine) -> Option<Self> {
        let (is_component, serialized) = match self {
            Self::Component(component) => (true, component.serialize()),
            Self::Module(module) => (false, module.serialize()),
        };
        Self::deserialize(engine, is_component, &serialized.ok()?)
    }

    fn world(&self, engine: &Engine) -> World {
        let component = match self {
            Self::Component(component) => component,
            Self::Module(module) if module.get_export("_start").is_some() => return World::Module,
            Self::Module(_) => return World::Library,
        };
        let exports = component.component_type();
        let instances =
            exports.exports(engine).filter(|(_, item)| matches!(item.ty, ComponentItem::ComponentInstance(_)));
        let mut world = World::Library;
        for (name, _) in instances {
            world = match name {
                _ if name.starts_with("wasi:cli/run@0.2.") => World::Command2,
                _ if name.starts_with("wasi:cli/run@0.3.") => World::Command3,
                _ if name.starts_with("wasi:http/incoming-handler@0.2.") && world == World::Library => World::Http2,
                _ if name.starts_with("wasi:http/handler@0.3.") && world == World::Library => World::Http3,
                _ => continue,
            };
        }
        world
    }
}
