//! The lines that make a list of paths a tree.

/// Draws the branches of a tree whose nodes come parents first: all of them once with [`add`](Self::add), and again, in
/// the same order, with [`next`](Self::next). One byte a node is held between the two.
#[derive(Default)]
pub(super) struct Branches {
    is_last: Vec<bool>,
    /// The last node seen at each depth.
    open: Vec<usize>,
    drawn: usize,
    /// Whether the node above at each depth is the last in its directory.
    above: Vec<bool>,
}

impl Branches {
    /// Takes the depth of the next node; the beginning has 0.
    pub(super) fn add(&mut self, depth: usize) {
        if let Some(&before) = self.open.get(depth) {
            self.is_last[before] = false;
        }
        self.open.truncate(depth);
        self.open.push(self.is_last.len());
        self.is_last.push(true);
    }

    /// What stands before the name of the next node.
    pub(super) fn next(&mut self, depth: usize) -> String {
        let is_last = self.is_last.get(self.drawn).copied().unwrap_or(true);
        self.drawn += 1;
        self.above.truncate(depth);
        let mut drawn = String::new();
        if depth > 0 {
            for &is_last in self.above.iter().skip(1) {
                drawn.push_str(if is_last { "    " } else { "│   " });
            }
            drawn.push_str(if is_last { "└── " } else { "├── " });
        }
        self.above.push(is_last);
        drawn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_goes_on_as_long_as_something_follows() {
        let depths = [0, 1, 2, 3, 2, 1, 2, 1];
        let mut branches = Branches::default();
        depths.iter().for_each(|&depth| branches.add(depth));
        let drawn: Vec<String> = depths.iter().map(|&depth| branches.next(depth)).collect();
        assert_eq!(drawn, ["", "├── ", "│   ├── ", "│   │   └── ", "│   └── ", "├── ", "│   └── ", "└── "]);
    }
}
