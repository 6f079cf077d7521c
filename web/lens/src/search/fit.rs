//! How well a word fits a path: the best of all ways to find its letters in their order, as fzf counts it.

use super::letters::BOUNDARY;

/// What a letter is worth that is found, and what it costs to pass over one, and over each that follows.
const MATCH: i32 = 16;
const GAP: i32 = 3;
const LONGER_GAP: i32 = 1;
/// What it is worth at least to find a letter right after the one before.
const TOGETHER: i32 = 4;

/// Beyond so many letters of a word times those of a path, the first way to find it is taken for the best.
const MOST_CELLS: usize = 1 << 18;

/// The best way to find the letters so far with the last of them here.
#[derive(Clone, Copy)]
struct Cell {
    score: i32,
    /// What the first letter of those that are together here was worth.
    run: i32,
}

/// There is none.
const NONE: Cell = Cell { score: i32::MIN / 2, run: 0 };

/// What is kept from path to path, so as not to be allocated again.
#[derive(Default)]
pub(super) struct Fit {
    cells: Vec<Cell>,
    /// Where the letter before was found, for each letter of the word and each of the path.
    from: Vec<u32>,
    /// Where the letters of the word are, the last one first.
    found: Vec<u32>,
    /// Where in the path that begins what is looked through.
    pub(super) offset: u32,
}

impl Fit {
    /// Looks for a word; answers how well it fits.
    pub(super) fn find(&mut self, word: &[char], path: &[char], bonuses: &[i32]) -> Option<i32> {
        self.found.clear();
        if word.len().saturating_mul(path.len()) > MOST_CELLS {
            return self.first(word, path);
        }
        self.cells.clear();
        self.cells.resize(path.len(), NONE);
        self.from.clear();
        for (row, &letter) in word.iter().enumerate() {
            self.row(row == 0, letter, path, bonuses);
        }
        if word.is_empty() {
            return Some(0);
        }
        let cells = (0_u32..).zip(&self.cells);
        let (mut at, best) = cells.reduce(|best, next| if next.1.score > best.1.score { next } else { best })?;
        if best.score < NONE.score / 2 {
            return None;
        }
        for row in self.from.chunks(path.len()).rev() {
            self.found.push(at);
            at = row.get(at as usize).copied().unwrap_or_default();
        }
        Some(best.score)
    }

    /// Takes one more letter of the word into the cells.
    fn row(&mut self, is_first: bool, letter: char, path: &[char], bonuses: &[i32]) {
        // Of the letter before: the cell right before this one, and the best of those further back.
        let mut last = NONE;
        let (mut apart, mut apart_at) = (NONE.score, 0);
        for (at, ((cell, &here), &bonus)) in (0_u32..).zip(self.cells.iter_mut().zip(path).zip(bonuses)) {
            let above = *cell;
            let mut from = apart_at;
            *cell = NONE;
            if here == letter && is_first {
                *cell = Cell { score: MATCH + 2 * bonus, run: bonus };
            } else if here == letter && last.score.max(apart) > NONE.score / 2 {
                let run = last.run.max(TOGETHER).max(if bonus >= BOUNDARY { bonus } else { 0 });
                let together = last.score + MATCH + run.max(bonus);
                *cell = Cell { score: apart + MATCH + bonus, run: bonus };
                if together >= cell.score {
                    *cell = Cell { score: together, run };
                    from = at.saturating_sub(1);
                }
            }
            self.from.push(from);
            if last.score - GAP >= apart - LONGER_GAP {
                (apart, apart_at) = (last.score - GAP, at.saturating_sub(1));
            } else {
                apart -= LONGER_GAP;
            }
            last = above;
        }
    }

    /// Finds each letter as soon as it comes.
    fn first(&mut self, word: &[char], path: &[char]) -> Option<i32> {
        let mut rest = (0_u32..).zip(path);
        for letter in word {
            let (at, _) = rest.find(|(_, here)| *here == letter)?;
            self.found.push(at);
        }
        Some(0)
    }

    /// Marks the letters that were found last.
    pub(super) fn mark(&self, marked: &mut [bool]) {
        for &at in &self.found {
            if let Some(mark) = marked.get_mut((self.offset + at) as usize) {
                *mark = true;
            }
        }
    }
}
