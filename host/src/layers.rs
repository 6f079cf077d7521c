//! Reading all layers of an image: decoded in parallel, applied to the tree in order.

mod queue;

use crate::error::{Error, ErrorCode, Result};
use crate::interrupt::{Interrupt, is_cancelled};
use crate::layer::{Batch, Change, Selection, Summary, UnpackOptions, Unpacker};
use crate::manifest::Resolved;
use crate::progress::{Progress, Watched};
use crate::source::Source;
use crate::toolkit::Toolkit;
use crate::tree::Tree;
use queue::{Leaving, Queue};
use std::sync::mpsc;

/// What it takes to read the layers of an image.
#[derive(Clone, Copy)]
pub struct Layers<'a> {
    /// The toolkit, with the limits in force.
    pub toolkit: &'a Toolkit,
    /// Where the blobs are.
    pub source: &'a dyn Source,
    /// The image.
    pub image: &'a Resolved,
    /// Only so many of the layers, bottom first; nothing for all.
    pub count: Option<usize>,
    /// Whether warnings are errors.
    pub strict: bool,
    /// How many layers are decoded at once.
    pub jobs: usize,
    /// Who watches.
    pub progress: &'a dyn Progress,
    /// When to stop.
    pub interrupt: &'a Interrupt,
}

/// Takes the batches of one layer as they come, before anything is known to be true of them.
pub trait Sink {
    /// Takes the next batch.
    ///
    /// # Errors
    /// Whatever ends the run.
    fn take(&mut self, batch: &Batch) -> Result<()>;

    /// The layer has ended, and is verified.
    ///
    /// # Errors
    /// Whatever ends the run.
    fn finish(&mut self) -> Result<()>;
}

/// Takes no notice.
impl Sink for () {
    fn take(&mut self, _: &Batch) -> Result<()> {
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        Ok(())
    }
}

