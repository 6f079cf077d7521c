//! Looks for paths as people remember them: letters in order, with gaps.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use nucleo_matcher::chars::is_upper_case;
use nucleo_matcher::{Config, Matcher, Utf32Str, Utf32String};

/// What is typed is at most so many bytes; more would only be slow.
const MOST_QUERY: usize = 256;

/// Paths to look among.
pub struct Paths {
    text: String,
    /// Where in the text each path ends.
    ends: Vec<usize>,
    matcher: Matcher,
}

/// What was found.
#[derive(Debug, PartialEq)]
pub struct Found {
    /// How many paths match.
    pub total: usize,
    /// The best of them, best first.
    pub best: Vec<Hit>,
}

/// A path that matches.
#[derive(Debug, PartialEq)]
pub struct Hit {
    /// Which path it is, counted from 0.
    pub index: usize,
    /// Which parts of it are what was looked for: where each begins and ends, in units of UTF-16.
    pub marks: Vec<u32>,
}

impl Paths {
    /// Takes paths in one text, a NUL after each but the last: no path has one in it.
    pub fn new(text: String) -> Self {
        let mut ends: Vec<usize> = text.match_indices('\0').map(|(at, _)| at).collect();
        ends.push(text.len());
        Self { text, ends, matcher: Matcher::new(Config::DEFAULT.match_paths()) }
    }

    /// The paths that have the letters of all words, the best first, at most so many.
    ///
    /// Small letters stand for capital ones too, and plain letters for those with accents.
    pub fn search(&mut self, query: &str, most: usize) -> Found {
        let query = query.get(..query.floor_char_boundary(MOST_QUERY)).unwrap_or_default();
        let words: Vec<Word> = query.split_whitespace().map(Word::new).collect();
        let mut total = 0;
        let mut characters = Vec::new();
        let mut marked = Vec::new();
        // The worst on top, to be replaced: a low score, then a long path, then one that comes late.
        let mut best = BinaryHeap::new();
        let mut start = 0;
        for (index, &end) in self.ends.iter().enumerate() {
            let path = self.text.get(start..end).unwrap_or_default();
            start = end + 1;
            let path_characters = Utf32Str::new(path, &mut characters);
            let scores = words.iter().map(|word| {
                marked.clear();
                word.find(path_characters, &mut self.matcher, &mut marked)
            });
            let Some(score) = scores.sum::<Option<u32>>() else { continue };
            total += 1;
            let rank = (Reverse(score), path.len(), index);
            if best.len() < most {
                best.push(rank);
            } else if best.peek().is_some_and(|worst| rank < *worst) {
                best.pop();
                best.push(rank);
            }
        }
        let ranks = best.into_sorted_vec();
        let best = ranks.into_iter().map(|(_, _, index)| Hit { index, marks: self.marks(&words, index) }).collect();
        Found { total, best }
    }

    fn marks(&mut self, words: &[Word], index: usize) -> Vec<u32> {
        let start = index.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |end| end + 1);
        let end = self.ends.get(index).copied().unwrap_or(start);
        let path = self.text.get(start..end).unwrap_or_default();
        let mut characters = Vec::new();
        let path_characters = Utf32Str::new(path, &mut characters);
        let mut found = Vec::new();
        for word in words {
            word.find(path_characters, &mut self.matcher, &mut found);
        }
        found.sort_unstable();
        found.dedup();
        in_utf16(path, &found)
    }
}

/// A word that is looked for.
struct Word {
    characters: Utf32String,
    has_capitals: bool,
    is_plain: bool,
}

impl Word {
    fn new(word: &str) -> Self {
        Self { characters: word.into(), has_capitals: word.chars().any(is_upper_case), is_plain: word.is_ascii() }
    }

    /// How well it fits a path, and which characters of the path it is.
    fn find(&self, path: Utf32Str<'_>, matcher: &mut Matcher, found: &mut Vec<u32>) -> Option<u32> {
        matcher.config.ignore_case = !self.has_capitals;
        matcher.config.normalize = self.is_plain;
        // There is a function for the score alone, a little faster; it is compiled from all of this once more.
        matcher.fuzzy_indices(path, self.characters.slice(..), found).map(u32::from)
    }
}

