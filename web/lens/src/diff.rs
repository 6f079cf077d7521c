//! What differs between two texts, line by line, and within lines.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use similar::algorithms::{Capture, Compact, Replace, myers};
use similar::{DiffOp, DiffTag, Instant, group_diff_ops};

/// So many lines that stay are shown round what changed.
const CONTEXT: usize = 3;
/// So many lines are shown.
const MOST_LINES: usize = 2000;
/// So much of a line is shown, in bytes.
const MOST_OF_LINE: usize = 2000;
/// Lines are compared with each other when so many, of so many bytes, take the place of others.
const MOST_WITHIN: (usize, usize) = (200, 1 << 16);

/// What differs between two texts.
#[derive(Debug, Default, PartialEq)]
pub struct Difference {
    /// The places at which they differ.
    pub hunks: Vec<Hunk>,
    /// How many lines are in the first alone.
    pub removed: usize,
    /// How many lines are in the second alone.
    pub added: usize,
    /// Whether there are more lines than are in the hunks.
    pub is_cut: bool,
}

/// Lines that changed, with some round them that did not.
#[derive(Debug, PartialEq)]
pub struct Hunk {
    /// The number of its first line in the first text, from 1.
    pub before: usize,
    /// The number of its first line in the second text, from 1.
    pub after: usize,
    /// The lines.
    pub lines: Vec<Line>,
}

/// A line of one text or of both.
#[derive(Debug, PartialEq)]
pub struct Line {
    /// Where it is.
    pub side: Side,
    /// Its parts; whether each is what changed within the line.
    pub parts: Vec<(bool, String)>,
}

/// Where a line is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Side {
    /// In both texts.
    Both,
    /// In the first alone.
    Before,
    /// In the second alone.
    After,
}

/// Compares two texts. After the time is up, what is left is compared roughly: what is said is true, but may be longer than
/// it had to be.
pub fn compare(before: &str, after: &str, time: Duration) -> Difference {
    let end = Instant::now().checked_add(time);
    let (before, after): (Vec<&str>, Vec<&str>) = (lines_of(before), lines_of(after));
    let ops = differences(&before, &after, end);
    let mut found = Difference::default();
    for op in ops.iter().filter(|op| op.tag() != DiffTag::Equal) {
        found.removed += op.old_range().len();
        found.added += op.new_range().len();
    }
    let mut left = MOST_LINES;
    for group in group_diff_ops(ops, CONTEXT) {
        let Some(first) = group.first() else { continue };
        let mut hunk =
            Hunk { before: first.old_range().start + 1, after: first.new_range().start + 1, lines: Vec::new() };
        for op in &group {
            let mut lines = lines(op, &before, &after, end);
            found.is_cut |= lines.len() > left;
            lines.truncate(left);
            left -= lines.len();
            hunk.lines.extend(lines);
        }
        if !hunk.lines.is_empty() {
            found.hunks.push(hunk);
        }
    }
    found
}

/// Lines without their ends. That of another system stays, for it is a difference.
fn lines_of(text: &str) -> Vec<&str> {
    text.split_terminator('\n').collect()
}

/// The steps from one list to another.
fn differences(before: &[&str], after: &[&str], end: Option<Instant>) -> Vec<DiffOp> {
    // Numbers are quickly compared, and the algorithm is compiled once, for them.
    let mut numbers = BTreeMap::new();
    let mut number = |text| {
        let next = numbers.len();
        *numbers.entry(text).or_insert(next)
    };
    let before: Vec<usize> = before.iter().map(&mut number).collect();
    let after: Vec<usize> = after.iter().map(&mut number).collect();
    let (before, after) = (before.as_slice(), after.as_slice());
    let mut steps = Compact::new(Replace::new(Capture::new()), before, after);
    let done: Result<(), Infallible> =
        myers::diff_deadline_raw(&mut steps, before, 0..before.len(), after, 0..after.len(), end);
    let Ok(()) = done;
    steps.into_inner().into_inner().into_ops()
}

