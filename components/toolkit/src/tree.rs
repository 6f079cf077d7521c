//! The interface `tree`.

use crate::Component;
use crate::bindings::exports::portolan::image::layer::Change;
use crate::bindings::exports::portolan::image::tree::{
    Action, Difference, Differences as DifferencesHandle, DirectorySize, DirectorySizes as DirectorySizesHandle, Guest,
    GuestDifferences, GuestDirectorySizes, GuestTree, GuestWalk, LayerSize, Node, Source, Walk as WalkHandle, Waste,
    WastedPath,
};
use crate::bindings::exports::portolan::image::types::Limit;
use crate::types::{Error, Result, limits};
use portolan_image::glob::Glob;
use portolan_layer::tree;
use std::cell::RefCell;
use std::rc::Rc;

impl Guest for Component {
    type Tree = Tree;
    type Walk = Walk;
    type Differences = Differences;
    type DirectorySizes = DirectorySizes;
}

/// The tree of the layers applied so far, or why there is none.
pub(crate) struct Tree(Rc<RefCell<tree::Tree>>, Option<Error>);

/// A walk that is under way.
pub(crate) struct Walk {
    tree: Rc<RefCell<tree::Tree>>,
    cursor: RefCell<tree::Cursor>,
}

/// What a layer changed, as far as it is not taken yet.
pub(crate) struct Differences {
    tree: Rc<RefCell<tree::Tree>>,
    left: RefCell<tree::Differences>,
}

/// The sizes of directories, as far as they are not taken yet.
pub(crate) struct DirectorySizes {
    tree: Rc<RefCell<tree::Tree>>,
    sizes: tree::Sizes,
    cursor: RefCell<tree::Cursor>,
}

impl Tree {
    fn usable(&self) -> Result<&RefCell<tree::Tree>> {
        match &self.1 {
            None => Ok(&self.0),
            Some(error) => Err(error.clone()),
        }
    }
}

impl GuestTree for Tree {
    fn new(replaced: Vec<Limit>) -> Self {
        // A constructor cannot fail: what is wrong with the limits is said by the first call that can.
        let (limits, error) = match limits(&replaced) {
            Ok(limits) => (limits, None),
            Err(error) => (portolan_image::Limits::default(), Some(error)),
        };
        Self(Rc::new(RefCell::new(tree::Tree::new(limits))), error)
    }

    fn feed(&self, changes: Vec<Change>) -> Result<()> {
        let mut tree = self.usable()?.borrow_mut();
        for change in changes {
            tree.feed(change.into())?;
        }
        Ok(())
    }

    fn apply(&self) -> Result<()> {
        Ok(self.usable()?.borrow_mut().finish_layer()?)
    }

    fn walk(&self, pattern: Option<String>) -> Result<WalkHandle> {
        let tree = self.usable()?;
        let cursor = match pattern {
            None => tree.borrow().cursor(|_| true),
            Some(pattern) => {
                let glob = Glob::new(pattern.trim_start_matches('/'));
                tree.borrow().cursor(|path| glob.matches(path))
            }
        };
        Ok(WalkHandle::new(Walk { tree: Rc::clone(&self.0), cursor: RefCell::new(cursor) }))
    }

    fn find(&self, path: Vec<u8>) -> Result<Node> {
        Ok(self.usable()?.borrow().node(&path)?.into())
    }

    fn resolve(&self, path: Vec<u8>) -> Result<Node> {
        Ok(self.usable()?.borrow().resolve(&path)?.into())
    }

    fn children(&self, path: Vec<u8>) -> Result<Vec<Node>> {
        Ok(self.usable()?.borrow().list(&path)?.map(Node::from).collect())
    }

    fn diff(&self, layer: u32) -> Result<DifferencesHandle> {
        let tree = self.usable()?.borrow();
        if layer as usize >= tree.layers() {
            let reason = "there is no such layer";
            return Err(portolan_layer::Error::PathNotFound { path: layer.to_string().into_bytes(), reason }.into());
        }
        let left = RefCell::new(tree.differences(layer as usize));
        Ok(DifferencesHandle::new(Differences { tree: Rc::clone(&self.0), left }))
    }