impl Layers<'_> {
    /// Reads every layer without the contents of files and answers the tree they make.
    ///
    /// # Errors
    /// Whatever is wrong with the lowest layer that is wrong.
    pub fn tree(&self) -> Result<(Tree, Vec<Summary>)> {
        self.read(|_| Selection::None, |_| Ok(()))
    }

    /// Reads every layer with the contents that `select` chooses, hands the batches of each to the sink that `sink`
    /// makes for it, and answers the tree. Everything that was handed out is verified when this answers without error.
    ///
    /// # Errors
    /// Whatever is wrong with the lowest layer that is wrong, or what a sink says.
    pub fn read<S: Sink>(
        &self,
        select: impl Fn(usize) -> Selection + Sync,
        sink: impl Fn(usize) -> Result<S> + Sync,
    ) -> Result<(Tree, Vec<Summary>)> {
        let layers = &self.image.manifest.layers;
        let count = self.count.unwrap_or(layers.len()).min(layers.len());
        let sizes: Vec<u64> = layers.iter().take(count).map(|layer| layer.size).collect();
        let queue = Queue::new(&sizes);
        // What fails stops the layers above, and those alone: a failure further down explains more, and which of them is
        // reported must not hang on which was read first.
        let interrupts: Vec<Interrupt> = (0..count).map(|_| self.interrupt.child()).collect();
        let (sender, receiver) = mpsc::channel();

        let mut tree = Tree::new(self.toolkit)?;
        let mut summaries = Vec::with_capacity(count);
        let mut failures: Vec<(usize, Error)> = Vec::new();
        std::thread::scope(|scope| {
            for _ in 0..self.jobs.clamp(1, count.max(1)) {
                let (sender, queue, interrupts, select, sink) = (sender.clone(), &queue, &interrupts, &select, &sink);
                scope.spawn(move || {
                    let _leaving = Leaving(queue);
                    while let Some(index) = queue.take() {
                        let interrupt = &interrupts[index];
                        let read = interrupt
                            .check()
                            .and_then(|()| sink(index))
                            .and_then(|sink| self.read_one(index, select(index), sink, interrupt));
                        if let Ok((changes, _)) = &read {
                            queue.read(changes.len());
                        }
                        if sender.send((index, read)).is_err() {
                            break;
                        }
                    }
                });
            }
            drop(sender);

            let mut waiting: Vec<Option<(Vec<Change>, Summary)>> = (0..count).map(|_| None).collect();
            // The layers below this one can still be applied.
            let mut sound = count;
            let mut fail = |index: usize, error, sound: &mut usize| {
                interrupts[index..].iter().for_each(Interrupt::cancel);
                queue.give_up(index);
                *sound = index.min(*sound);
                failures.push((index, error));
            };
            for (index, read) in receiver {
                match read {
                    Ok(read) => waiting[index] = Some(read),
                    Err(error) => fail(index, error, &mut sound),
                }
                while summaries.len() < sound {
                    let next = summaries.len();
                    let Some((changes, summary)) = waiting[next].take() else { break };
                    match tree.apply(&changes) {
                        Ok(()) => {
                            queue.applied(changes.len());
                            summaries.push(summary);
                        }
                        Err(error) => fail(next, error, &mut sound),
                    }
                }
            }
        });
        self.interrupt.check()?;
        // What failed only because something else did first explains nothing.
        failures.sort_by_key(|(index, error)| (is_cancelled(error), *index));
        match failures.into_iter().next() {
            Some((_, error)) => Err(error),
            None => Ok((tree, summaries)),
        }
    }

    /// Reads one layer again, alone, with the contents that `content` chooses.
    ///
    /// # Errors
    /// Whatever is wrong with the layer, or what the sink says.
    pub fn read_layer(&self, index: usize, content: Selection, sink: impl Sink) -> Result<Summary> {
        if index >= self.image.manifest.layers.len() {
            return Err(self.no_such_layer(index));
        }
        self.read_one(index, content, sink, self.interrupt).map(|(_, summary)| summary)
    }

    /// The same layers without those above one of them.
    ///
    /// # Errors
    /// `path-not-found` when there is no such layer.
    pub fn up_to(&self, layer: usize) -> Result<Self> {
        if layer >= self.image.manifest.layers.len() {
            return Err(self.no_such_layer(layer));
        }
        Ok(Self { count: Some(layer + 1), ..*self })
    }

    fn no_such_layer(&self, layer: usize) -> Error {
        let message = match self.image.manifest.layers.len() {
            0 => format!("there is no layer {layer}: the image has none"),
            count => format!("there is no layer {layer}: those of the image are 0 to {}", count - 1),
        };
        Error::Image { code: ErrorCode::PathNotFound, message }
    }

    /// Reads one layer and answers its changes without the contents.
    fn read_one(
        &self,
        index: usize,
        content: Selection,
        mut sink: impl Sink,
        interrupt: &Interrupt,
    ) -> Result<(Vec<Change>, Summary)> {
        let descriptor = &self.image.manifest.layers[index];
        let blob = self.source.fetch(&descriptor.digest)?.ok_or_else(|| Error::missing(&descriptor.digest))?;
        let options = UnpackOptions {
            media_type: Some(descriptor.media_type.clone()),
            digest: self.source.promises_layer_digests().then(|| descriptor.digest.clone()),
            size: Some(descriptor.size),
            diff_id: self.image.config.as_ref().and_then(|config| config.diff_ids.get(index)).cloned(),
            content,
            strict: self.strict,
            limits: Vec::new(),
        };
        self.progress.begin(&descriptor.digest, descriptor.size);
        let mut changes = Vec::new();
        let blob = Watched { reader: blob, digest: &descriptor.digest, progress: self.progress, interrupt };
        let summary = Unpacker::start(self.toolkit, options)?
            .unpack(blob, |mut batch| {
                sink.take(&batch)?;
                batch.changes.retain(|change| !matches!(change, Change::Content(_)));
                changes.append(&mut batch.changes);
                Ok(())
            })
            .map_err(|error| interrupt.check().err().unwrap_or_else(|| error.at_layer(index, &descriptor.digest)))?;
        sink.finish()?;
        self.progress.end(&descriptor.digest);
        Ok((changes, summary))
    }
}
