//! The toolkit component on wasmtime: one engine, the component ready to be instantiated, one store a job.

use crate::bindings::{self, ToolkitPre, exports::portolan::image::types::Limit};
use crate::error::{Error, ErrorCode, Result};
use crate::{engine, hasher};
use rustix::mm::{MprotectFlags, mprotect};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;
use wasmtime::component::{Component, Linker};
use wasmtime::{CustomCodeMemory, Engine, ResourceLimiter, Store, StoreLimits, StoreLimitsBuilder};

/// The toolkit as a component, as `wit/` describes it. It imports `hasher`.
pub const TOOLKIT_WASM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/toolkit.wasm"));
/// The hasher as a component, for drivers that lend no arithmetic of their own. It imports nothing.
pub const HASHER_WASM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/hasher.wasm"));
/// The toolkit and the hasher in one component. It imports nothing.
pub const PORTOLAN_WASM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/portolan.wasm"));
/// The toolkit, precompiled by the build script for the machine that built it.
static TOOLKIT_CWASM: &Pages<[u8]> = &Pages(*include_bytes!(concat!(env!("OUT_DIR"), "/toolkit.cwasm")));

/// Something that has its pages for itself, so that they can be made executable where they are. No machine that we know
/// has pages larger than this.
#[repr(C, align(65536))]
struct Pages<T: ?Sized>(T);

/// How often the epoch advances.
const TICK: Duration = Duration::from_millis(100);
/// How many ticks one call may take. A call handles about a mebibyte, or one document: a minute is a loop.
#[cfg(not(test))]
const CALL_TICKS: u64 = 600;
/// So that a test of a loop need not wait for a minute.
#[cfg(test)]
const CALL_TICKS: u64 = 30;
/// The key of the limit that bounds a store's memory, in bytes.
const MEMORY_KEY: &str = "memory-bytes";

/// The toolkit, loaded and ready.
///
/// It is cheap to clone and to share between threads; each job takes an [`Instance`] of its own.
#[derive(Clone)]
pub struct Toolkit {
    pre: ToolkitPre<State>,
    limits: Vec<Limit>,
    _ticker: Arc<Ticker>,
}

/// What a store holds beside the component's memory.
pub(crate) struct State {
    pub(crate) hashes: hasher::Table,
    bounds: Bounds,
}

/// How large a store may become, and whether it wanted to become larger.
struct Bounds {
    limits: StoreLimits,
    memory: u64,
    exceeded: bool,
}

impl ResourceLimiter for Bounds {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let may = self.limits.memory_growing(current, desired, maximum)?;
        self.exceeded |= !may;
        Ok(may)
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        self.limits.table_growing(current, desired, maximum)
    }

    fn instances(&self) -> usize {
        self.limits.instances()
    }

    fn tables(&self) -> usize {
        self.limits.tables()
    }

    fn memories(&self) -> usize {
        self.limits.memories()
    }
}

/// One instance of the component with a memory of its own.
pub(crate) struct Instance {
    pub(crate) store: Store<State>,
    pub(crate) exports: bindings::Toolkit,
}

/// Advances the epoch until it is dropped.
struct Ticker {
    stop: Arc<AtomicBool>,
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Ticker {
    /// The one ticker of the process's one engine: a second would make minutes shorter.
    fn of(engine: &Engine) -> Result<Arc<Self>> {
        static TICKING: Mutex<Weak<Ticker>> = Mutex::new(Weak::new());
        let mut ticking = TICKING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ticker) = ticking.upgrade() {
            return Ok(ticker);
        }
        let (stop, engine) = (Arc::new(AtomicBool::new(false)), engine.clone());
        let ticker = Arc::new(Self { stop: Arc::clone(&stop) });
        std::thread::Builder::new()
            .name("epoch".to_owned())
            .stack_size(64 * 1024)
            .spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    std::thread::sleep(TICK);
                    engine.increment_epoch();
                }
            })
            .map_err(Error::io("start a thread for", "the epoch"))?;
        *ticking = Arc::downgrade(&ticker);
        Ok(ticker)
    }
}

impl Toolkit {
    /// Loads the component that this crate embeds, with limits that differ from their defaults.
    ///
    /// # Errors
    /// [`Error::Component`] when this machine cannot run it.
    pub fn new(limits: Vec<Limit>) -> Result<Self> {
        let component = loaded().map_err(Error::Component)?;
        let mut linker = Linker::new(component.engine());
        hasher::add_to_linker(&mut linker).map_err(Error::Component)?;
        let pre = linker.instantiate_pre(&component).and_then(ToolkitPre::new).map_err(Error::Component)?;
        Ok(Self { pre, limits, _ticker: Ticker::of(component.engine())? })
    }