    fn layer_sizes(&self) -> Vec<LayerSize> {
        let tree = self.0.borrow();
        (0..tree.layers())
            .filter_map(|layer| tree.summary(layer))
            .map(|summary| LayerSize {
                bytes: summary.bytes,
                entries: summary.entries,
                whiteouts: summary.whiteouts,
                added: summary.added,
                modified: summary.modified,
                removed: summary.removed,
            })
            .collect()
    }

    fn directory_sizes(&self, depth: u32) -> DirectorySizesHandle {
        let tree = self.0.borrow();
        let depth_of = |path: &[u8]| match path {
            [] => 0,
            path => 1 + path.iter().filter(|&&byte| byte == b'/').count(),
        };
        let cursor = RefCell::new(tree.cursor(|path| depth_of(path) <= depth as usize));
        DirectorySizesHandle::new(DirectorySizes { tree: Rc::clone(&self.0), sizes: tree.sizes(), cursor })
    }

    fn waste(&self, most: u32) -> Waste {
        let waste = self.0.borrow().waste(most as usize);
        Waste {
            total_bytes: waste.total_bytes,
            wasted_bytes: waste.wasted_bytes,
            efficiency: waste.efficiency,
            paths: waste
                .paths
                .into_iter()
                .map(|path| WastedPath { path: path.path, bytes: path.bytes, count: path.count })
                .collect(),
        }
    }
}

impl GuestWalk for Walk {
    fn take(&self, most: u32) -> Vec<Node> {
        let tree = self.tree.borrow();
        tree.take_nodes(&mut self.cursor.borrow_mut(), most as usize).into_iter().map(Node::from).collect()
    }
}

impl GuestDifferences for Differences {
    fn take(&self, most: u32) -> Vec<Difference> {
        let tree = self.tree.borrow();
        let taken = tree.take_differences(&mut self.left.borrow_mut(), most as usize);
        taken.into_iter().map(Difference::from).collect()
    }
}

impl GuestDirectorySizes for DirectorySizes {
    fn take(&self, most: u32) -> Vec<DirectorySize> {
        let tree = self.tree.borrow();
        let mut cursor = self.cursor.borrow_mut();
        let mut sizes = Vec::new();
        while sizes.len() < most as usize {
            let nodes = tree.take_nodes(&mut cursor, most as usize - sizes.len());
            if nodes.is_empty() {
                break;
            }
            let directories = nodes.into_iter().filter(|node| matches!(node.kind, portolan_layer::Kind::Directory));
            sizes.extend(directories.map(|node| DirectorySize {
                bytes: self.sizes.bytes(&node),
                paths: self.sizes.paths(&node),
                path: node.path,
            }));
        }
        sizes
    }
}

impl From<tree::Node<'_>> for Node {
    fn from(node: tree::Node<'_>) -> Self {
        Self {
            kind: node.kind.clone().into(),
            mode: node.mode,
            uid: node.owner.uid,
            gid: node.owner.gid,
            mtime: node.mtime.into(),
            xattrs: node.xattrs.iter().cloned().map(Into::into).collect(),
            layer: node.named,
            source: node.ordinal.map(|ordinal| Source { layer: node.layer, ordinal }),
            same_as: node.link,
            links: node.links,
            path: node.path,
        }
    }
}

impl From<tree::Difference> for Difference {
    fn from(difference: tree::Difference) -> Self {
        let is_directory = |stand: &tree::Stand| stand.kind == tree::Type::Directory;
        Self {
            path: difference.path,
            action: match (&difference.before, &difference.after) {
                (_, None) => Action::Removed,
                (None, Some(_)) => Action::Added,
                (Some(_), Some(_)) => Action::Modified,
            },
            is_directory: difference.after.as_ref().or(difference.before.as_ref()).is_some_and(is_directory),
            size_before: difference.before.map_or(0, |stand| stand.bytes),
            size_after: difference.after.map_or(0, |stand| stand.bytes),
            with_parent: difference.beneath_removed,
            removed_paths: difference.removed_paths,
            removed_bytes: difference.removed_bytes,
        }
    }
}
