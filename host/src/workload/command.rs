//! Running programs that have a beginning and an end.

use super::program::{Code, Program, World};
use super::state::{self, Guest, Hook};
use super::{Bounds, Exit, bounds::Meter};
use crate::error::{Error, ErrorCode, Result};
use std::convert::Infallible;
use std::future::Future;
use std::sync::mpsc;
use std::time::{Duration, Instant};
use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Store, Trap, UpdateDeadline};
use wasmtime_wasi::I32Exit;

impl Program {
    /// Runs the program to its end.
    ///
    /// # Errors
    /// [`Error::Guest`] when it traps or takes too long, `invalid-workload` when it cannot be run like that.
    pub fn run(&self, guest: &Guest) -> Result<Exit> {
        let bounds = self.bounds;
        match (&self.code, self.world) {
            (Code::Module(module), World::Module) => {
                let mut store = state::module(&self.engine, guest, bounds).map_err(surroundings)?;
                let pre = module_linker(&self.engine, guest)?.instantiate_pre(module).map_err(missing)?;
                let ended = until(&self.engine, bounds, &mut store, async |store| {
                    let instance = pre.instantiate_async(&mut *store).await?;
                    instance.get_typed_func::<(), ()>(&mut *store, "_start")?.call_async(&mut *store, ()).await
                })?;
                exit(ended.map(Ok), &store.data().meter)
            }
            (Code::Component(component), World::Command2) => {
                let pre = linker(&self.engine, component, guest)?.instantiate_pre(component).map_err(missing)?;
                let pre = wasmtime_wasi::p2::bindings::CommandPre::new(pre).map_err(missing)?;
                let mut store = state::component(&self.engine, guest, bounds, false).map_err(surroundings)?;
                let ended = until(&self.engine, bounds, &mut store, async |store| {
                    let command = pre.instantiate_async(&mut *store).await?;
                    command.wasi_cli_run().call_run(&mut *store).await
                })?;
                exit(ended, &store.data().meter)
            }
            (Code::Component(component), World::Command3) => {
                let pre = linker(&self.engine, component, guest)?.instantiate_pre(component).map_err(missing)?;
                let pre = wasmtime_wasi::p3::bindings::CommandPre::new(pre).map_err(missing)?;
                let mut store = state::component(&self.engine, guest, bounds, false).map_err(surroundings)?;
                let ended = until(&self.engine, bounds, &mut store, async |store| {
                    let command = pre.instantiate_async(&mut *store).await?;
                    store.run_concurrent(async |access| command.wasi_cli_run().call_run(access).await).await?
                })?;
                exit(ended, &store.data().meter)
            }
            (_, World::Http2 | World::Http3) => Err(Error::Usage(
                "the program answers HTTP and is no command; say where it is to listen with --http ADDRESS".to_owned(),
            )),
            _ => {
                let message =
                    "the program has no beginning: it exports no wasi:cli/run, no wasi:http handler and no _start";
                Err(Error::Image { code: ErrorCode::InvalidWorkload, message: message.to_owned() })
            }
        }
    }
}

/// What a component may import: WASI 0.2 and 0.3 with their HTTP, as far as it asks for them, and what the host adds.
pub(super) fn linker(engine: &Engine, component: &Component, guest: &Guest) -> Result<Linker<state::Component>> {
    let mut linker = Linker::new(engine);
    let kind = component.component_type();
    // Each has hundreds of functions, and putting them together is a part of the start.
    let wants = |what: fn(&str) -> bool| {
        kind.imports(engine).map(|(name, _)| name).chain(kind.exports(engine).map(|(name, _)| name)).any(what)
    };
    let http = wants(|name| name.starts_with("wasi:http/"));
    wasmtime_wasi::p2::add_to_linker_async(&mut linker).map_err(Error::Component)?;
    if http {
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker).map_err(Error::Component)?;
    }
    if wants(|name| name.starts_with("wasi:") && name.contains("@0.3.")) {
        wasmtime_wasi::p3::add_to_linker(&mut linker).map_err(Error::Component)?;
        if http {
            wasmtime_wasi_http::p3::add_to_linker(&mut linker).map_err(Error::Component)?;
        }
    }
    Hook::apply(guest.imports.as_ref(), &mut linker).map_err(Error::Component)?;
    Ok(linker)
}

