//! The children of one directory, ordered by name.

use std::cmp::Ordering;

/// A chunk is split when it is full; moving this many ids costs less than following one pointer too many.
const FULL: usize = 512;

/// Ids ordered by a name that they do not hold themselves.
///
/// Chunks of ids instead of a map: four bytes a child when an archive comes sorted, as nearly all do, and never more
/// than a chunk moved per change, so that a directory of millions cannot make anything quadratic.
#[derive(Clone, Debug, Default)]
pub(super) struct Children {
    chunks: Vec<Vec<u32>>,
}

/// Iterates over the ids in order.
pub(super) type Iter<'a> = std::iter::Copied<std::iter::Flatten<std::slice::Iter<'a, Vec<u32>>>>;

impl Children {
    pub(super) const fn new() -> Self {
        Self { chunks: Vec::new() }
    }

    /// The chunk and the place in it where the name is, or would be; `compare` orders an id against the name.
    fn locate(&self, mut compare: impl FnMut(u32) -> Ordering) -> (usize, Result<usize, usize>) {
        let after = self.chunks.partition_point(|chunk| chunk.first().is_some_and(|&id| compare(id).is_le()));
        let chunk = after.saturating_sub(1);
        let place = self.chunks.get(chunk).map_or(Err(0), |ids| ids.binary_search_by(|&id| compare(id)));
        (chunk, place)
    }

    pub(super) fn find(&self, compare: impl FnMut(u32) -> Ordering) -> Option<u32> {
        let (chunk, place) = self.locate(compare);
        self.chunks.get(chunk)?.get(place.ok()?).copied()
    }

    /// Adds an id whose name is not there yet.
    pub(super) fn insert(&mut self, id: u32, compare: impl FnMut(u32) -> Ordering) {
        let (chunk, place) = self.locate(compare);
        let place = place.unwrap_or_else(|place| place);
        let last = chunk + 1 >= self.chunks.len();
        let Some(ids) = self.chunks.get_mut(chunk) else {
            self.chunks.push(vec![id]);
            return;
        };
        if ids.len() < FULL {
            ids.insert(place, id);
        } else if last && place == ids.len() {
            // Names that come in order leave full chunks behind.
            self.chunks.push(vec![id]);
        } else {
            let mut upper = ids.split_off(FULL / 2);
            match place.checked_sub(FULL / 2) {
                Some(place) => upper.insert(place, id),
                None => ids.insert(place, id),
            }
            self.chunks.insert(chunk + 1, upper);
        }
    }

    pub(super) fn remove(&mut self, compare: impl FnMut(u32) -> Ordering) -> Option<u32> {
        let (chunk, place) = self.locate(compare);
        let ids = self.chunks.get_mut(chunk)?;
        let id = ids.remove(place.ok()?);
        if ids.is_empty() {
            self.chunks.remove(chunk);
        }
        Some(id)
    }

    pub(super) fn iter(&self) -> Iter<'_> {
        self.chunks.iter().flatten().copied()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_order_of_insertion_ends_in_the_same_order() {
        const COUNT: u32 = 5_000;
        for step in [1, 4_999, 1_237] {
            let mut children = Children::default();
            for index in 0..COUNT {
                let id = (index * step) % COUNT;
                children.insert(id, |other| other.cmp(&id));
            }
            assert!(children.iter().eq(0..COUNT), "step {step}");
            assert_eq!(children.find(|id| id.cmp(&77)), Some(77));
            assert_eq!(children.find(|id| id.cmp(&COUNT)), None);
            for id in (0..COUNT).filter(|id| id % 3 != 0) {
                assert_eq!(children.remove(|other| other.cmp(&id)), Some(id));
            }
            assert!(children.iter().eq((0..COUNT).step_by(3)));
            assert_eq!(children.remove(|other| other.cmp(&1)), None);
        }
    }
}
