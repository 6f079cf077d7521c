//! From an image to a runtime config.

use crate::error::{Error, Result};
use crate::layers::Layers;
use crate::rootfs::{Privileges, open_beneath};
use crate::toolkit::Toolkit;
use crate::tree::Tree;
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::BorrowedFd;

pub use crate::bindings::exports::portolan::image::runtime::{Inputs, Mapping, Mappings, RuntimeConfig};

/// How many bytes of a passwd or group file are read at most, before the toolkit applies its own limit.
const FILE_BYTES: u64 = 16 << 20;

/// Converts an image config to a `config.json`.
///
/// # Errors
/// What is wrong with the config, or that its user is not in the image.
pub fn convert(toolkit: &Toolkit, config: &[u8], inputs: &Inputs) -> Result<RuntimeConfig> {
    toolkit.instantiate()?.attempt(|exports, store| {
        exports.portolan_image_runtime().call_convert(store, config, inputs, toolkit.limits())
    })
}

/// Writes the `config.json` of a bundle beside its root filesystem, and answers the labels that were withheld.
pub(crate) fn write_config(
    layers: &Layers<'_>,
    tree: &mut Tree,
    bundle: BorrowedFd<'_>,
    rootfs: &str,
    privileges: &Privileges,
) -> Result<Vec<String>> {
    let Some(config) = &layers.image.raw_config else {
        return Err(Error::Source {
            path: layers.image.descriptor.digest.clone().into(),
            reason: format!("its config is {}, so there is nothing to run", layers.image.manifest.config.media_type),
        });
    };
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let only = |host| vec![Mapping { container: 0, host, size: 1 }];
    let inputs = Inputs {
        passwd: read(tree, bundle, rootfs, b"etc/passwd")?,
        group: read(tree, bundle, rootfs, b"etc/group")?,
        cmd: None,
        terminal: false,
        rootless: privileges.rootless.then(|| Mappings { uids: only(uid), gids: only(gid) }),
        steering_labels: false,
    };
    let converted = convert(layers.toolkit, config, &inputs)?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mode = Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::ROTH;
    let file = rustix::fs::openat(bundle, "config.json", flags, mode).map_err(Error::os("create", "config.json"))?;
    File::from(file).write_all(&converted.json).map_err(Error::io("write", "config.json"))?;
    Ok(converted.withheld)
}

/// A file of the unpacked image, every symbolic link on the way followed inside it by the tree; nothing when it is not
/// there or no regular file.
fn read(tree: &mut Tree, bundle: BorrowedFd<'_>, rootfs: &str, path: &[u8]) -> Result<Option<Vec<u8>>> {
    let Ok(node) = tree.resolve(path) else { return Ok(None) };
    if !matches!(node.kind, crate::layer::Kind::File(_)) {
        return Ok(None);
    }
    let mut beneath = rootfs.as_bytes().to_vec();
    beneath.push(b'/');
    beneath.extend_from_slice(&node.path);
    let file = match open_beneath(bundle, &beneath, OFlags::RDONLY | OFlags::CLOEXEC) {
        // Of an image that is unpacked in part it may be missing.
        Err(rustix::io::Errno::NOENT) => return Ok(None),
        file => file.map_err(Error::os("open", crate::text::path(path)))?,
    };
    let mut bytes = Vec::new();
    File::from(file).take(FILE_BYTES).read_to_end(&mut bytes).map_err(Error::io("read", crate::text::path(path)))?;
    Ok(Some(bytes))
}