/// The lines of a step, as many as can be shown and one more.
fn lines(op: &DiffOp, before: &[&str], after: &[&str], end: Option<Instant>) -> Vec<Line> {
    let old = before.get(op.old_range()).unwrap_or_default();
    let new = after.get(op.new_range()).unwrap_or_default();
    if op.tag() == DiffTag::Equal {
        return plain(Side::Both, old);
    }
    if op.tag() == DiffTag::Replace
        && is_worth_looking_within(old, new)
        && let Some((old, new)) = within(old, new, end)
    {
        let old = old.into_iter().map(|parts| cut(Side::Before, parts));
        return old.chain(new.into_iter().map(|parts| cut(Side::After, parts))).collect();
    }
    let mut lines = plain(Side::Before, old);
    lines.append(&mut plain(Side::After, new));
    lines
}

fn plain(side: Side, lines: &[&str]) -> Vec<Line> {
    lines.iter().take(MOST_LINES + 1).map(|line| cut(side, vec![(false, (*line).to_owned())])).collect()
}

fn is_worth_looking_within(old: &[&str], new: &[&str]) -> bool {
    let (lines, bytes) = MOST_WITHIN;
    old.len() + new.len() <= lines && old.iter().chain(new).map(|line| line.len()).sum::<usize>() <= bytes
}

/// The parts of a line; whether each changed.
type Parts = Vec<(bool, String)>;

/// What changed within lines that took the place of others; nothing where they have little in common.
fn within(old: &[&str], new: &[&str], end: Option<Instant>) -> Option<(Vec<Parts>, Vec<Parts>)> {
    let (before, after) = (words(old), words(new));
    let mut same = 0;
    let mut changed = (vec![true; before.len()], vec![true; after.len()]);
    for op in differences(&before, &after, end).iter().filter(|op| op.tag() == DiffTag::Equal) {
        let kept = before.get(op.old_range()).unwrap_or_default();
        same += kept.iter().filter(|word| !word.trim().is_empty()).map(|word| word.len()).sum::<usize>();
        changed.0.get_mut(op.old_range()).unwrap_or_default().fill(false);
        changed.1.get_mut(op.new_range()).unwrap_or_default().fill(false);
    }
    let all: usize = before.iter().chain(&after).filter(|word| !word.trim().is_empty()).map(|word| word.len()).sum();
    (4 * same >= all).then(|| (in_lines(&before, &changed.0), in_lines(&after, &changed.1)))
}

/// The words of lines, what is between them, and the ends of the lines.
fn words<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    let kind = |character: char| match character {
        _ if character.is_alphanumeric() || character == '_' => 0,
        _ if character.is_whitespace() => 1,
        _ => 2,
    };
    let mut words = Vec::new();
    for line in lines {
        let mut rest = *line;
        while let Some(first) = rest.chars().next() {
            // Each sign stands for itself.
            let length = match kind(first) {
                2 => first.len_utf8(),
                known => rest.find(|character| kind(character) != known).unwrap_or(rest.len()),
            };
            let (word, next) = rest.split_at(length);
            words.push(word);
            rest = next;
        }
        words.push("\n");
    }
    words
}

/// Puts words together again, those that changed and those that did not.
fn in_lines(words: &[&str], changed: &[bool]) -> Vec<Parts> {
    let mut lines = Vec::new();
    let mut line = Parts::new();
    for (word, &is_changed) in words.iter().zip(changed) {
        if *word == "\n" {
            lines.push(std::mem::take(&mut line));
            continue;
        }
        match line.last_mut() {
            Some((was_changed, text)) if *was_changed == is_changed => text.push_str(word),
            _ => line.push((is_changed, (*word).to_owned())),
        }
    }
    lines
}

