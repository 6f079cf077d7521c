//! The list of an archive's entries, compared with that of the `tar` crate. The wanted differences, each with its reason,
//! are those of [`portolan_fuzz::listing`].
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use portolan_fuzz::{headers, listing};

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    headers::mutate(data, size, max_size, seed, 0)
});

fuzz_target!(|data: &[u8]| {
    let Some(ours) = listing::ours(data) else { return };
    let theirs = listing::theirs(data);
    for (ours, theirs) in ours.entries.iter().zip(&theirs.entries) {
        assert_eq!(ours, theirs);
    }
    if ours.complete && theirs.complete {
        assert_eq!(ours.entries.len(), theirs.entries.len(), "{ours:?} {theirs:?}");
    }
});
