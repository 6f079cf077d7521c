//! Stopping a run: by a signal or by a time limit, at the next point where nothing is left behind.

use crate::error::{Error, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Tells long work when to stop. Cheap to clone; all clones stop together.
#[derive(Clone, Debug, Default)]
pub struct Interrupt {
    signal: Arc<AtomicBool>,
    cancel: Arc<AtomicBool>,
    deadline: Option<(Instant, u64)>,
}

impl Interrupt {
    /// One that also stops when so many seconds have passed; 0 is never.
    #[must_use]
    pub fn after(mut self, seconds: u64) -> Self {
        self.deadline = (seconds > 0).then(|| (Instant::now() + Duration::from_secs(seconds), seconds));
        self
    }

    /// The flag that a signal handler sets.
    #[must_use]
    pub fn signal(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.signal)
    }

    /// One that stops with this one, and can be stopped alone.
    pub(crate) fn child(&self) -> Self {
        Self { cancel: Arc::new(AtomicBool::new(false)), ..self.clone() }
    }

    /// Stops the work that shares this, because other work has failed.
    pub(crate) fn cancel(&self) {
        self.cancel.store(true, Ordering::Relaxed);
    }

    /// Fails when it is time to stop.
    ///
    /// # Errors
    /// [`Error::Interrupted`].
    pub fn check(&self) -> Result<()> {
        if self.signal.load(Ordering::Relaxed) {
            return Err(Error::Interrupted { reason: "a signal".to_owned() });
        }
        if self.cancel.load(Ordering::Relaxed) {
            return Err(Error::Interrupted { reason: CANCELLED.to_owned() });
        }
        if let Some((deadline, seconds)) = self.deadline
            && Instant::now() > deadline
        {
            return Err(Error::Interrupted {
                reason: format!("the time limit of {seconds} s; raise seconds to allow it"),
            });
        }
        Ok(())
    }
}

const CANCELLED: &str = "the failure of other work";

/// Whether an error only says that other work has failed first.
pub(crate) fn is_cancelled(error: &Error) -> bool {
    matches!(error, Error::Interrupted { reason } if reason == CANCELLED)
}
