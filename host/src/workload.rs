//! Running WebAssembly, above all what images hold: core modules of WASI 0.1 and components of WASI 0.2 and 0.3.
//!
//! Nothing is granted to a guest unless it is said: it has its own files, clocks, randomness and its standard streams. What
//! it may take is bounded, too.
//!
//! ```no_run
//! use portolan::workload::{Builder, Exit};
//! let exit = Builder::new().arg("hello").env("LANG", "C").run_bytes(std::fs::read("hello.wasm").unwrap_or_default())?;
//! assert_eq!(exit, Exit(0));
//! # Ok::<(), portolan::Error>(())
//! ```

mod bounds;
mod cache;
mod command;
mod grants;
mod http;
mod invoke;
mod outgoing;
mod program;
mod recognizing;
mod rootfs;
mod state;

pub use crate::bindings::exports::portolan::image::workload::{
    Form, GuestFile, Overrides, WasmKind, WasmPlace, Workload,
};
pub use bounds::Bounds;
pub use cache::Cache;
pub use grants::{Grants, Mount};
pub use http::Serving;
pub use program::{Program, World};
pub use recognizing::{fetch_wasm, form_word, platforms, recognize};
pub use rootfs::Rootfs;
pub use state::{Component as ComponentState, Guest, Module as ModuleState};

use crate::digest;
use crate::error::{Error, ErrorCode, Result};
use crate::layers::Layers;
use portolan_image::Limits;
use portolan_wasm::Kind;
use state::Hook;
use std::sync::Arc;
use wasmtime_wasi::WasiCtxBuilder;

/// How a program ended, as it says itself: 0 is well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit(pub i32);

/// A program that is ready to be run.
#[derive(Debug)]
pub struct Prepared {
    /// The program, compiled.
    pub program: Program,
    /// Its surroundings.
    pub guest: Guest,
    /// The digest of its bytes.
    pub digest: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What is odd about its image and does no harm.
    pub warnings: Vec<String>,
}

/// What a program is to be run with.
#[derive(Clone, Default)]
pub struct Builder {
    guest: Guest,
    bounds: Bounds,
    cache: Option<Cache>,
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    is_writable: bool,
}

