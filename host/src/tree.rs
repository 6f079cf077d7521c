//! The merged file system of an image.

use crate::bindings;
use crate::error::Result;
use crate::layer::Change;
use crate::toolkit::{Instance, State, Toolkit};
use std::cell::RefCell;
use wasmtime::Store;
use wasmtime::component::ResourceAny;

pub use crate::bindings::exports::portolan::image::tree::{
    Action, Difference, DirectorySize, LayerSize, Node, Source, Waste, WastedPath,
};

/// How many changes or nodes cross the border in one call.
const PAGE: usize = 2_048;
const MOST: u32 = PAGE as u32;

/// The tree of the layers applied so far.
///
/// Several of its answers can be gone through at once.
pub struct Tree {
    instance: RefCell<Instance>,
    handle: ResourceAny,
}

macro_rules! ask {
    ($tree:expr, $way:ident, $method:ident $(, $argument:expr)*) => {{
        let handle = $tree.handle;
        $tree.instance.borrow_mut().$way(|exports, store| exports.portolan_image_tree().tree().$method(store, handle $(, $argument)*))
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
        Ok(Self { instance: RefCell::new(instance), handle })
    }

    /// Applies the changes of the next layer, bottom first.
    ///
    /// # Errors
    /// Whatever is wrong with them, such as a hard link without its target.
    pub fn apply(&mut self, changes: &[Change]) -> Result<()> {
        self.feed(changes)?;
        self.finish_layer()
    }

    /// Takes some changes of the next layer, in the order of its archive.
    ///
    /// # Errors
    /// Whatever is wrong with them.
    pub fn feed(&mut self, changes: &[Change]) -> Result<()> {
        for page in changes.chunks(PAGE) {
            ask!(self, attempt, call_feed, page)?;
        }
        Ok(())
    }

    /// Applies the layer whose changes were fed.
    ///
    /// # Errors
    /// Whatever is wrong with them.
    pub fn finish_layer(&mut self) -> Result<()> {
        ask!(self, attempt, call_apply)
    }

    /// All nodes, or those that a glob pattern matches with the directories above: parents before children.
    ///
    /// # Errors
    /// `invalid-path` for a pattern that is none.
    pub fn walk(&self, pattern: Option<&str>) -> Result<Walk<'_>> {
        let walk = ask!(self, attempt, call_walk, pattern)?;
        let take: Take<Node> = |exports, store, walk| exports.portolan_image_tree().walk().call_take(store, walk, MOST);
        Ok(Pages::new(self, walk, take))
    }

    /// The node at a path and those below it, so many levels of them or all, in the order of [`walk`](Self::walk).
    /// No symbolic link is followed.
    ///
    /// # Errors
    /// When the component fails.
    pub fn walk_below(&self, base: &[u8], depth: Option<u32>) -> Result<impl Iterator<Item = Result<Node>>> {
        let walk = self.walk(below(base, depth).as_deref())?;
        // The walk begins with the directories above. Where the path is no text, it holds more than was asked for.
        Ok(walk.filter(move |node| node.as_ref().map_or(true, |node| is_below(&node.path, base))))
    }

    /// The node of a path, without following a symbolic link at its end.
    ///
    /// # Errors
    /// `path-not-found`.
    pub fn find(&self, path: &[u8]) -> Result<Node> {
        ask!(self, attempt, call_find, path)
    }

    /// The node that a path leads to, every symbolic link followed inside the image.
    ///
    /// # Errors
    /// `path-not-found`.
    pub fn resolve(&self, path: &[u8]) -> Result<Node> {
        ask!(self, attempt, call_resolve, path)
    }

    /// The nodes in a directory.
    ///
    /// # Errors
    /// `path-not-found`.
    pub fn children(&self, path: &[u8]) -> Result<Vec<Node>> {
        ask!(self, attempt, call_children, path)
    }

    /// What a layer changed, in the order of [`walk`](Self::walk).
    ///
    /// # Errors
    /// `path-not-found` when there is no such layer.
    pub fn diff(&self, layer: u32) -> Result<Pages<'_, Difference>> {
        let differences = ask!(self, attempt, call_diff, layer)?;
        let take: Take<Difference> =
            |exports, store, it| exports.portolan_image_tree().differences().call_take(store, it, MOST);
        Ok(Pages::new(self, differences, take))
    }

    /// What each layer holds.
    ///
    /// # Errors
    /// When the component fails.
    pub fn layer_sizes(&self) -> Result<Vec<LayerSize>> {
        ask!(self, call, call_layer_sizes)
    }

    /// The sizes of all directories down to a depth, in the order of [`walk`](Self::walk).
    ///
    /// # Errors
    /// When the component fails.
    pub fn directory_sizes(&self, depth: u32) -> Result<Pages<'_, DirectorySize>> {
        let sizes = ask!(self, call, call_directory_sizes, depth)?;
        let take: Take<DirectorySize> =
            |exports, store, it| exports.portolan_image_tree().directory_sizes().call_take(store, it, MOST);
        Ok(Pages::new(self, sizes, take))
    }

    /// What could be saved, with at most so many paths.
    ///
    /// # Errors
    /// When the component fails.
    pub fn waste(&self, most: u32) -> Result<Waste> {
        ask!(self, call, call_waste, most)
    }
}

/// The nodes of a tree, page by page.
pub type Walk<'a> = Pages<'a, Node>;

/// What one call of a resource answers.
type Take<T> = fn(&bindings::Toolkit, &mut Store<State>, ResourceAny) -> wasmtime::Result<Vec<T>>;

/// An answer that is too long for one call, page by page.
pub struct Pages<'a, T> {
    tree: &'a Tree,
    handle: ResourceAny,
    take: Take<T>,
    page: std::vec::IntoIter<T>,
}

impl<'a, T> Pages<'a, T> {
    fn new(tree: &'a Tree, handle: ResourceAny, take: Take<T>) -> Self {
        Self { tree, handle, take, page: Vec::new().into_iter() }
    }
}

impl<T> Iterator for Pages<'_, T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(item) = self.page.next() {
            return Some(Ok(item));
        }
        let page = self.tree.instance.borrow_mut().call(|exports, store| (self.take)(exports, store, self.handle));
        match page {
            Ok(page) => {
                self.page = page.into_iter();
                self.page.next().map(Ok)
            }
            Err(error) => Some(Err(error)),
        }
    }
}

impl<T> Drop for Pages<'_, T> {
    fn drop(&mut self) {
        // The component gets its memory back; one that has failed needs none any more.
        let _ = self.tree.instance.borrow_mut().call(|_, store| self.handle.resource_drop(store));
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
        let below = |base: &[u8], depth| -> Vec<Vec<u8>> {
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