    /// The toolkit of this process with no limits changed.
    ///
    /// # Errors
    /// As [`Toolkit::new`].
    pub fn shared() -> Result<&'static Self> {
        static SHARED: OnceLock<Toolkit> = OnceLock::new();
        if let Some(toolkit) = SHARED.get() {
            return Ok(toolkit);
        }
        let toolkit = Self::new(Vec::new())?;
        Ok(SHARED.get_or_init(|| toolkit))
    }

    /// The same toolkit with other limits.
    #[must_use]
    pub fn with_limits(&self, limits: Vec<Limit>) -> Self {
        Self { limits, ..self.clone() }
    }

    /// The limits that differ from their defaults.
    #[must_use]
    pub fn limits(&self) -> &[Limit] {
        &self.limits
    }

    /// The value of a limit: the one that was given, or its default.
    ///
    /// # Errors
    /// When the component fails.
    pub fn limit(&self, key: &str) -> Result<u64> {
        let given = self.limits.iter().rev().find(|limit| limit.key == key).map(|limit| limit.value);
        if let Some(value) = given {
            return Ok(value);
        }
        // They are the component's, and there is one.
        static DEFAULTS: OnceLock<Vec<Limit>> = OnceLock::new();
        let defaults = match DEFAULTS.get() {
            Some(defaults) => defaults,
            None => {
                let defaults = crate::limits::defaults(self)?;
                DEFAULTS.get_or_init(|| defaults)
            }
        };
        Ok(defaults.iter().find(|limit| limit.key == key).map_or(u64::MAX, |limit| limit.value))
    }

    pub(crate) fn instantiate(&self) -> Result<Instance> {
        let given = self.limits.iter().rev().find(|limit| limit.key == MEMORY_KEY).map(|limit| limit.value);
        // The limits are asked before there is a component that could tell its defaults.
        let memory = given.unwrap_or_else(|| portolan_image::Limits::default().memory_bytes);
        let limits = StoreLimitsBuilder::new()
            .memory_size(usize::try_from(memory).unwrap_or(usize::MAX))
            .instances(16)
            .memories(4)
            .tables(16)
            .build();
        let bounds = Bounds { limits, memory, exceeded: false };
        let mut store = Store::new(self.pre.engine(), State { hashes: hasher::Table::default(), bounds });
        store.limiter(|state| &mut state.bounds);
        store.set_epoch_deadline(CALL_TICKS);
        let exports = self.pre.instantiate(&mut store).map_err(Error::Component)?;
        Ok(Instance { store, exports })
    }
}

impl Instance {
    /// Calls the component, with a new deadline for this one call.
    pub(crate) fn call<T>(
        &mut self,
        call: impl FnOnce(&bindings::Toolkit, &mut Store<State>) -> wasmtime::Result<T>,
    ) -> Result<T> {
        self.store.set_epoch_deadline(CALL_TICKS);
        call(&self.exports, &mut self.store).map_err(|error| match &self.store.data().bounds {
            // The component can only give up then; that is what the image asked for, and no defect.
            Bounds { exceeded: true, memory, .. } => Error::Image {
                code: ErrorCode::LimitExceeded,
                message: format!(
                    "the memory that the image takes exceeds the limit of {memory}; raise {MEMORY_KEY} to allow it"
                ),
            },
            _ => Error::Component(error),
        })
    }

    /// The same for calls whose answer can be an error of the image.
    pub(crate) fn attempt<T>(
        &mut self,
        call: impl FnOnce(
            &bindings::Toolkit,
            &mut Store<State>,
        )
            -> wasmtime::Result<std::result::Result<T, bindings::exports::portolan::image::types::Error>>,
    ) -> Result<T> {
        self.call(call)?.map_err(Error::from)
    }
}

/// The precompiled component, loaded once a process; it is compiled anew where the processor lacks what the build
/// machine had.
#[allow(unsafe_code)]
fn loaded() -> wasmtime::Result<Component> {
    static LOADED: Mutex<Option<Component>> = Mutex::new(None);
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(component) = &*loaded {
        return Ok(component.clone());
    }
    let mut config = engine::config();
    config.with_custom_code_memory(Some(Arc::new(InPlace)));
    let engine = Engine::new(&config)?;
    // SAFETY: the bytes were written by this crate's build script and are part of the executable; nothing that comes
    // from outside is ever deserialised. wasmtime checks version, settings and processor features itself. It uses the
    // bytes where they are and changes the protection of their pages, which are theirs alone; the lock and the process's
    // one copy see to it that this happens once.
    let component = match unsafe { Component::deserialize_raw(&engine, NonNull::from(&TOOLKIT_CWASM.0)) } {
        Ok(component) => component,
        Err(_) => Component::new(&engine, TOOLKIT_WASM)?,
    };
    Ok(loaded.insert(component).clone())
}

/// Makes code executable in memory that wasmtime does not own.
struct InPlace;

impl CustomCodeMemory for InPlace {
    fn required_alignment(&self) -> usize {
        rustix::param::page_size()
    }

    #[allow(unsafe_code)]
    fn publish_executable(&self, pointer: *const u8, length: usize) -> wasmtime::Result<()> {
        // SAFETY: wasmtime gives whole pages of code that it just compiled, or those of `TOOLKIT_CWASM`.
        Ok(unsafe { mprotect(pointer.cast_mut().cast(), length, MprotectFlags::READ | MprotectFlags::EXEC) }?)
    }