impl Builder {
    /// Nothing granted, everything bounded by its default, no compiled code kept.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One more argument; of an image, arguments stand instead of its `Cmd`.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.cmd.get_or_insert_default().push(arg.into());
        self
    }

    /// More arguments.
    #[must_use]
    pub fn args(self, args: impl IntoIterator<Item = impl Into<String>>) -> Self {
        args.into_iter().fold(self, Self::arg)
    }

    /// Instead of the image's `Entrypoint`.
    #[must_use]
    pub fn entrypoint(mut self, entrypoint: Vec<String>) -> Self {
        self.entrypoint = Some(entrypoint);
        self
    }

    /// A variable of the environment; it wins over the image's.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.guest.grants.env.push((name.into(), value.into()));
        self
    }

    /// What else is granted. Variables that were given before stay.
    #[must_use]
    pub fn grants(mut self, mut grants: Grants) -> Self {
        grants.env.splice(0..0, std::mem::take(&mut self.guest.grants.env));
        self.guest.grants = grants;
        self
    }

    /// How much the program may take.
    #[must_use]
    pub fn bounds(mut self, bounds: Bounds) -> Self {
        self.bounds = bounds;
        self
    }

    /// Where compiled code is kept.
    #[must_use]
    pub fn cache(mut self, cache: Option<Cache>) -> Self {
        self.cache = cache;
        self
    }

    /// Whether the guest may write to its file system, which is gone when it ends.
    #[must_use]
    pub fn writable(mut self, is_writable: bool) -> Self {
        self.is_writable = is_writable;
        self
    }

    /// Changes what the guest sees of WASI before each start: streams of one's own, directories, clocks, random numbers.
    #[must_use]
    pub fn wasi(mut self, hook: impl Fn(&mut WasiCtxBuilder) -> wasmtime::Result<()> + Send + Sync + 'static) -> Self {
        self.guest.wasi = Some(Hook::new(hook));
        self
    }

    /// Gives components more to import than WASI: functions of the program that runs them.
    ///
    /// ```no_run
    /// # use portolan::workload::{Builder, ComponentState};
    /// use wasmtime::StoreContextMut;
    /// let builder = Builder::new().imports(|linker| {
    ///     let mut host = linker.instance("example:host/lights")?;
    ///     host.func_wrap("switch", |_: StoreContextMut<'_, ComponentState>, (on,): (bool,)| Ok((!on,)))
    /// });
    /// ```
    ///
    /// What a guest imports and nobody gives is `invalid-workload` when it is run.
    #[must_use]
    pub fn imports(
        mut self,
        hook: impl Fn(&mut wasmtime::component::Linker<ComponentState>) -> wasmtime::Result<()> + Send + Sync + 'static,
    ) -> Self {
        self.guest.imports = Some(Hook::new(hook));
        self
    }

    /// The same for core modules.
    #[must_use]
    pub fn module_imports(
        mut self,
        hook: impl Fn(&mut wasmtime::Linker<ModuleState>) -> wasmtime::Result<()> + Send + Sync + 'static,
    ) -> Self {
        self.guest.module_imports = Some(Hook::new(hook));
        self
    }

    /// Compiles a program that is no image's; its name is its first argument.
    ///
    /// # Errors
    /// `invalid-workload` when the bytes are no WebAssembly.
    pub fn prepare_bytes(&self, name: &str, bytes: Vec<u8>) -> Result<Prepared> {
        let digest = digest::of(&bytes)?;
        let program = self.compile(&bytes, &digest)?;
        let mut guest = self.guest.clone();
        guest.args = std::iter::once(name.to_owned()).chain(self.cmd.iter().flatten().cloned()).collect();
        Ok(Prepared { program, guest, digest, bytes, warnings: Vec::new() })
    }

    /// Finds the program of an image, verifies it, compiles it, and makes its file system in a directory beside nobody
    /// else's, which is removed with the answer.
    ///
    /// # Errors
    /// `invalid-workload` when there is none, or what is wrong with the image.
    pub fn prepare(&self, layers: &Layers<'_>) -> Result<Prepared> {
        let overrides = Overrides { entrypoint: self.entrypoint.clone(), cmd: self.cmd.clone() };
        let workload = recognize(layers, &overrides)?;
        let (digest, bytes) = fetch_wasm(layers, &workload)?;
        let program = self.compile(&bytes, &digest)?;
        let mut guest = self.guest.clone();
        guest.root = Rootfs::of(layers, &workload, self.is_writable)?.map(Arc::new);
        guest.args = workload.args;
        guest.working_dir = workload.working_dir;
        let own = workload.env.iter().filter_map(|variable| variable.split_once('='));
        let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
        guest.grants.env.splice(0..0, own);
        Ok(Prepared { program, guest, digest, bytes, warnings: workload.warnings })
    }

    /// Compiles a program, unless it is none but looks like one.
    fn compile(&self, bytes: &[u8], digest: &str) -> Result<Program> {
        let program = Program::compile(bytes, digest, &self.bounds, self.cache.as_ref())?;
        if program.world == World::Library
            && portolan_wasm::inspect(bytes, &Limits::default()).is_ok_and(|found| found.kind == Kind::WitPackage)
        {
            let message = format!("{digest} is a WIT package: it holds types alone, for building, and nothing to run");
            return Err(Error::Image { code: ErrorCode::InvalidWorkload, message });
        }
        Ok(program)
    }

    /// Runs the program of an image to its end.
    ///
    /// # Errors
    /// As [`Builder::prepare`], and [`Error::Guest`] when it failed other than by its own word.
    pub fn run(&self, layers: &Layers<'_>) -> Result<Exit> {
        let prepared = self.prepare(layers)?;
        prepared.program.run(&prepared.guest)
    }

    /// Runs a program that is no image's to its end.
    ///
    /// # Errors
    /// As [`Builder::run`].
    pub fn run_bytes(&self, bytes: Vec<u8>) -> Result<Exit> {
        let prepared = self.prepare_bytes("main", bytes)?;
        prepared.program.run(&prepared.guest)
    }
}
