//! Verifying everything that a place refers to.

use crate::digest;
use crate::error::{Error, ErrorCode, Result};
use crate::interrupt::Interrupt;
use crate::layer::{Selection, UnpackOptions, Unpacker};
use crate::manifest::{self, Descriptor, LayerWork, Task, Verified, Work};
use crate::progress::{Progress, Watched};
use crate::source::Source;
use crate::toolkit::{Instance, Toolkit};
use std::collections::VecDeque;
use std::sync::mpsc;
use std::sync::{Condvar, Mutex};
use wasmtime::component::ResourceAny;

type Outcome = std::result::Result<Vec<String>, crate::bindings::exports::portolan::image::types::Error>;

/// What it takes to verify a place.
#[derive(Clone, Copy)]
pub struct Verify<'a> {
    /// The toolkit, with the limits in force.
    pub toolkit: &'a Toolkit,
    /// Where the blobs are.
    pub source: &'a dyn Source,
    /// Only what this index or manifest leads to; nothing for everything.
    pub root: Option<&'a Descriptor>,
    /// Whether warnings of layers are errors.
    pub strict: bool,
    /// How many blobs are read at once.
    pub jobs: usize,
    /// Who watches.
    pub progress: &'a dyn Progress,
    /// When to stop.
    pub interrupt: &'a Interrupt,
}

/// Layers and blobs that wait for a worker.
#[derive(Default)]
struct Queue {
    state: Mutex<(VecDeque<Task>, bool)>,
    changed: Condvar,
}

impl Queue {
    fn push(&self, task: Task) {
        if let Ok(mut state) = self.state.lock() {
            state.0.push_back(task);
        }
        self.changed.notify_one();
    }

    fn close(&self) {
        if let Ok(mut state) = self.state.lock() {
            state.1 = true;
        }
        self.changed.notify_all();
    }

    fn pop(&self) -> Option<Task> {
        let mut state = self.state.lock().ok()?;
        loop {
            // The largest first: the last to end should be a small one.
            let largest = (0..state.0.len()).max_by_key(|&index| size(&state.0[index]));
            if let Some(task) = largest.and_then(|index| state.0.remove(index)) {
                return Some(task);
            }
            if state.1 {
                return None;
            }
            state = self.changed.wait(state).ok()?;
        }
    }
}

fn size(task: &Task) -> u64 {
    match &task.work {
        Work::Layer(LayerWork { descriptor, .. }) | Work::Blob(descriptor) | Work::Document(descriptor) => {
            descriptor.size
        }
    }
}