/// Makes ranges of UTF-16 of the numbers of characters.
fn in_utf16(path: &str, characters: &[u32]) -> Vec<u32> {
    let mut ranges: Vec<u32> = Vec::new();
    let mut wanted = characters.iter().peekable();
    let mut at = 0;
    for (number, character) in (0_u32..).zip(path.chars()) {
        let next = at + character.len_utf16() as u32;
        if wanted.next_if_eq(&&number).is_some() {
            match ranges.last_mut() {
                Some(end) if *end == at => *end = next,
                _ => ranges.extend([at, next]),
            }
        }
        at = next;
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(paths: &[&str]) -> Paths {
        Paths::new(paths.join("\0"))
    }

    fn marked(path: &str, query: &str) -> String {
        let found = paths(&[path]).search(query, 1);
        let units: Vec<u16> = path.encode_utf16().collect();
        let parts = found.best[0].marks.chunks(2).map(|range| &units[range[0] as usize..range[1] as usize]);
        parts.map(String::from_utf16_lossy).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn letters_are_found_with_gaps_and_names_before_what_is_scattered() {
        let mut all = paths(&["usr/share/doc/passwd.txt.gz", "etc/passwd", "proc/a/s/s/w/d", "etc/group"]);
        let found = all.search("passwd", 10);
        assert_eq!(found.total, 3);
        assert_eq!(found.best.iter().map(|hit| hit.index).collect::<Vec<_>>(), [1, 0, 2]);
        assert_eq!(all.search("etc pas", 10).best.len(), 1);
        assert_eq!(all.search("passwd", 1).best.iter().map(|hit| hit.index).collect::<Vec<_>>(), [1]);
        assert_eq!(all.search("passwd", 1).total, 3);
        assert_eq!(all.search("nothing", 10), Found { total: 0, best: vec![] });
    }

    #[test]
    fn capital_letters_mean_themselves() {
        let mut all = paths(&["a/README", "a/readme"]);
        assert_eq!(all.search("readme", 9).total, 2);
        assert_eq!(all.search("README", 9).total, 1);
    }

    #[test]
    fn marks_are_in_the_units_of_javascript() {
        assert_eq!(marked("etc/passwd", "pas"), "pas");
        assert_eq!(marked("😀/é/passwd", "éwd"), "é|wd");
        assert_eq!(marked("e\u{301}/x", "x"), "x");
        assert_eq!(marked("שלום/peace", "לום"), "לום");
    }

    #[test]
    fn nothing_to_look_for_and_nothing_to_look_among_are_answered_too() {
        assert_eq!(paths(&[]).search("x", 9).total, 0);
        assert_eq!(paths(&["a", "b"]).search("", 1).total, 2);
        assert_eq!(paths(&["a", "b"]).search("a", 0), Found { total: 1, best: vec![] });
        assert_eq!(paths(&["a"]).search(&"é".repeat(1000), 9).total, 0);
    }

    #[test]
    fn a_path_that_is_too_long_to_be_true_is_looked_through() {
        let long = "d/".repeat(500_000) + "needle";
        assert_eq!(paths(&[&long]).search("ndl", 9).total, 1);
    }

    #[test]
    fn whatever_is_typed_marks_are_within_the_path() {
        let mut state = 7_u64;
        let mut text = |longest: u64| {
            let mut next = || {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                state >> 33
            };
            let length = next() % longest;
            let letters = ['a', 'B', '/', '.', 'é', 'E', '\u{301}', '😀', 'ß', 'İ', '\u{fffd}', ' ', '-', '9'];
            (0..length).map(|_| letters[next() as usize % letters.len()]).collect::<String>()
        };
        for _ in 0..3000 {
            let (path, query) = (text(40), text(8));
            for hit in paths(&[&path]).search(&query, 1).best {
                assert!(hit.marks.is_sorted() && hit.marks.len() % 2 == 0, "{query} in {path}: {hit:?}");
                assert!(hit.marks.iter().all(|&mark| mark as usize <= path.encode_utf16().count()));
            }
        }
    }
}
