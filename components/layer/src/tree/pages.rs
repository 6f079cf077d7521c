//! A list that grows without moving.

use std::ops::{Index, IndexMut};

const BITS: u32 = 14;
const PAGE: usize = 1 << BITS;

/// Values by number, in pages: a plain vector of millions takes three times its size while it grows.
#[derive(Clone, Debug)]
pub(super) struct Pages<T> {
    pages: Vec<Vec<T>>,
}

impl<T> Pages<T> {
    pub(super) fn new(first: T) -> Self {
        Self { pages: vec![vec![first]] }
    }

    pub(super) fn len(&self) -> usize {
        // All pages but the last are full.
        self.pages.last().map_or(0, |page| (self.pages.len() - 1) * PAGE + page.len())
    }

    pub(super) fn push(&mut self, value: T) {
        match self.pages.last_mut() {
            Some(page) if page.len() < PAGE => page.push(value),
            _ => self.pages.push(vec![value]),
        }
    }

    pub(super) fn find(&self, at: u32) -> Option<&T> {
        let at = at as usize;
        self.pages.get(at >> BITS)?.get(at & (PAGE - 1))
    }
}

impl<T> Index<u32> for Pages<T> {
    type Output = T;

    fn index(&self, at: u32) -> &T {
        let at = at as usize;
        &self.pages[at >> BITS][at & (PAGE - 1)]
    }
}

impl<T> IndexMut<u32> for Pages<T> {
    fn index_mut(&mut self, at: u32) -> &mut T {
        let at = at as usize;
        &mut self.pages[at >> BITS][at & (PAGE - 1)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_run_on_over_the_pages() {
        let mut pages = Pages::new(0);
        for value in 1..40_000_u32 {
            assert_eq!(pages.len(), value as usize);
            pages.push(value);
        }
        assert!((0..40_000).all(|at| pages[at] == at));
        assert_eq!(pages.find(40_000), None);
        assert_eq!(pages.find(u32::MAX), None);
    }
}