impl Verify<'_> {
    /// Verifies, and answers all that was found.
    ///
    /// # Errors
    /// When the run fails; what is wrong with the image is a finding, not an error.
    pub fn run(&self) -> Result<Verified> {
        let mut instance = self.toolkit.instantiate()?;
        let limits = self.toolkit.limits();
        let verification = match self.root {
            Some(root) => instance.attempt(|exports, store| {
                exports.portolan_image_manifest().verification().call_of(store, root, limits)
            })?,
            None => {
                let index = self.source.index()?;
                instance.attempt(|exports, store| {
                    exports.portolan_image_manifest().verification().call_start(store, &index, limits)
                })?
            }
        };
        let queue = Queue::default();
        let (sender, receiver) = mpsc::channel::<(u64, Result<Outcome>)>();
        let worked = std::thread::scope(|scope| {
            for _ in 0..self.jobs.max(1) {
                let (sender, queue) = (sender.clone(), &queue);
                scope.spawn(move || {
                    while let Some(task) = queue.pop() {
                        if sender.send((task.id, self.check(&task.work))).is_err() {
                            break;
                        }
                    }
                });
            }
            drop(sender);
            let worked = self.coordinate(&mut instance, verification, &queue, &receiver);
            queue.close();
            worked
        });
        worked?;
        instance
            .call(|exports, store| exports.portolan_image_manifest().verification().call_finish(store, verification))
    }

    /// Takes work until there is none, does documents at once and leaves the rest to the workers.
    fn coordinate(
        &self,
        instance: &mut Instance,
        verification: ResourceAny,
        queue: &Queue,
        receiver: &mpsc::Receiver<(u64, Result<Outcome>)>,
    ) -> Result<()> {
        let mut unreported = 0_usize;
        loop {
            self.interrupt.check()?;
            let task = instance.call(|exports, store| {
                exports.portolan_image_manifest().verification().call_take_work(store, verification)
            })?;
            match task {
                Some(Task { id, work: Work::Document(descriptor) }) => {
                    self.document(instance, verification, id, &descriptor)?;
                }
                Some(task) => {
                    unreported += 1;
                    queue.push(task);
                }
                None if unreported == 0 => return Ok(()),
                None => {
                    let Ok((id, outcome)) = receiver.recv() else { return self.interrupt.check() };
                    unreported -= 1;
                    report(instance, verification, id, &outcome?)?;
                }
            }
        }
    }

    fn document(
        &self,
        instance: &mut Instance,
        verification: ResourceAny,
        id: u64,
        descriptor: &Descriptor,
    ) -> Result<()> {
        match outcome(manifest::document(self.source, descriptor))? {
            Ok(Some(bytes)) => instance.attempt(|exports, store| {
                exports.portolan_image_manifest().verification().call_supply(store, verification, id, &bytes)
            }),
            Ok(None) => report(instance, verification, id, &Err(missing(&descriptor.digest))),
            Err(error) => report(instance, verification, id, &Err(error)),
        }
    }

    /// Reads one layer or blob to its end. What is wrong with it is the outcome, what is wrong with the run an error.
    fn check(&self, work: &Work) -> Result<Outcome> {
        let (descriptor, layer) = match work {
            Work::Layer(layer) => (&layer.descriptor, Some(layer)),
            Work::Blob(descriptor) | Work::Document(descriptor) => (descriptor, None),
        };
        let blob = match outcome(self.source.fetch(descriptor))? {
            Ok(Some(blob)) => blob,
            Ok(None) => return Ok(Err(missing(&descriptor.digest))),
            Err(error) => return Ok(Err(error)),
        };
        self.progress.begin(&descriptor.digest, descriptor.size);
        let blob =
            Watched { reader: blob, digest: &descriptor.digest, progress: self.progress, interrupt: self.interrupt };
        let checked = match layer {
            None => digest::verify(self.toolkit, &descriptor.digest, descriptor.size, blob).map(|()| Vec::new()),
            Some(layer) => {
                let known = UnpackOptions::of(self.source, descriptor, layer.diff_id.clone());
                let options = UnpackOptions { content: Selection::None, strict: self.strict, ..known };
                Unpacker::start(self.toolkit, options)
                    .and_then(|unpacker| unpacker.unpack(blob, |_| Ok(())))
                    .map(|summary| summary.warnings)
            }
        };
        self.interrupt.check()?;
        self.progress.end(&descriptor.digest);
        outcome(checked)
    }
}

fn report(instance: &mut Instance, verification: ResourceAny, id: u64, outcome: &Outcome) -> Result<()> {
    let outcome = outcome.as_ref().map(Vec::as_slice).map_err(Clone::clone);
    instance.attempt(|exports, store| {
        exports.portolan_image_manifest().verification().call_report(
            store,
            verification,
            id,
            outcome.as_ref().map(|warnings| *warnings),
        )
    })
}

/// Divides what is wrong with an image from what is wrong with the run. A blob that cannot be read is a finding too: the
/// others are still worth verifying.
fn outcome<T>(
    result: Result<T>,
) -> Result<std::result::Result<T, crate::bindings::exports::portolan::image::types::Error>> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(Error::Image { code, message }) => {
            Ok(Err(crate::bindings::exports::portolan::image::types::Error { code, message }))
        }
        Err(error @ (Error::Source { .. } | Error::Io { .. })) => {
            let source = std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
            let message = format!("{error}{source}");
            Ok(Err(crate::bindings::exports::portolan::image::types::Error { code: ErrorCode::BlobNotFound, message }))
        }
        Err(error) => Err(error),
    }
}

fn missing(digest: &str) -> crate::bindings::exports::portolan::image::types::Error {
    crate::bindings::exports::portolan::image::types::Error {
        code: ErrorCode::BlobNotFound,
        message: format!("blob {digest} is not there"),
    }
}
