//! Copying images from one place to another: blobs first, in parallel, then the manifests that list them.

use crate::error::{Error, Result};
use crate::interrupt::{self, Interrupt};
use crate::manifest::{self, Descriptor};
use crate::progress::{Progress, Watched};
use crate::sink::{Sink, Stored};
use crate::source::Source;
use crate::toolkit::Toolkit;
use std::io::{Cursor, Read};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

pub use crate::bindings::exports::portolan::image::copy::{
    Copied, Need, Options, Plan, Planned, Reason, Root, Skipped,
};

/// Finds out what it takes to copy roots from a place; documents are read for that, and no blobs.
///
/// # Errors
/// `blob-not-found` for a document that is not there, `platform-not-found`, or what is wrong with a document.
pub fn plan(
    toolkit: &Toolkit,
    source: &dyn Source,
    roots: &[Root],
    options: &Options,
    interrupt: &Interrupt,
) -> Result<Plan> {
    let mut instance = toolkit.instantiate()?;
    let copying = instance.attempt(|exports, store| {
        exports.portolan_image_copy().copying().call_start(store, roots, options, toolkit.limits())
    })?;
    loop {
        interrupt.check()?;
        let need = instance.call(|exports, store| exports.portolan_image_copy().copying().call_next(store, copying))?;
        match need {
            Some(Need::Document(descriptor)) => {
                let bytes = manifest::document(source, &descriptor)?;
                instance.attempt(|exports, store| {
                    exports.portolan_image_copy().copying().call_supply(store, copying, bytes.as_deref())
                })?;
            }
            Some(Need::Referrers(descriptor)) => {
                let referrers = source.referrers(&descriptor.digest)?;
                instance.attempt(|exports, store| {
                    exports.portolan_image_copy().copying().call_supply_referrers(store, copying, &referrers)
                })?;
            }
            None => break,
        }
    }
    instance.attempt(|exports, store| exports.portolan_image_copy().copying().call_finish(store, copying))
}

/// What it takes to carry out a plan.
pub struct Copy<'a> {
    /// Where the blobs are.
    pub source: &'a dyn Source,
    /// Where they go.
    pub sink: &'a dyn Sink,
    /// What is to be copied.
    pub plan: &'a Plan,
    /// How many blobs are copied at once.
    pub jobs: usize,
    /// Who watches.
    pub progress: &'a dyn Progress,
    /// When to stop.
    pub interrupt: &'a Interrupt,
}

/// What was copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Blobs that were copied.
    pub copied: u64,
    /// Blobs that were there.
    pub present: u64,
    /// Bytes of blobs that were read from the source, or of which a part was there.
    pub bytes: u64,
}

impl Copy<'_> {
    /// Copies. What was copied appears at the end, with [`Sink::finish`]; after an error it does not.
    ///
    /// # Errors
    /// What is wrong with a blob, or what the source and the sink say.
    pub fn run(&self) -> Result<Done> {
        self.interrupt.check()?;
        self.sink.prepare(self.plan)?;
        let done = self.blobs()?;
        for planned in &self.plan.manifests {
            self.interrupt.check()?;
            self.sink.put_manifest(planned)?;
        }
        self.interrupt.check()?;
        self.sink.finish()?;
        Ok(done)
    }

    /// Copies the blobs, the largest first.
    fn blobs(&self) -> Result<Done> {
        self.progress.expect(self.plan.blobs.iter().map(|blob| blob.size).fold(0, u64::saturating_add));
        let interrupt = self.interrupt.child();
        let next = AtomicUsize::new(0);
        let result: Mutex<Result<Done>> = Mutex::new(Ok(Done::default()));
        let work = || {
            while let Some(descriptor) = self.plan.blobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                let stored = interrupt.check().and_then(|()| self.blob(descriptor, &interrupt));
                let Ok(mut result) = result.lock() else { return };
                match (stored, &mut *result) {
                    (Ok(stored), Ok(done)) => match stored {
                        Stored::Present => done.present += 1,
                        Stored::Copied { bytes } => {
                            done.copied += 1;
                            done.bytes += bytes;
                        }
                    },
                    (Ok(_), Err(_)) => {}
                    (Err(error), result) => {
                        interrupt.cancel();
                        // Of several errors the one that came first and is not only the echo of another one counts.
                        if result.as_ref().map_or_else(interrupt::is_cancelled, |_| true) {
                            *result = Err(error);
                        }
                        return;
                    }
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..self.jobs.clamp(1, self.plan.blobs.len().max(1)) {
                scope.spawn(work);
            }
            work();
        });
        result.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn blob(&self, descriptor: &Descriptor, interrupt: &Interrupt) -> Result<Stored> {
        if self.sink.has(descriptor)? {
            self.progress.skip(descriptor.size);
            return Ok(Stored::Present);
        }
        let (source, progress) = (self.source, self.progress);
        let digest = &descriptor.digest;
        progress.begin(digest, descriptor.size);
        let fetch = |offset: u64| -> Result<Box<dyn Read + Send + '_>> {
            interrupt.check()?;
            let reader: Box<dyn Read + Send> = match (source.fetch_from(descriptor, offset)?, &descriptor.data) {
                (Some(blob), _) => Box::new(blob),
                (None, Some(data)) => {
                    let mut reader = Cursor::new(data.clone());
                    reader.set_position(offset);
                    Box::new(reader)
                }
                (None, None) => return Err(Error::missing(digest)),
            };
            progress.advance(digest, offset);
            Ok(Box::new(Watched { reader, digest, progress, interrupt }))
        };
        let stored = self.sink.put(descriptor, &fetch, interrupt);
        progress.end(digest);
        if let Ok(Stored::Present) = stored {
            progress.skip(descriptor.size);
        }
        stored
    }
}
