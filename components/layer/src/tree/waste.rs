//! Bytes that layers carry and the image does not show.

use super::Tree;
use portolan_image::sort::positions;
use std::collections::BTreeMap;

/// How many bytes of the layers are of no use, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct Waste {
    /// The size of all files in all layers, as often as their archives hold them.
    pub total_bytes: u64,
    /// The size of the files of which no name is left, because a later entry replaced or a whiteout removed it.
    pub wasted_bytes: u64,
    /// From 0 to 1: what would do, over what is there.
    ///
    /// As dive computes it: for every path, the smallest size that any layer gives it, a removed file counting as 0;
    /// the sum of those over [`total_bytes`](Self::total_bytes), or 1 for an image of no bytes. So a file that grows
    /// from layer to layer costs what it grew to, although only its old sizes are wasted.
    ///
    /// Two differences: dive takes the size of a removed directory as a size that is needed; here each file in it
    /// was removed, with the same answer as if each had its own whiteout. And what a layer holds twice is stored twice
    /// here, where dive sees the last. Hard links are 0 in both.
    pub efficiency: f64,
    /// The paths that waste most, the worst first, equals in the order of a walk.
    pub paths: Vec<WastedPath>,
}

/// A path at which bytes were wasted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WastedPath {
    /// The path, whether anything stands there now or not.
    pub path: Vec<u8>,
    /// The bytes that were replaced or removed here.
    pub bytes: u64,
    /// How often that happened.
    pub count: u32,
    /// The bytes that all layers together hold for this path.
    pub total_bytes: u64,
}

/// What is known of a path that did not stay as it came.
#[derive(Clone, Debug)]
struct Spent {
    wasted: u64,
    /// What layers gave, as each left it.
    total: u64,
    /// What one layer both gave and replaced.
    passing: u64,
    /// [`u64::MAX`] as long as one layer alone gave it a size.
    smallest: u64,
    count: u32,
}

/// The sums over all layers. A path that one layer gave and none touched since needs no place of its own.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    paths: BTreeMap<u32, Spent>,
    needed: u64,
    wasted: u64,
}

impl Tally {
    fn spent(&mut self, path: u32) -> &mut Spent {
        self.paths.entry(path).or_insert(Spent { wasted: 0, total: 0, passing: 0, smallest: u64::MAX, count: 0 })
    }

    /// The last name of a file goes; `passing` when the layer that gave it is still being applied.
    pub(super) fn waste(&mut self, path: u32, bytes: u64, passing: bool) {
        if bytes > 0 {
            self.wasted = self.wasted.saturating_add(bytes);
            let spent = self.spent(path);
            spent.wasted = spent.wasted.saturating_add(bytes);
            if passing {
                spent.passing = spent.passing.saturating_add(bytes);
            }
            spent.count += 1;
        }
    }

    /// A layer gives a path a size. `before` is what the last one gave, if what it put there stood until now.
    pub(super) fn observe(&mut self, path: u32, before: Option<u64>, bytes: u64) {
        let known = self.paths.get(&path).map(|spent| spent.smallest).filter(|&smallest| smallest != u64::MAX);
        let Some(old) = known.or(before) else {
            self.needed = self.needed.saturating_add(bytes);
            return;
        };
        self.needed = self.needed.saturating_sub(old.saturating_sub(bytes));
        let spent = self.spent(path);
        if known.is_none() {
            spent.total = old;
        }
        spent.total = spent.total.saturating_add(bytes);
        spent.smallest = old.min(bytes);
    }
}

impl Tree {
    /// What the layers waste, with the worst paths, `at_most` of them.
    #[must_use]
    pub fn waste(&self, at_most: usize) -> Waste {
        let tally = &self.tally;
        let wasting = tally.paths.iter().filter(|(_, spent)| spent.wasted > 0).map(|(&id, _)| id);
        let walked = self.paths.in_order(wasting);
        let wasted = |id: &u32| tally.paths.get(id).map_or(0, |spent| spent.wasted);
        // Equals stay in the order of a walk.
        let worst = positions(walked.len(), &mut |one, other| wasted(&walked[other]).cmp(&wasted(&walked[one])));
        let paths = worst.into_iter().take(at_most).filter_map(|place| {
            let id = &walked[place];
            let spent = tally.paths.get(id)?;
            // Where one layer alone gave it, the size it ended with is nowhere else than in the tree.
            let left = if spent.smallest == u64::MAX {
                let path = self.paths.at(*id);
                self.inode_at(*id).filter(|_| !path.linked).map_or(0, |inode| inode.bytes())
            } else {
                spent.total
            };
            let total = spent.passing.saturating_add(left);
            Some(WastedPath { path: self.paths.path(*id), bytes: spent.wasted, count: spent.count, total_bytes: total })
        });
        let total = self.logs.iter().fold(0_u64, |total, log| total.saturating_add(log.summary.bytes));
        #[allow(clippy::cast_precision_loss, reason = "a ratio, and 53 bits are more than it shows")]
        let efficiency = if total == 0 { 1.0 } else { tally.needed as f64 / total as f64 };
        Waste { total_bytes: total, wasted_bytes: tally.wasted, efficiency, paths: paths.collect() }
    }
}
