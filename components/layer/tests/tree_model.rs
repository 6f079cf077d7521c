//! The merged tree against a second one that is slow and simple: a map of full paths.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use portolan_image::Limits;
use portolan_layer::tree::{Stand, Tree, Type};
use portolan_layer::{Change, Entry, Kind, Owner, Timestamp};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

#[derive(Clone, Debug)]
enum Op {
    File(u64),
    Directory(u32),
    Symlink(String),
    Link(String),
    Remove,
    Clear,
}

/// What stands at a path: the number of an inode, and whether a hard link put it there.
type Name = (usize, bool);

#[derive(Clone, Debug)]
struct Inode {
    kind: Kind,
    mode: u32,
    layer: usize,
    ordinal: Option<u32>,
}

#[derive(Clone, Debug, Default)]
struct Model {
    names: BTreeMap<String, Name>,
    inodes: Vec<Inode>,
    /// For every path, the bytes that layer after layer gave it.
    history: BTreeMap<String, Vec<u64>>,
    touched: BTreeSet<String>,
    layer: usize,
}

fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}/{name}") }
}

fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

impl Model {
    fn new() -> Self {
        let mut model = Self::default();
        model.put("", Kind::Directory, 0o755, None);
        model.touched.clear();
        model
    }

    fn kind(&self, path: &str) -> Option<&Kind> {
        Some(&self.inodes[self.names.get(path)?.0].kind)
    }

    fn put(&mut self, path: &str, kind: Kind, mode: u32, ordinal: Option<u32>) {
        self.inodes.push(Inode { kind, mode, layer: self.layer, ordinal });
        self.names.insert(path.to_owned(), (self.inodes.len() - 1, false));
        self.touched.insert(path.to_owned());
    }

    fn beneath(&self, path: &str) -> Vec<String> {
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        self.names.keys().filter(|name| !name.is_empty() && name.starts_with(&prefix)).cloned().collect()
    }

    fn remove_beneath(&mut self, path: &str) {
        for name in self.beneath(path) {
            self.names.remove(&name);
            self.touched.insert(name);
        }
    }

    fn remove(&mut self, path: &str) {
        self.remove_beneath(path);
        self.names.remove(path);
        self.touched.insert(path.to_owned());
    }

    /// The real path of a path; `create` makes directories of what is none, `last` follows a symlink at the end.
    fn real(&mut self, path: &str, create: bool, last: bool, own: &BTreeSet<String>) -> Result<Option<String>, ()> {
        let mut left: VecDeque<(String, usize)> = VecDeque::new();
        for (at, name) in path.split('/').enumerate().filter(|(_, name)| !name.is_empty()) {
            left.push_back((name.to_owned(), at + 1));
        }
        let (mut at, mut links) = (String::new(), 0);
        while let Some((name, raw)) = left.pop_front() {
            if name == ".." {
                at = split(&at).0.to_owned();
                continue;
            }
            let child = join(&at, &name);
            match self.kind(&child).cloned() {
                Some(Kind::Directory) => at = child,
                Some(Kind::Symlink { target }) if create || last || !left.is_empty() => {
                    let prefix = path.split('/').take(raw).collect::<Vec<_>>().join("/");
                    if raw > 0 && own.contains(&prefix) {
                        return Ok(None);
                    }
                    links += 1;
                    if links > 40 {
                        return Err(());
                    }
                    let target = String::from_utf8(target).unwrap();
                    if target.starts_with('/') {
                        at.clear();
                    }
                    for name in target.split('/').rev().filter(|name| !name.is_empty()) {
                        left.push_front((name.to_owned(), 0));
                    }
                }
                Some(_) if !create && left.is_empty() => at = child,
                _ if create => {
                    self.remove(&child);
                    self.put(&child, Kind::Directory, 0o755, None);
                    at = child;
                }
                _ => return Ok(None),
            }
        }
        Ok(Some(at))
    }

    fn enter(&mut self, path: &str, op: &Op, ordinal: u32) -> Result<(), ()> {
        let none = BTreeSet::new();
        if path.is_empty() {
            let Op::Directory(mode) = op else { return Err(()) };
            return self.describe("", *mode, ordinal);
        }
        let (parent, name) = split(path);
        let path = join(&self.real(parent, true, true, &none)?.unwrap(), name);
        match op {
            Op::Directory(mode) if self.kind(&path) == Some(&Kind::Directory) => {
                return self.describe(&path, *mode, ordinal);
            }
            Op::Link(target) => {
                let target = self.real(target, false, false, &none)?.ok_or(())?;
                if target == path || self.kind(&target).is_none_or(|kind| *kind == Kind::Directory) {
                    return Err(());
                }
                let inode = self.names[&target].0;
                self.remove(&path);
                self.names.insert(path, (inode, true));
                return Ok(());
            }
            _ => {}
        }
        self.remove(&path);
        let (kind, mode) = kind(op);
        self.put(&path, kind, mode, Some(ordinal));
        Ok(())
    }

