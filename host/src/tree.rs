//! The merged file system of an image.

use crate::error::Result;
use crate::layer::Change;
use crate::toolkit::{Instance, Toolkit};
use wasmtime::component::ResourceAny;

pub use crate::bindings::exports::portolan::image::tree::{
    Action, Difference, DirectorySize, LayerSize, Node, Source, Waste, WastedPath,
};

/// How many changes or nodes cross the border in one call.
const PAGE: usize = 2_048;

/// The tree of the layers applied so far.
pub struct Tree {
    instance: Instance,
    handle: ResourceAny,
}

macro_rules! ask {
    ($tree:expr, $way:ident, $method:ident $(, $argument:expr)*) => {{
        let handle = $tree.handle;
        $tree.instance.$way(|exports, store| exports.portolan_image_tree().tree().$method(store, handle $(, $argument)*))
    }};
}

impl Tree {
    /// An empty tree.
    ///
    /// # Errors
    /// When the component cannot be run.
    pub fn new(toolkit: &Toolkit) -> Result<Self> {
        let mut instance = toolkit.instantiate()?;
        let limits = toolkit.limits();
        let handle =
            instance.call(|exports, store| exports.portolan_image_tree().tree().call_constructor(store, limits))?;
        Ok(Self { instance, handle })
    }

    /// Applies the changes of the next layer, bottom first.
    ///
    /// # Errors
    /// Whatever is wrong with them, such as a hard link without its target.
    pub fn apply(&mut self, changes: &[Change]) -> Result<()> {
        for page in changes.chunks(PAGE) {
            ask!(self, attempt, call_feed, page)?;
        }
        ask!(self, attempt, call_apply)
    }

    /// All nodes, or those that a glob pattern matches with the directories above: parents before children.
    ///
    /// # Errors
    /// `invalid-path` for a pattern that is none.
    pub fn walk(&mut self, pattern: Option<&str>) -> Result<Walk<'_>> {
        let walk = ask!(self, attempt, call_walk, pattern)?;
        Ok(Walk { tree: self, walk, page: Vec::new().into_iter() })
    }

    /// The node at a path and those below it, so many levels of them or all, in the order of [`walk`](Self::walk).
    /// No symbolic link is followed.
    ///
    /// # Errors
    /// When the component fails.
    pub fn walk_below(&mut self, base: &[u8], depth: Option<u32>) -> Result<impl Iterator<Item = Result<Node>>> {
        let walk = self.walk(below(base, depth).as_deref())?;
        // The walk begins with the directories above. Where the path is no text, it holds more than was asked for.
        Ok(walk.filter(move |node| node.as_ref().map_or(true, |node| is_below(&node.path, base))))
    }

    /// The node of a path, without following a symbolic link at its end.
    ///
    /// # Errors
    /// `path-not-found`.
    pub fn find(&mut self, path: &[u8]) -> Result<Node> {
        ask!(self, attempt, call_find, path)
    }

    /// The node that a path leads to, every symbolic link followed inside the image.
    ///
    /// # Errors
    /// `path-not-found`.
    pub fn resolve(&mut self, path: &[u8]) -> Result<Node> {
        ask!(self, attempt, call_resolve, path)
    }

    /// The nodes in a directory.
    ///
    /// # Errors
    /// `path-not-found`.
    pub fn children(&mut self, path: &[u8]) -> Result<Vec<Node>> {
        ask!(self, attempt, call_children, path)
    }

    /// What a layer changed.
    ///
    /// # Errors
    /// `path-not-found` when there is no such layer.
    pub fn diff(&mut self, layer: u32) -> Result<Vec<Difference>> {
        ask!(self, attempt, call_diff, layer)
    }

    /// What each layer holds.
    ///
    /// # Errors
    /// When the component fails.
    pub fn layer_sizes(&mut self) -> Result<Vec<LayerSize>> {
        ask!(self, call, call_layer_sizes)
    }

    /// The sizes of all directories down to a depth, root first.
    ///
    /// # Errors
    /// When the component fails.
    pub fn directory_sizes(&mut self, depth: u32) -> Result<Vec<DirectorySize>> {
        ask!(self, call, call_directory_sizes, depth)
    }

    /// What could be saved, with at most so many paths.
    ///
    /// # Errors
    /// When the component fails.
    pub fn waste(&mut self, most: u32) -> Result<Waste> {
        ask!(self, call, call_waste, most)
    }
}

