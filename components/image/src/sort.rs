//! Sorting that is compiled once.

use std::cmp::Ordering;

/// The positions of so many things in their order; equal ones keep theirs.
///
/// A sort is compiled anew for every type and every order, to some 5 KB of WebAssembly each. Where there is little to
/// sort, this one serves all.
pub fn positions(count: usize, compare: &mut dyn FnMut(usize, usize) -> Ordering) -> Vec<usize> {
    let mut positions: Vec<usize> = (0..count).collect();
    positions.sort_unstable_by(|&one, &other| compare(one, other).then(one.cmp(&other)));
    positions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_things_keep_their_order() {
        let words = ["pear", "fig", "apple", "kiwi", "plum"];
        let by_length = positions(words.len(), &mut |one, other| words[one].len().cmp(&words[other].len()));
        assert_eq!(by_length, [1, 0, 3, 4, 2]);
        assert_eq!(positions(0, &mut |_, _| Ordering::Equal), [0; 0]);
    }
}