    #[allow(unsafe_code)]
    fn unpublish_executable(&self, pointer: *const u8, length: usize) -> wasmtime::Result<()> {
        // SAFETY: as above, and nothing runs there any more.
        Ok(unsafe { mprotect(pointer.cast_mut().cast(), length, MprotectFlags::READ | MprotectFlags::WRITE) }?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compiling takes a second; what the build script left must be what this engine takes, without a copy.
    #[test]
    fn the_precompiled_component_is_taken_where_it_is() {
        let code = loaded().unwrap().image_range();
        let there = TOOLKIT_CWASM.0.as_ptr_range();
        assert!(there.start <= code.start && code.end <= there.end, "{code:?} is not in {there:?}");
    }

    /// What a component that is broken, or was taken over, could do; it exports `run`.
    fn run_in_place_of_the_toolkit(toolkit: &Toolkit, body: &str) -> Error {
        let text = format!(
            r#"(component
                (core module $m (memory 1) (func (export "run") {body}))
                (core instance $i (instantiate $m))
                (func (export "run") (canon lift (core func $i "run"))))"#
        );
        let bytes = wat::parse_str(text).unwrap();
        let mut instance = toolkit.instantiate().unwrap();
        let result = instance.call(|_, store| {
            let engine = store.engine().clone();
            let component = Component::new(&engine, &bytes)?;
            let instance = Linker::new(&engine).instantiate(&mut *store, &component)?;
            let run = instance.get_typed_func::<(), ()>(&mut *store, "run")?;
            run.call(&mut *store, ())
        });
        result.unwrap_err()
    }

    /// The second wall behind the toolkit's own care: whatever goes wrong inside a component is an error of the host.
    #[track_caller]
    fn assert_defect(error: &Error, cause: &str) {
        assert!(matches!(error, Error::Component(_)), "{error:?}");
        assert_eq!(error.to_string(), "a component failed: this is a defect of portolan, not of the image");
        let Error::Component(source) = error else { return };
        assert!(format!("{source:?}").contains(cause), "{source:?}");
    }

    #[test]
    fn a_trap_is_an_error_and_no_crash() {
        let toolkit = Toolkit::new(Vec::new()).unwrap();
        assert_defect(&run_in_place_of_the_toolkit(&toolkit, "unreachable"), "unreachable");
        assert_defect(&run_in_place_of_the_toolkit(&toolkit, "(drop (i32.load (i32.const -4)))"), "out of bounds");
        assert_defect(
            &run_in_place_of_the_toolkit(&toolkit, "(drop (i32.div_u (i32.const 1) (i32.const 0)))"),
            "divide",
        );
    }

    #[test]
    fn a_loop_is_an_error_after_its_time() {
        let toolkit = Toolkit::new(Vec::new()).unwrap();
        let start = std::time::Instant::now();
        assert_defect(&run_in_place_of_the_toolkit(&toolkit, "(loop (br 0))"), "interrupt");
        let limit = TICK * u32::try_from(CALL_TICKS).unwrap();
        assert!(start.elapsed() >= limit / 2 && start.elapsed() < limit * 10, "{:?}", start.elapsed());
    }

    #[test]
    fn a_recursion_is_an_error_before_the_stack_of_the_host_ends() {
        let toolkit = Toolkit::new(Vec::new()).unwrap();
        assert_defect(&run_in_place_of_the_toolkit(&toolkit, "(call 0)"), "stack");
    }

    #[test]
    fn memory_does_not_grow_beyond_its_limit() {
        let limit = Limit { key: MEMORY_KEY.to_owned(), value: 64 << 20 };
        let toolkit = Toolkit::new(vec![limit]).unwrap();
        // A mebibyte is 16 pages; growing answers -1 where it is refused, and the toolkit's allocator traps then.
        let grow = |pages: u32| {
            format!(
                "(if (i32.eq (memory.grow (i32.const {pages})) (i32.const -1)) (then unreachable)) (drop (i32.load (i32.const -4)))"
            )
        };
        assert_defect(&run_in_place_of_the_toolkit(&toolkit, &grow(16)), "out of bounds");
        let error = run_in_place_of_the_toolkit(&toolkit, &grow(2_000));
        assert!(matches!(error, Error::Image { code: ErrorCode::LimitExceeded, .. }), "{error:?}");
        assert!(
            error.to_string().ends_with("exceeds the limit of 67108864; raise memory-bytes to allow it"),
            "{error}"
        );
    }

    #[test]
    fn a_component_that_asks_for_more_memory_than_allowed_does_not_start() {
        let toolkit = Toolkit::new(vec![Limit { key: MEMORY_KEY.to_owned(), value: 64 << 10 }]).unwrap();
        assert!(matches!(toolkit.instantiate(), Err(Error::Component(_))));
    }
}
