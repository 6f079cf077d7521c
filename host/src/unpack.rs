//! Unpacking an image to a root filesystem or a bundle: everything verified before anything appears.

use crate::error::{Error, ErrorCode, Result};
use crate::layer::{Selection, Summary};
use crate::layers::Layers;
use crate::rootfs::{Made, Objects, Privileges, Rootfs};
use crate::runtime;
use crate::staging::Staging;
use crate::tree::Tree;
use std::collections::BTreeMap;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// How to unpack.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether the destination becomes a bundle, with `rootfs` and `config.json`, instead of a root filesystem.
    pub bundle: bool,
    /// What may be done with the privileges at hand.
    pub privileges: Privileges,
    /// Only what this glob pattern matches, with the directories above.
    pub only: Option<String>,
}

/// What was unpacked.
#[derive(Clone, Debug)]
pub struct Unpacked {
    /// What was made.
    pub made: Made,
    /// The layers, bottom first.
    pub layers: Vec<Summary>,
    /// The keys of labels that did not enter a bundle's config, since they would steer the runtime.
    pub withheld: Vec<String>,
}

const ROOTFS: &str = "rootfs";
const OBJECTS: &str = "objects";
const BUNDLE: &str = "bundle";

/// Unpacks the layers of an image to a destination, which must not exist or be an empty directory.
///
/// Until everything is verified and in place nothing appears at the destination; after an error, nothing does, and no
/// temporary file stays.
///
/// # Errors
/// What is wrong with the image, the destination or the run.
pub fn unpack(layers: &Layers<'_>, destination: &Path, options: &Options) -> Result<Unpacked> {
    let staging = Staging::new(destination)?;
    let objects = staging.directory(OBJECTS)?;
    let objects = Objects::new(objects.as_fd(), layers.image.manifest.layers.len(), options.privileges)?;

    let (mut tree, summaries) = match &options.only {
        None => layers.read(|_| Selection::All, |layer| Ok(objects.writer(layer, Selection::All)))?,
        Some(pattern) => {
            // Which contents are wanted is known only when all layers are merged.
            let (mut tree, _) = layers.tree()?;
            let wanted = contents(&mut tree, pattern)?;
            let select = |layer: usize| Selection::Only(wanted.get(&(layer as u32)).cloned().unwrap_or_default());
            layers.read(select, |layer| Ok(objects.writer(layer, select(layer))))?
        }
    };
    let holder = if options.bundle { staging.directory(BUNDLE)? } else { duplicate(&staging)? };
    let root = crate::staging::make_directory(holder.as_fd(), ROOTFS)
        .map_err(Error::os("create", staging.path().join(ROOTFS)))?;
    let mut rootfs = Rootfs::new(root, &objects, options.privileges);
    for (count, node) in tree.walk(options.only.as_deref())?.enumerate() {
        if count % 1024 == 0 {
            layers.interrupt.check()?;
        }
        rootfs.make(&node?)?;
    }
    let made = rootfs.finish()?;
    let withheld = if options.bundle {
        runtime::write_config(layers, &mut tree, holder.as_fd(), ROOTFS, &options.privileges)?
    } else {
        Vec::new()
    };
    layers.interrupt.check()?;
    staging.publish(if options.bundle { BUNDLE } else { ROOTFS })?;
    Ok(Unpacked { made, layers: summaries, withheld })
}

/// The ordinals of the contents that a pattern needs, by layer.
fn contents(tree: &mut Tree, pattern: &str) -> Result<BTreeMap<u32, Vec<u32>>> {
    let mut wanted: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    let mut is_empty = true;
    for node in tree.walk(Some(pattern))? {
        let node = node?;
        is_empty &= node.path.is_empty();
        if let Some(source) = node.source {
            wanted.entry(source.layer).or_default().push(source.ordinal);
        }
    }
    if is_empty {
        let message = format!("nothing in the image matches {pattern}");
        return Err(Error::Image { code: ErrorCode::PathNotFound, message });
    }
    for ordinals in wanted.values_mut() {
        ordinals.sort_unstable();
        ordinals.dedup();
    }
    Ok(wanted)
}

fn duplicate(staging: &Staging) -> Result<OwnedFd> {
    staging.root().try_clone_to_owned().map_err(Error::io("open", staging.path()))
}
