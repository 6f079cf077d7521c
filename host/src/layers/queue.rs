//! Which layer is read next, and when to wait.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// How many changes of layers may wait for the layers below. One takes some 300 bytes, and real images have fewer in
/// all; whoever makes hundreds of layers of millions of empty files wants the reader's memory.
const BACKLOG: usize = 250_000;

/// The layers that are not read yet.
///
/// Layers are read in any order and applied in theirs, so what is read early waits in memory. While there is little of
/// that, the largest layer goes first, as the last to end should be a small one; from [`BACKLOG`] on, only the layer
/// that is applied next, and whoever reads or would read another one waits, or reads that one in between.
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    most: usize,
}

struct State {
    /// By size, the largest last.
    left: Vec<usize>,
    /// Changes that were read and not applied.
    backlog: usize,
    /// How many layers are applied.
    applied: usize,
    /// The layers below this one can still be applied.
    sound: usize,
}

impl Queue {
    /// The layers of these sizes.
    pub(super) fn new(sizes: &[u64]) -> Self {
        let mut left: Vec<usize> = (0..sizes.len()).collect();
        // Of equal ones the lowest first, as it can be applied soonest.
        left.sort_by_key(|&index| (sizes[index], std::cmp::Reverse(index)));
        let state = Mutex::new(State { left, backlog: 0, applied: 0, sound: sizes.len() });
        Self { state, changed: Condvar::new(), most: BACKLOG }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next layer to be read, once there is room for it; nothing when all are.
    pub(super) fn take(&self) -> Option<usize> {
        let mut state = self.state();
        loop {
            let next = state.applied;
            let position = match state.left.iter().position(|&index| index == next) {
                _ if state.left.is_empty() => return None,
                _ if state.backlog < self.most => state.left.len() - 1,
                Some(position) => position,
                None => {
                    state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                    continue;
                }
            };
            return Some(state.left.remove(position));
        }
    }

    /// The layer that whoever reads another one must read first, since too much waits; nothing once there is room.
    pub(super) fn lower_than(&self, index: usize) -> Option<usize> {
        let mut state = self.state();
        loop {
            let next = state.applied;
            // The changes of the next one do not wait, and those of a layer that is not sound are dropped.
            if state.backlog < self.most || index <= next || index >= state.sound {
                return None;
            }
            if let Some(position) = state.left.iter().position(|&index| index == next) {
                return Some(state.left.remove(position));
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// So many changes were read, and wait.
    pub(super) fn read(&self, changes: usize) {
        self.state().backlog += changes;
    }

    /// So many changes were fed to the tree or dropped, and wait no longer.
    pub(super) fn fed(&self, changes: usize) {
        let mut state = self.state();
        state.backlog = state.backlog.saturating_sub(changes);
        drop(state);
        self.changed.notify_all();
    }

    /// The next layer was applied.
    pub(super) fn applied(&self) {
        self.state().applied += 1;
        self.changed.notify_all();
    }

    /// No layer from this one on will be applied, so none needs to be read.
    pub(super) fn give_up(&self, from: usize) {
        let mut state = self.state();
        state.left.retain(|&index| index < from);
        state.sound = state.sound.min(from);
        drop(state);
        self.changed.notify_all();
    }
}

/// Whoever reads layers and panics keeps nobody waiting.
pub(super) struct Leaving<'a>(pub(super) &'a Queue);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.give_up(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_goes_first_while_there_is_room() {
        let queue = Queue::new(&[5, 9, 1, 9]);
        assert_eq!(
            [queue.take(), queue.take(), queue.take(), queue.take(), queue.take()],
            [Some(1), Some(3), Some(0), Some(2), None]
        );
    }

    /// Hostile input 50.
    #[test]
    fn a_reader_waits_when_too_much_waits_to_be_applied() {
        let queue = Queue { most: 10, ..Queue::new(&[1, 2, 3, 4]) };
        assert_eq!(queue.take(), Some(3));
        queue.read(10);
        assert_eq!(queue.take(), Some(0));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| queue.take());
            queue.read(5);
            queue.fed(5);
            queue.applied();
            // Layer 1 is next, and nothing else.
            assert_eq!(waiting.join().unwrap(), Some(1));
        });
    }

    #[test]
    fn whoever_waits_is_let_go_when_a_layer_failed() {
        let queue = Queue { most: 10, ..Queue::new(&[1, 2, 3, 4]) };
        assert_eq!(queue.take(), Some(3));
        queue.read(10);
        assert_eq!(queue.take(), Some(0));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| queue.take());
            queue.give_up(0);
            assert_eq!(waiting.join().unwrap(), None);
        });
    }

    /// Hostile input 50: two huge layers that are read at once must not keep the lowest from being read.
    #[test]
    fn whoever_has_read_too_much_reads_the_lowest_in_between() {
        let queue = Queue { most: 10, ..Queue::new(&[1, 2, 3, 4]) };
        assert_eq!((queue.take(), queue.take()), (Some(3), Some(2)));
        assert_eq!(queue.lower_than(3), None);
        queue.read(10);
        assert_eq!(queue.lower_than(3), Some(0));
        // That layer itself goes on, whatever waits.
        assert_eq!(queue.lower_than(0), None);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| queue.lower_than(2));
            queue.applied();
            assert_eq!(waiting.join().unwrap(), Some(1));
            let waiting = scope.spawn(|| queue.lower_than(3));
            queue.applied();
            // Layer 2 is read by another.
            queue.fed(1);
            assert_eq!(waiting.join().unwrap(), None);
        });
    }

    #[test]
    fn whoever_waits_within_a_layer_is_let_go_when_it_cannot_be_applied() {
        let queue = Queue { most: 10, ..Queue::new(&[1, 2, 3]) };
        assert_eq!((queue.take(), queue.take()), (Some(2), Some(1)));
        queue.read(10);
        assert_eq!(queue.lower_than(2), Some(0));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| queue.lower_than(2));
            queue.give_up(1);
            assert_eq!(waiting.join().unwrap(), None);
        });
    }
}
