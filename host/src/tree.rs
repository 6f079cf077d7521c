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
