//! The letters of a path, as they are compared, and what it is worth to find a word at each.

use std::collections::BTreeMap;
use std::ops::Range;

/// The words begin here: after a separator, and after what is no letter.
const AFTER_SEPARATOR: i32 = 9;
pub(super) const BOUNDARY: i32 = 8;
/// A capital after a small letter, or a digit after none.
const HUMP: i32 = 5;

/// What a letter stands for too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Folded {
    /// The small letter of a capital one.
    pub small: char,
    /// The letter without its accents, of the same case.
    pub plain: char,
}

/// Folds a letter beyond ASCII. Whoever calls has the tables of Unicode.
pub type Fold = fn(char) -> Folded;

#[derive(Clone, Copy, PartialEq)]
enum Class {
    Separator,
    Other,
    Small,
    Capital,
    Digit,
}

/// Reads paths into letters.
pub(super) struct Letters {
    fold: Fold,
    known: BTreeMap<char, Folded>,
    /// The letters of the path that was read last.
    pub(super) read: Vec<char>,
    /// What it is worth to find something at each.
    pub(super) bonuses: Vec<i32>,
}

impl Letters {
    pub(super) fn new(fold: Fold) -> Self {
        Self { fold, known: BTreeMap::new(), read: Vec::new(), bonuses: Vec::new() }
    }

    fn folded(&mut self, character: char) -> Folded {
        *self.known.entry(character).or_insert_with(|| (self.fold)(character))
    }

    pub(super) fn is_capital(&mut self, character: char) -> bool {
        match character.is_ascii() {
            true => character.is_ascii_uppercase(),
            false => self.folded(character).small != character,
        }
    }

    fn class(&mut self, character: char) -> Class {
        match character {
            '/' | ':' => Class::Separator,
            '0'..='9' => Class::Digit,
            'a'..='z' => Class::Small,
            'A'..='Z' => Class::Capital,
            '\0'..='\x7f' => Class::Other,
            _ if self.is_capital(character) => Class::Capital,
            _ => Class::Small,
        }
    }

    /// Reads a part of a path for a word without capitals, and for one without accents.
    pub(super) fn read(&mut self, path: &str, part: Range<usize>, in_small: bool, in_plain: bool) {
        self.read.clear();
        self.bonuses.clear();
        let before = path.get(..part.start).and_then(|before| before.chars().next_back());
        let mut before = before.map_or(Class::Separator, |character| self.class(character));
        for character in path.get(part).unwrap_or_default().chars() {
            let folded = if character.is_ascii() { None } else { Some(self.folded(character)) };
            let letter = match folded {
                Some(Folded { plain, .. }) if in_plain => plain,
                Some(Folded { small, .. }) if in_small => small,
                _ => character,
            };
            self.read.push(if in_small { letter.to_ascii_lowercase() } else { letter });
            let class = self.class(character);
            self.bonuses.push(match (before, class) {
                (_, Class::Separator) => 0,
                (_, Class::Other) => BOUNDARY,
                (Class::Separator, _) => AFTER_SEPARATOR,
                (Class::Other, _) => BOUNDARY,
                (Class::Small, Class::Capital) | (Class::Small | Class::Capital, Class::Digit) => HUMP,
                _ => 0,
            });
            before = class;
        }
    }
}