/// The nodes of a tree, page by page.
pub struct Walk<'a> {
    tree: &'a mut Tree,
    walk: ResourceAny,
    page: std::vec::IntoIter<Node>,
}

impl Iterator for Walk<'_> {
    type Item = Result<Node>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(node) = self.page.next() {
            return Some(Ok(node));
        }
        let walk = self.walk;
        let page = self
            .tree
            .instance
            .call(|exports, store| exports.portolan_image_tree().walk().call_take(store, walk, PAGE as u32));
        match page {
            Ok(page) => {
                self.page = page.into_iter();
                self.page.next().map(Ok)
            }
            Err(error) => Some(Err(error)),
        }
    }
}

/// How deep a pattern of its own is worth while; no image is much deeper.
const DEEP: u32 = 64;

/// The pattern of a path and what is below it.
fn below(base: &[u8], depth: Option<u32>) -> Option<String> {
    let depth = depth.filter(|&depth| depth < DEEP);
    if base.is_empty() && depth.is_none() {
        return None;
    }
    let mut pattern = String::new();
    for chunk in base.utf8_chunks() {
        for character in chunk.valid().chars() {
            if "\\*?[]{},".contains(character) {
                pattern.push('\\');
            }
            pattern.push(character);
        }
        // A pattern is text; any other byte is one character of the path.
        pattern.extend(chunk.invalid().iter().map(|_| '?'));
    }
    let mut slash = if base.is_empty() { "" } else { "/" };
    match depth {
        None => pattern = format!("{{{pattern},{pattern}/**}}"),
        Some(depth) => {
            for _ in 0..depth {
                pattern.push_str("{,");
                pattern.push_str(slash);
                pattern.push('*');
                slash = "/";
            }
            pattern.extend((0..depth).map(|_| '}'));
        }
    }
    Some(pattern)
}

/// Whether a path is another or below it.
#[must_use]
pub fn is_below(path: &[u8], base: &[u8]) -> bool {
    match path.strip_prefix(base) {
        Some(rest) => base.is_empty() || rest.is_empty() || rest.first() == Some(&b'/'),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Toolkit;
    use crate::layer::{Entry, Kind, Timestamp};

    fn directory(path: &[u8]) -> Change {
        let mtime = Timestamp { seconds: 0, nanoseconds: 0 };
        let (path, kind, xattrs) = (path.to_vec(), Kind::Directory, Vec::new());
        Change::Entry(Entry { ordinal: 0, path, kind, mode: 0o755, uid: 0, gid: 0, mtime, xattrs })
    }

    #[test]
    fn a_walk_below_a_path_has_that_path_and_its_levels_whatever_its_name_is() {
        let mut tree = Tree::new(Toolkit::shared().unwrap()).unwrap();
        let strange = b"a/{*,\\[\xff\xfe?}";
        let lookalike = b"a/{*,\\[\xfe\xff?}";
        let under = |base: &[u8], rest: &[u8]| [base, rest].concat();
        let paths = [&strange[..], &under(strange, b"/b"), &under(strange, b"/b/c"), &under(lookalike, b"/b"), b"ax/b"];
        tree.apply(&paths.map(directory)).unwrap();
        let mut below = |base: &[u8], depth| -> Vec<Vec<u8>> {
            tree.walk_below(base, depth).unwrap().map(|node| node.unwrap().path).collect()
        };
        assert_eq!(below(strange, None), paths[..3]);
        assert_eq!(below(strange, Some(1)), paths[..2]);
        assert_eq!(below(strange, Some(0)), paths[..1]);
        assert_eq!(below(b"a", Some(1)), [b"a", &lookalike[..], &strange[..]]);
        assert_eq!(below(b"", Some(1)), [&b""[..], b"a", b"ax"]);
        assert_eq!(below(b"", Some(2)).len(), 6);
        assert_eq!(below(b"", None).len(), 9);
        assert_eq!(below(b"nowhere", None), [b""; 0]);
    }
}