/// A line, as much of it as is shown.
fn cut(side: Side, mut parts: Parts) -> Line {
    let mut left = MOST_OF_LINE;
    for at in 0..parts.len() {
        let Some((_, text)) = parts.get_mut(at) else { break };
        if text.len() > left {
            text.truncate(text.floor_char_boundary(left));
            text.push('…');
            parts.truncate(at + 1);
            break;
        }
        left -= text.len();
    }
    Line { side, parts }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: Duration = Duration::from_secs(2);

    fn text(found: &Difference) -> String {
        let lines = found.hunks.iter().flat_map(|hunk| &hunk.lines);
        lines
            .map(|line| {
                let sign = match line.side {
                    Side::Both => ' ',
                    Side::Before => '-',
                    Side::After => '+',
                };
                let parts: String =
                    line.parts.iter().map(|(is, part)| if *is { format!("[{part}]") } else { part.clone() }).collect();
                format!("{sign}{parts}\n")
            })
            .collect()
    }

    #[test]
    fn lines_and_what_changed_within_them_are_said() {
        let before = "one\ntwo\nthree\nfour\nfive\nsize: 12 of all\nseven\n";
        let after = "one\ntwo\nthree\nfour\nfive\nsize: 13 of all\nseven\neight\n";
        let found = compare(before, after, TIME);
        assert_eq!(text(&found), " three\n four\n five\n-size: [12] of all\n+size: [13] of all\n seven\n+eight\n");
        assert_eq!((found.hunks[0].before, found.hunks[0].after, found.removed, found.added), (3, 3, 1, 2));
    }

    #[test]
    fn the_same_texts_have_no_differences() {
        assert_eq!(compare("a\nb", "a\nb", TIME), Difference::default());
        assert_eq!(compare("", "", TIME), Difference::default());
        assert_eq!(text(&compare("a\r\n", "a\n", TIME)), "-a[\r]\n+a\n");
        assert_eq!(text(&compare("", "a\n", TIME)), "+a\n");
        assert_eq!(text(&compare("a", "", TIME)), "-a\n");
    }

    #[test]
    fn two_megabytes_that_have_nothing_in_common_do_not_take_longer_than_they_may() {
        let scattered = |seed: u64| {
            let mut state = seed;
            let mut text = String::new();
            while text.len() < 1 << 20 {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                text.push_str(&format!("{}\n", state >> 54));
            }
            text
        };
        let begun = std::time::Instant::now();
        let found = compare(&scattered(1), &scattered(2), Duration::from_millis(300));
        assert!(found.is_cut);
        assert!(found.hunks.iter().map(|hunk| hunk.lines.len()).sum::<usize>() <= MOST_LINES);
        // What is not bounded, splitting and grouping, is linear.
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    }

    #[test]
    fn a_line_of_a_megabyte_is_cut() {
        let found = compare(&"é".repeat(500_000), &"ü".repeat(500_000), TIME);
        assert!(
            found.hunks[0].lines.iter().all(|line| line.parts.len() == 1 && line.parts[0].1.len() <= MOST_OF_LINE + 3)
        );
        assert!(found.hunks[0].lines[0].parts[0].1.ends_with("é…"));
    }

    #[test]
    fn with_enough_round_it_each_text_is_in_the_difference() {
        let mut state = 11_u64;
        let mut lines = || {
            let mut next = || {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                state >> 33
            };
            let words = ["one", "two é", "three\tx", "", "four = 5;", "four = 6;"];
            (0..next() % 6).map(|_| format!("{}\n", words[next() as usize % words.len()])).collect::<String>()
        };
        for _ in 0..2000 {
            let (before, after) = (lines(), lines());
            let found = compare(&before, &after, TIME);
            let side = |other: Side| {
                let lines = found.hunks.iter().flat_map(|hunk| &hunk.lines).filter(|line| line.side != other);
                lines
                    .map(|line| line.parts.iter().map(|part| part.1.as_str()).collect::<String>() + "\n")
                    .collect::<String>()
            };
            // Up to six lines of the same are not left out between two changes, but may be at the ends.
            assert!(before.contains(&side(Side::After)) && after.contains(&side(Side::Before)), "{before:?} {after:?}");
            assert_eq!(found.hunks.is_empty(), before == after);
        }
    }
}