/// What a core module may import: WASI 0.1, and what the host adds.
pub(super) fn module_linker(engine: &Engine, guest: &Guest) -> Result<wasmtime::Linker<state::Module>> {
    let mut linker = wasmtime::Linker::new(engine);
    wasmtime_wasi::p1::add_to_linker_async(&mut linker, |state: &mut state::Module| &mut state.wasi)
        .and_then(|_| Hook::apply(guest.module_imports.as_ref(), &mut linker))
        .map_err(Error::Component)?;
    Ok(linker)
}

/// What a program imports and nobody here has.
pub(super) fn missing(error: wasmtime::Error) -> Error {
    Error::Image { code: ErrorCode::InvalidWorkload, message: format!("the program cannot be run here: {error:#}") }
}

/// What a guest was to be given and is not there.
pub(super) fn surroundings(error: wasmtime::Error) -> Error {
    Error::Usage(format!("{error:#}"))
}

/// Waits for a guest on this thread, until its time is over.
pub(super) fn until<T: 'static, R>(
    engine: &Engine,
    bounds: Bounds,
    store: &mut Store<T>,
    run: impl AsyncFnOnce(&mut Store<T>) -> wasmtime::Result<R>,
) -> Result<wasmtime::Result<R>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Error::io("start", "a runtime for the program"))?;
    let ended = match bounds.timeout {
        None => runtime.block_on(run(store)),
        Some(time) => {
            // A guest that computes is stopped by the epoch, one that waits by the timer. Others may share the engine: of
            // all that an epoch stops only those end whose time is over, and the alarm ends with its guest.
            let end = Instant::now() + time;
            store.set_epoch_deadline(1);
            store.epoch_deadline_callback(move |_| match Instant::now() < end {
                true => Ok(UpdateDeadline::Continue(1)),
                false => Ok(UpdateDeadline::Interrupt),
            });
            let engine = engine.clone();
            let (ended, waiting) = mpsc::channel::<Infallible>();
            let alarm = std::thread::Builder::new().name("timeout".to_owned()).stack_size(64 * 1024);
            let alarm = alarm.spawn(move || {
                if waiting.recv_timeout(time) == Err(mpsc::RecvTimeoutError::Timeout) {
                    engine.increment_epoch();
                }
            });
            alarm.map_err(Error::io("start a thread for", "the time limit"))?;
            let _ended = ended;
            runtime.block_on(in_time(time, run(store)))
        }
    };
    // A thread may still wait for standard input; nobody waits for it.
    runtime.shutdown_background();
    Ok(ended)
}

async fn in_time<R>(time: Duration, future: impl Future<Output = wasmtime::Result<R>>) -> wasmtime::Result<R> {
    match tokio::time::timeout(time, future).await {
        Ok(Err(error)) if error.downcast_ref::<Trap>() == Some(&Trap::Interrupt) => Err(too_long(time)),
        Ok(ended) => ended,
        Err(_) => Err(too_long(time)),
    }
}

fn too_long(time: Duration) -> wasmtime::Error {
    wasmtime::Error::msg(format!("it did not end within {time:?}"))
}

/// What the end of a guest means.
pub(super) fn exit(ended: wasmtime::Result<std::result::Result<(), ()>>, meter: &Meter) -> Result<Exit> {
    match ended {
        Ok(Ok(())) => Ok(Exit(0)),
        Ok(Err(())) => Ok(Exit(1)),
        Err(error) => match error.downcast_ref::<I32Exit>() {
            Some(I32Exit(code)) => Ok(Exit(*code)),
            None => Err(failed(error, meter)),
        },
    }
}

/// That a guest failed, with what was refused to it before.
pub(super) fn failed(error: wasmtime::Error, meter: &Meter) -> Error {
    Error::Guest { refused: meter.refused.clone(), source: error }
}
