//! The signals that stop a run.

use crate::failure;
use portolan::interrupt::Interrupt;
use portolan::{Error, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the run is in a place where nothing would be left behind if it ended at once.
///
/// There the first signal ends it, since it may be waiting for a pipe that says nothing; elsewhere the run ends itself at
/// the next point where it can tidy up. The second signal always ends it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waiting(Arc<AtomicBool>);

impl Waiting {
    /// Does something that leaves nothing behind.
    pub(crate) fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        self.0.store(true, Ordering::SeqCst);
        let done = work();
        self.0.store(false, Ordering::SeqCst);
        done
    }
}

/// Listens to signals until the process ends.
pub(crate) fn listen(interrupt: &Interrupt, waiting: &Waiting, json: bool) -> Result<()> {
    let mut signals =
        Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(Error::io("listen to", "the signals of the system"))?;
    let (flag, waiting) = (interrupt.signal(), waiting.clone());
    let listener = move || {
        for signal in signals.forever() {
            if flag.swap(true, Ordering::SeqCst) {
                let _ = signal_hook::low_level::emulate_default_handler(signal);
            }
            if waiting.0.load(Ordering::SeqCst) {
                failure::print(&Error::Interrupted { reason: "a signal".to_owned() }, json);
                std::process::exit(i32::from(failure::FAILED));
            }
        }
    };
    let thread = std::thread::Builder::new().name("signals".to_owned()).stack_size(256 * 1024);
    thread.spawn(listener).map_err(Error::io("start a thread for", "signals"))?;
    Ok(())
}
