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
use std::collections::VecDeque;
use std::sync::mpsc::{self, SyncSender};

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
        let jobs = self.jobs.clamp(1, count.max(1));
        // Whoever decodes faster than the tree takes waits.
        let (sender, receiver) = mpsc::sync_channel(2 * jobs);
        let reading = Reading { layers: self, queue: &queue, interrupts: &interrupts, select: &select, sink: &sink };
        let mut applying = Applying::new(Tree::new(self.toolkit)?, count, &queue, &interrupts);
        std::thread::scope(|scope| {
            for _ in 0..jobs {
                let (sender, reading) = (sender.clone(), &reading);
                scope.spawn(move || {
                    let _leaving = Leaving(reading.queue);
                    while let Some(index) = reading.queue.take() {
                        reading.read(index, &sender);
                    }
                });
            }
            drop(sender);
            receiver.into_iter().for_each(|(index, news)| applying.take(index, news));
        });
        self.interrupt.check()?;
        applying.finish()
    }

    /// Reads one layer again, alone, with the contents that `content` chooses.
    ///
    /// # Errors
    /// Whatever is wrong with the layer, or what the sink says.
    pub fn read_layer(&self, index: usize, content: Selection, sink: impl Sink) -> Result<Summary> {
        if index >= self.image.manifest.layers.len() {
            return Err(self.no_such_layer(index));
        }
        self.read_one(index, content, sink, self.interrupt, |_| ())
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

    /// Reads one layer and hands over its changes without the contents, before anything is known to be true of them.
    fn read_one(
        &self,
        index: usize,
        content: Selection,
        mut sink: impl Sink,
        interrupt: &Interrupt,
        mut take: impl FnMut(Vec<Change>),
    ) -> Result<Summary> {
        let descriptor = &self.image.manifest.layers[index];
        let blob = self.source.fetch(descriptor)?.ok_or_else(|| Error::missing(&descriptor.digest))?;
        let diff_id = self.image.config.as_ref().and_then(|config| config.diff_ids.get(index)).cloned();
        let known = UnpackOptions::of(self.source, descriptor, diff_id);
        let options = UnpackOptions { content, strict: self.strict, ..known };
        self.progress.begin(&descriptor.digest, descriptor.size);
        let blob = Watched { reader: blob, digest: &descriptor.digest, progress: self.progress, interrupt };
        let summary = Unpacker::start(self.toolkit, options)?
            .unpack(blob, |mut batch| {
                sink.take(&batch)?;
                batch.changes.retain(|change| !matches!(change, Change::Content(_)));
                if !batch.changes.is_empty() {
                    take(batch.changes);
                }
                Ok(())
            })
            .map_err(|error| interrupt.check().err().unwrap_or_else(|| error.at_layer(index, &descriptor.digest)))?;
        sink.finish()?;
        self.progress.end(&descriptor.digest);
        Ok(summary)
    }
}

/// What is told of a layer that is being read.
enum News {
    /// The next changes, without contents.
    Changes(Vec<Change>),
    /// It was read to its end and is verified, or not.
    End(Result<Summary>),
}

/// What those who decode share.
struct Reading<'a, Select, Make> {
    layers: &'a Layers<'a>,
    queue: &'a Queue,
    interrupts: &'a [Interrupt],
    select: &'a Select,
    sink: &'a Make,
}

impl<S: Sink, Select: Fn(usize) -> Selection, Make: Fn(usize) -> Result<S>> Reading<'_, Select, Make> {
    /// Reads a layer and tells of it. Nobody listens only where another thread has panicked, which ends the run.
    fn read(&self, index: usize, sender: &SyncSender<(usize, News)>) {
        let interrupt = &self.interrupts[index];
        let read = interrupt.check().and_then(|()| (self.sink)(index)).and_then(|sink| {
            self.layers.read_one(index, (self.select)(index), sink, interrupt, |changes| {
                // Too much waits for lower layers: the lowest that nobody reads yet is read first, in here.
                while let Some(lower) = self.queue.lower_than(index) {
                    self.read(lower, sender);
                }
                self.queue.read(changes.len());
                let _ = sender.send((index, News::Changes(changes)));
            })
        });
        let _ = sender.send((index, News::End(read)));
    }
}

/// The one who applies. The changes of the lowest layer that is not applied go to the tree as they come; those of the
/// others wait.
struct Applying<'a> {
    tree: Tree,
    queue: &'a Queue,
    interrupts: &'a [Interrupt],
    summaries: Vec<Summary>,
    waiting: Vec<Waiting>,
    /// What the tree says of the layer at hand. What is wrong with its blob explains more, and is known at its end.
    refused: Option<Error>,
    failures: Vec<(usize, Error)>,
    /// The layers below this one can still be applied.
    sound: usize,
}

#[derive(Default)]
struct Waiting {
    changes: VecDeque<Vec<Change>>,
    summary: Option<Summary>,
}

impl<'a> Applying<'a> {
    fn new(tree: Tree, count: usize, queue: &'a Queue, interrupts: &'a [Interrupt]) -> Self {
        let waiting = (0..count).map(|_| Waiting::default()).collect();
        let (summaries, failures) = (Vec::with_capacity(count), Vec::new());
        Self { tree, queue, interrupts, summaries, waiting, refused: None, failures, sound: count }
    }

    fn take(&mut self, index: usize, news: News) {
        match news {
            News::Changes(changes) if index >= self.sound => self.queue.fed(changes.len()),
            News::Changes(changes) => self.waiting[index].changes.push_back(changes),
            News::End(Ok(summary)) => self.waiting[index].summary = Some(summary),
            News::End(Err(error)) => self.fail(index, error),
        }
        while self.summaries.len() < self.sound {
            let next = self.summaries.len();
            while let Some(changes) = self.waiting[next].changes.pop_front() {
                if self.refused.is_none() {
                    self.refused = self.tree.feed(&changes).err();
                }
                self.queue.fed(changes.len());
            }
            let Some(summary) = self.waiting[next].summary.take() else { break };
            match self.refused.take().map_or_else(|| self.tree.finish_layer(), Err) {
                Ok(()) => {
                    self.summaries.push(summary);
                    self.queue.applied();
                }
                Err(error) => self.fail(next, error),
            }
        }
    }

    fn fail(&mut self, index: usize, error: Error) {
        self.interrupts[index..].iter().for_each(Interrupt::cancel);
        self.queue.give_up(index);
        self.sound = index.min(self.sound);
        let dropped = self.waiting[index..].iter_mut().flat_map(|waiting| waiting.changes.drain(..));
        self.queue.fed(dropped.map(|changes| changes.len()).sum());
        self.failures.push((index, error));
    }

    fn finish(mut self) -> Result<(Tree, Vec<Summary>)> {
        // What failed only because something else did first explains nothing.
        self.failures.sort_by_key(|(index, error)| (is_cancelled(error), *index));
        match self.failures.into_iter().next() {
            Some((_, error)) => Err(error),
            None => Ok((self.tree, self.summaries)),
        }
    }
}