    fn describe(&mut self, path: &str, mode: u32, ordinal: u32) -> Result<(), ()> {
        let layer = self.layer;
        let inode = &mut self.inodes[self.names[path].0];
        let same = inode.mode == mode;
        if !same || inode.ordinal.is_none() {
            *inode = Inode { kind: Kind::Directory, mode, layer, ordinal: Some(ordinal) };
        }
        if !same {
            self.touched.insert(path.to_owned());
        }
        Ok(())
    }

    fn apply(&mut self, layer: &[(String, Op)]) -> Result<(), ()> {
        let before = self.clone();
        self.touched.clear();
        let own = layer.iter().filter(|(_, op)| matches!(op, Op::Directory(_))).map(|(path, _)| path.clone()).collect();
        let mut found = Vec::new();
        let whiteouts = if self.layer > 0 { layer } else { &[] };
        for (path, op) in whiteouts {
            let clear = matches!(op, Op::Clear);
            if clear || matches!(op, Op::Remove) {
                found.extend(self.real(path, false, clear, &own)?.map(|path| (path, clear)));
            }
        }
        for (path, clear) in found {
            match self.kind(&path) {
                Some(Kind::Directory) if clear => self.remove_beneath(&path),
                Some(_) if !clear => self.remove(&path),
                _ => {}
            }
        }
        let entries = layer.iter().filter(|(_, op)| !matches!(op, Op::Remove | Op::Clear));
        for (ordinal, (path, op)) in entries.enumerate() {
            self.enter(path, op, u32::try_from(ordinal).unwrap())?;
        }
        for path in self.touched.clone() {
            let leaf = |model: &Self| model.kind(&path).is_some_and(|kind| *kind != Kind::Directory);
            if leaf(&before) || leaf(self) {
                let bytes = self.names.get(&path).filter(|name| !name.1).map_or(0, |name| self.bytes(name.0));
                self.history.entry(path).or_default().push(bytes);
            }
        }
        self.layer += 1;
        Ok(())
    }

    fn bytes(&self, inode: usize) -> u64 {
        if let Kind::File { size } = self.inodes[inode].kind { size } else { 0 }
    }

    fn stand(&self, path: &str) -> Option<Stand> {
        let kind = match self.kind(path)? {
            Kind::File { .. } => Type::File,
            Kind::Directory => Type::Directory,
            _ => Type::Symlink,
        };
        Some(Stand { kind, bytes: self.bytes(self.names[path].0) })
    }
}

fn kind(op: &Op) -> (Kind, u32) {
    match op {
        Op::File(size) => (Kind::File { size: *size }, 0o644),
        Op::Directory(mode) => (Kind::Directory, *mode),
        Op::Symlink(target) => (Kind::Symlink { target: target.clone().into() }, 0o777),
        Op::Link(target) => (Kind::HardLink { target: target.clone().into() }, 0o644),
        Op::Remove | Op::Clear => unreachable!(),
    }
}

fn changes(layer: &[(String, Op)]) -> Vec<Change> {
    let mut ordinal = 0;
    let mut change = |(path, op): &(String, Op)| {
        let path = path.clone().into_bytes();
        match op {
            Op::Remove => Change::Remove(path),
            Op::Clear => Change::Clear(path),
            op => {
                let (kind, mode) = kind(op);
                ordinal += 1;
                let (owner, mtime) = (Owner::default(), Timestamp::default());
                Change::Entry(Entry { ordinal: ordinal - 1, path, kind, mode, owner, mtime, xattrs: vec![] })
            }
        }
    };
    layer.iter().map(&mut change).collect()
}

fn path() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!["a", "b", "a-"]), 1..4).prop_map(|names| names.join("/"))
}

fn target() -> impl Strategy<Value = String> {
    (prop::sample::select(vec!["", "/", "../", "../../", "/../"]), path())
        .prop_map(|(start, path)| start.to_owned() + &path)
}

fn op() -> impl Strategy<Value = (String, Op)> {
    let op = prop_oneof![
        4 => (0..100_u64).prop_map(Op::File),
        3 => prop::sample::select(vec![0o755, 0o700]).prop_map(Op::Directory),
        2 => target().prop_map(Op::Symlink),
        4 => prop_oneof![path(), prop::sample::select(vec!["a", "b"]).prop_map(str::to_owned)].prop_map(Op::Link),
        2 => Just(Op::Remove),
        1 => Just(Op::Clear),
    ];
    (prop_oneof![20 => path(), 1 => Just(String::new())], op)
        // The root cannot be removed; that is tested apart.
        .prop_map(|(path, op)| if path.is_empty() && matches!(op, Op::Remove) { (path, Op::Clear) } else { (path, op) })
}

