//! Showing how far a run is: bars on a terminal, or lines of JSON for other programs.

use crate::output::{complain, short, size};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use portolan::progress::Progress;
use serde_json::json;
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Runs that are shorter show nothing: a bar that flashes up tells nobody anything.
const PATIENCE: Duration = Duration::from_millis(300);
/// How often a blob is reported in JSON at most.
const PERIOD: Duration = Duration::from_millis(100);

/// One bar for each blob that is being read.
pub(crate) struct Bars {
    started: Instant,
    multi: MultiProgress,
    style: ProgressStyle,
    blobs: Mutex<HashMap<String, Blob>>,
    total: Mutex<Total>,
}

/// Everything that is to be done, where that is known.
#[derive(Default)]
struct Total {
    size: u64,
    done: u64,
    bar: Option<ProgressBar>,
}

struct Blob {
    begun: Instant,
    size: u64,
    done: u64,
    bar: Option<ProgressBar>,
}

impl Bars {
    pub(crate) fn new() -> Self {
        let template = "{prefix}  {bar:20}  {done:>7} / {all:7}  {rate:>9}";
        // Bars appear late; what was done before is not done in an instant.
        let rate = |state: &ProgressState| (state.pos() as f64 / state.elapsed().as_secs_f64().max(0.001)) as u64;
        Self {
            started: Instant::now(),
            multi: MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10)),
            style: ProgressStyle::with_template(template)
                .unwrap_or_else(|_| ProgressStyle::default_bar())
                .with_key("done", |state: &ProgressState, to: &mut dyn Write| {
                    let _ = to.write_str(&size(state.pos()));
                })
                .with_key("all", |state: &ProgressState, to: &mut dyn Write| {
                    let _ = to.write_str(&size(state.len().unwrap_or_default()));
                })
                .with_key("rate", move |state: &ProgressState, to: &mut dyn Write| {
                    let _ = write!(to, "{}/s", size(rate(state)));
                })
                .progress_chars("━╸─"),
            blobs: Mutex::default(),
            total: Mutex::default(),
        }
    }

    /// Moves the last of the bars on, which is that of everything.
    fn move_on(&self, bytes: u64) {
        let mut total = self.total.lock().unwrap_or_else(PoisonError::into_inner);
        if total.size == 0 {
            return;
        }
        total.done = total.done.saturating_add(bytes).min(total.size);
        match &total.bar {
            Some(bar) => bar.set_position(total.done),
            None if self.started.elapsed() >= PATIENCE => {
                let bar = ProgressBar::new(total.size).with_style(self.style.clone());
                let bar = self.multi.add(bar.with_elapsed(self.started.elapsed()));
                bar.set_prefix(format!("{:19}", "total"));
                bar.set_position(total.done);
                total.bar = Some(bar);
            }
            None => {}
        }
    }

    fn blobs(&self) -> MutexGuard<'_, HashMap<String, Blob>> {
        self.blobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress for Bars {
    fn expect(&self, bytes: u64) {
        let mut total = self.total.lock().unwrap_or_else(PoisonError::into_inner);
        total.size = total.size.saturating_add(bytes);
    }

    fn skip(&self, bytes: u64) {
        self.move_on(bytes);
    }

    fn begin(&self, digest: &str, size: u64) {
        self.blobs().insert(digest.to_owned(), Blob { begun: Instant::now(), size, done: 0, bar: None });
    }

    fn advance(&self, digest: &str, bytes: u64) {
        self.move_on(bytes);
        let mut blobs = self.blobs();
        let Some(blob) = blobs.get_mut(digest) else { return };
        blob.done += bytes;
        match &blob.bar {
            Some(bar) => bar.set_position(blob.done),
            None if self.started.elapsed() >= PATIENCE => {
                let bar = ProgressBar::new(blob.size).with_style(self.style.clone());
                let bar = self.multi.insert(0, bar.with_elapsed(blob.begun.elapsed()));
                bar.set_prefix(short(digest));
                bar.set_position(blob.done);
                blob.bar = Some(bar);
            }
            None => {}
        }
    }

    fn end(&self, digest: &str) {
        if let Some(bar) = self.blobs().remove(digest).and_then(|blob| blob.bar) {
            bar.finish_and_clear();
            self.multi.remove(&bar);
        }
    }
}

/// Nothing stays on the terminal when a run ends early.
impl Drop for Bars {
    fn drop(&mut self) {
        let _ = self.multi.clear();
    }
}

/// One JSON object a line on standard error, for other programs.
#[derive(Default)]
pub(crate) struct Lines(Mutex<HashMap<String, Line>>);

struct Line {
    size: u64,
    done: u64,
    said: Instant,
}

impl Lines {
    fn lines(&self) -> MutexGuard<'_, HashMap<String, Line>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress for Lines {
    fn expect(&self, bytes: u64) {
        complain(&json!({ "event": "expect", "bytes": bytes }).to_string());
    }

    fn skip(&self, bytes: u64) {
        complain(&json!({ "event": "skip", "bytes": bytes }).to_string());
    }

    fn begin(&self, digest: &str, size: u64) {
        self.lines().insert(digest.to_owned(), Line { size, done: 0, said: Instant::now() });
        complain(&json!({ "event": "begin", "digest": digest, "size": size }).to_string());
    }

    fn advance(&self, digest: &str, bytes: u64) {
        let mut lines = self.lines();
        let Some(line) = lines.get_mut(digest) else { return };
        line.done += bytes;
        if line.said.elapsed() >= PERIOD {
            line.said = Instant::now();
            let event = json!({ "event": "advance", "digest": digest, "bytes": line.done, "size": line.size });
            complain(&event.to_string());
        }
    }

    fn end(&self, digest: &str) {
        if let Some(line) = self.lines().remove(digest) {
            complain(&json!({ "event": "end", "digest": digest, "bytes": line.done, "size": line.size }).to_string());
        }
    }
}
