//! Hashing beside the component: what is to be hashed goes to a thread of its own, once there is much of it and a
//! processor to spare.
//!
//! Decoding and hashing take turns otherwise, and the last layer of an image, or its only one, would use one processor.

use portolan_image::digest::Hash;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

/// Bytes that are hashed at once, without a thread: most documents and small layers are no more.
const INLINE: u64 = 4 << 20;

/// Pieces that may wait for the thread; each is about a mebibyte.
const WAITING: usize = 4;

/// A hash that may move to a thread of its own when it has taken [`INLINE`] bytes.
pub(super) struct Offloaded {
    state: State,
    taken: u64,
}

enum State {
    Here(Box<dyn Hash>),
    There(Worker),
    /// The thread is gone, which it is only when hashing panicked.
    Lost,
}

/// What the thread is asked to do.
enum Piece {
    Hash(Vec<u8>),
    Duplicate(SyncSender<Box<dyn Hash>>),
}

struct Worker {
    pieces: SyncSender<Piece>,
    /// Buffers that come back to be filled again.
    empty: Receiver<Vec<u8>>,
    thread: JoinHandle<Box<dyn Hash>>,
}

impl Offloaded {
    pub(super) fn new(hash: Box<dyn Hash>) -> Self {
        Self { state: State::Here(hash), taken: 0 }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.taken += bytes.len() as u64;
        match &mut self.state {
            State::Here(hash) => {
                hash.update(bytes);
                if self.taken >= INLINE && has_spare_processor() {
                    self.state = match std::mem::replace(&mut self.state, State::Lost) {
                        State::Here(hash) => Worker::start(hash),
                        other => other,
                    };
                }
            }
            State::There(worker) => {
                let mut piece = worker.empty.try_recv().unwrap_or_default();
                piece.clear();
                piece.extend_from_slice(bytes);
                if worker.pieces.send(Piece::Hash(piece)).is_err() {
                    self.state = State::Lost;
                }
            }
            State::Lost => {}
        }
    }

    /// Another hash that has taken the same bytes; nothing when the thread was lost.
    pub(super) fn duplicate(&self) -> Option<Self> {
        let hash = match &self.state {
            State::Here(hash) => hash.duplicate(),
            State::There(worker) => {
                let (hand_over, handed) = sync_channel(1);
                worker.pieces.send(Piece::Duplicate(hand_over)).ok()?;
                handed.recv().ok()?
            }
            State::Lost => return None,
        };
        Some(Self::new(hash))
    }

    /// The hash of all bytes; nothing when its thread was lost.
    pub(super) fn finish(self) -> Option<Vec<u8>> {
        match self.state {
            State::Here(hash) => Some(hash.finish()),
            State::There(Worker { pieces, empty, thread }) => {
                drop(pieces);
                drop(empty);
                thread.join().ok().map(|hash| hash.finish())
            }
            State::Lost => None,
        }
    }
}

impl Worker {
    /// Starts the thread; where none can be had, hashing stays here.
    fn start(hash: Box<dyn Hash>) -> State {
        let (pieces, waiting) = sync_channel::<Piece>(WAITING);
        let (give_back, empty) = channel();
        let (hand_over, handed) = sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("hash".to_owned())
            .stack_size(128 * 1024)
            .spawn(move || run(&handed, &waiting, &give_back));
        match thread {
            Ok(thread) => match hand_over.send(hash) {
                Ok(()) => State::There(Self { pieces, empty, thread }),
                Err(unsent) => State::Here(unsent.0),
            },
            Err(_) => State::Here(hash),
        }
    }
}

fn run(handed: &Receiver<Box<dyn Hash>>, waiting: &Receiver<Piece>, give_back: &Sender<Vec<u8>>) -> Box<dyn Hash> {
    let mut hash = handed.recv().unwrap_or_else(|_| Box::new(Nothing));
    while let Ok(piece) = waiting.recv() {
        // Nobody waits for the buffer at the end, nor for a copy once its asker is gone.
        match piece {
            Piece::Hash(bytes) => {
                hash.update(&bytes);
                let _ = give_back.send(bytes);
            }
            Piece::Duplicate(asker) => {
                let _ = asker.send(hash.duplicate());
            }
        }
    }
    hash
}

/// Stands for a hash that was never handed over, to a thread that nobody will ask.
struct Nothing;

impl Hash for Nothing {
    fn update(&mut self, _: &[u8]) {}

    fn duplicate(&self) -> Box<dyn Hash> {
        Box::new(Self)
    }

    fn finish(self: Box<Self>) -> Vec<u8> {
        Vec::new()
    }
}

/// How many blobs are being read right now, each by a thread that decodes.
static READING: AtomicUsize = AtomicUsize::new(0);

/// Counts a blob as being read until it is dropped.
pub(crate) struct Reading(());

impl Reading {
    pub(crate) fn begin() -> Self {
        READING.fetch_add(1, Ordering::Relaxed);
        Self(())
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        READING.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whether a processor would idle: as long as every one decodes, a thread more only moves bytes between caches.
fn has_spare_processor() -> bool {
    static PROCESSORS: OnceLock<usize> = OnceLock::new();
    let processors = *PROCESSORS.get_or_init(|| std::thread::available_parallelism().map_or(1, std::num::NonZero::get));
    READING.load(Ordering::Relaxed) < processors
}

#[cfg(test)]
mod tests {
    use super::*;
    use portolan_image::digest::{Algorithm, Hashes as _, SoftwareHashes};

    /// The answer is the same wherever the bytes were hashed.
    #[test]
    fn a_thread_changes_nothing() {
        let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(9 << 20).collect();
        for length in [0, 1, INLINE as usize - 1, INLINE as usize, bytes.len()] {
            let mut whole = SoftwareHashes.start(&Algorithm::Sha256).unwrap();
            whole.update(&bytes[..length]);
            let mut offloaded = Offloaded::new(SoftwareHashes.start(&Algorithm::Sha256).unwrap());
            for piece in bytes[..length].chunks(300_001) {
                offloaded = offloaded.duplicate().unwrap();
                offloaded.update(piece);
            }
            assert_eq!(offloaded.finish(), Some(whole.finish()), "{length} bytes");
        }
    }
}