fn compare(tree: &Tree, model: &Model, before: &Model) -> Result<(), TestCaseError> {
    let mut names: Vec<_> = model.names.keys().collect();
    names.sort_by_key(|name| name.split('/').collect::<Vec<_>>());
    let mut first: BTreeMap<usize, Vec<u8>> = BTreeMap::new();
    let mut inodes = BTreeMap::new();
    let mut count = 0;
    for (node, name) in tree.walk().zip(&names) {
        prop_assert_eq!(&node.path, name.as_bytes());
        let number = model.names[*name].0;
        let inode = &model.inodes[number];
        prop_assert_eq!((node.kind, node.mode), (&inode.kind, inode.mode), "{}", name);
        prop_assert_eq!((node.layer as usize, node.ordinal), (inode.layer, inode.ordinal), "{}", name);
        let links = model.names.values().filter(|name| name.0 == number).count();
        prop_assert_eq!(node.links as usize, links, "{}", name);
        prop_assert_eq!(*inodes.entry(number).or_insert(node.inode), node.inode);
        prop_assert_eq!(&node.link, &first.get(&number).cloned(), "{}", name);
        first.entry(number).or_insert(node.path);
        count += 1;
    }
    prop_assert_eq!((count, tree.walk().count()), (names.len(), names.len()));

    let sizes = tree.sizes();
    for node in tree.walk() {
        let path = String::from_utf8(node.path.clone()).unwrap();
        let mut all = model.beneath(&path);
        all.push(path);
        prop_assert_eq!(sizes.paths(&node) as usize, all.len());
        let distinct: BTreeSet<_> = all.iter().map(|path| model.names[path].0).collect();
        prop_assert_eq!(sizes.bytes(&node), distinct.into_iter().map(|inode| model.bytes(inode)).sum::<u64>());
    }

    let mut expected: Vec<_> = model
        .touched
        .iter()
        .map(|path| (path, before.stand(path).filter(|_| !path.is_empty() || model.layer > 1), model.stand(path)))
        .collect();
    expected.retain(|(_, before, after)| before.is_some() || after.is_some());
    expected.sort_by_key(|(path, ..)| path.split('/').collect::<Vec<_>>());
    let diff = tree.diff(model.layer - 1);
    prop_assert_eq!(diff.len(), expected.len());
    let mut differences = tree.differences(model.layer - 1);
    let pages = std::iter::from_fn(|| Some(tree.take_differences(&mut differences, 2)).filter(|page| !page.is_empty()));
    prop_assert_eq!(&pages.flatten().collect::<Vec<_>>(), &diff);
    for (difference, (path, stood, stands)) in diff.iter().zip(expected) {
        prop_assert_eq!(&difference.path, path.as_bytes());
        prop_assert_eq!((difference.before, difference.after), (stood, stands), "{}", path);
        let (mut paths, mut bytes) = (0, 0);
        if stands.is_none() {
            let went = before.beneath(path);
            paths = 1 + went.len() as u64;
            bytes = went.iter().chain([path]).map(|path| before.bytes(before.names[path].0)).sum();
        }
        prop_assert_eq!((difference.removed_paths, difference.removed_bytes), (paths, bytes), "{}", path);
        let orphan = stands.is_none() && model.kind(split(path).0).is_none();
        prop_assert_eq!(difference.beneath_removed, orphan, "{}", path);
    }

    let waste = tree.waste(usize::MAX);
    let total: u64 = (0..model.inodes.len()).map(|inode| model.bytes(inode)).sum();
    let needed: u64 = model.history.values().filter_map(|bytes| bytes.iter().min()).sum();
    let efficiency = if total == 0 { 1.0 } else { needed as f64 / total as f64 };
    prop_assert_eq!((waste.total_bytes, waste.efficiency), (total, efficiency));
    let used: BTreeSet<_> = model.names.values().map(|name| name.0).collect();
    let used: u64 = used.into_iter().map(|inode| model.bytes(inode)).sum();
    prop_assert_eq!(waste.wasted_bytes, total - used);
    prop_assert_eq!(waste.paths.iter().map(|path| path.bytes).sum::<u64>(), waste.wasted_bytes);
    prop_assert!(waste.paths.is_sorted_by(|a, b| a.bytes >= b.bytes));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    //
    #[test]
    fn the_tree_is_that_of_a_simple_model(layers in prop::collection::vec(prop::collection::vec(op(), 0..12), 1..5)) {
        let (mut tree, mut model) = (Tree::new(Limits::default()), Model::new());
        for mut layer in layers {
            let before = (tree.clone(), model.clone());
            let mut result = tree.apply(changes(&layer));
            prop_assert_eq!(result.is_ok(), model.apply(&layer).is_ok(), "{:?}", result);
            if result.is_err() {
                // Most links of chance lead nowhere: the same layer without them shall count.
                let mut sound = Vec::new();
                for op in layer {
                    sound.push(op);
                    if before.1.clone().apply(&sound).is_err() {
                        sound.pop();
                    }
                }
                layer = sound;
                (tree, model) = before.clone();
                result = tree.apply(changes(&layer));
                prop_assert_eq!(result.is_ok(), model.apply(&layer).is_ok(), "{:?}", result);
            }
            prop_assert!(result.is_ok(), "{:?}", result);
            compare(&tree, &model, &before.1)?;
        }
    }
}
