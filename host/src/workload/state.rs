//! What a store holds beside a guest's memory.

use super::bounds::{Bounds, Meter};
use super::grants::Grants;
use super::outgoing::Outgoing;
use super::rootfs::Rootfs;
use std::fmt;
use std::sync::Arc;
use wasmtime::component::ResourceTable;
use wasmtime::{Engine, Store};
use wasmtime_wasi::p1::WasiP1Ctx;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// A program's surroundings.
#[derive(Clone, Debug, Default)]
pub struct Guest {
    /// The command line, the program's name first.
    pub args: Vec<String>,
    /// Where it starts. WASI 0.1 knows no such thing.
    pub working_dir: Option<String>,
    /// What it may reach.
    pub grants: Grants,
    /// Its file system.
    pub root: Option<Arc<Rootfs>>,
    pub(super) wasi: Option<Hook<WasiCtxBuilder>>,
    pub(super) imports: Option<Hook<wasmtime::component::Linker<Component>>>,
    pub(super) module_imports: Option<Hook<wasmtime::Linker<Module>>>,
}

/// A change of what a guest finds.
type Change<T> = dyn Fn(&mut T) -> wasmtime::Result<()> + Send + Sync;

/// Changes what a guest finds.
pub(super) struct Hook<T>(Arc<Change<T>>);

impl<T> Hook<T> {
    pub(super) fn new(change: impl Fn(&mut T) -> wasmtime::Result<()> + Send + Sync + 'static) -> Self {
        Self(Arc::new(change))
    }

    /// Makes the change, where there is one.
    pub(super) fn apply(hook: Option<&Self>, subject: &mut T) -> wasmtime::Result<()> {
        hook.map_or(Ok(()), |Self(change)| change(subject))
    }
}

impl<T> Clone for Hook<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> fmt::Debug for Hook<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hook")
    }
}

impl Guest {
    /// What the guest sees of WASI. A server has no standard input.
    fn wasi(&self, is_server: bool, may_block: bool) -> wasmtime::Result<WasiCtxBuilder> {
        let mut wasi = WasiCtx::builder();
        wasi.args(&self.args).inherit_stdout().inherit_stderr().allow_blocking_current_thread(may_block);
        if !is_server {
            wasi.inherit_stdin();
        }
        if let Some(directory) = &self.working_dir {
            wasi.initial_cwd(directory);
        }
        if let Some(root) = &self.root {
            let perms = if root.is_writable { FsPerms::ReadWrite } else { FsPerms::ReadOnly };
            wasi.preopened_dir(root.path(), "/", perms)?;
        }
        self.grants.apply(&mut wasi)?;
        Hook::apply(self.wasi.as_ref(), &mut wasi)?;
        Ok(wasi)
    }
}

/// What a store holds for a component; it has no members of its own for functions of a host, which bring theirs.
pub struct Component {
    pub(super) meter: Meter,
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    outgoing: Outgoing,
}

/// What a store holds for a core module.
pub struct Module {
    pub(super) meter: Meter,
    pub(super) wasi: WasiP1Ctx,
}

/// A store for a component.
pub(super) fn component(
    engine: &Engine,
    guest: &Guest,
    bounds: Bounds,
    is_server: bool,
) -> wasmtime::Result<Store<Component>> {
    let state = Component {
        meter: Meter::new(bounds),
        table: ResourceTable::new(),
        wasi: guest.wasi(is_server, !is_server && bounds.timeout.is_none())?.build(),
        http: WasiHttpCtx::new(),
        outgoing: Outgoing::new(guest.grants.clone()),
    };
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.meter);
    fuel(&mut store, bounds)?;
    Ok(store)
}

/// A store for a core module.
pub(super) fn module(engine: &Engine, guest: &Guest, bounds: Bounds) -> wasmtime::Result<Store<Module>> {
    let wasi = guest.wasi(false, bounds.timeout.is_none())?.build_p1();
    let mut store = Store::new(engine, Module { meter: Meter::new(bounds), wasi });
    store.limiter(|state| &mut state.meter);
    fuel(&mut store, bounds)?;
    Ok(store)
}

fn fuel<T>(store: &mut Store<T>, bounds: Bounds) -> wasmtime::Result<()> {
    match bounds.fuel {
        Some(fuel) => store.set_fuel(fuel),
        None => Ok(()),
    }
}

impl WasiView for Component {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for Component {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.outgoing, table: &mut self.table, ctx: &mut self.http }
    }
}
