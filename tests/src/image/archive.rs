//! A layout as one tar file.

use super::layout::{File, Layout};
use crate::tar;
use std::collections::BTreeSet;

impl Layout {
    /// The layout as an oci-archive: one tar of its files, directories first.
    #[must_use]
    pub fn oci_archive(&self) -> Vec<u8> {
        archive(self.to_files())
    }

    /// The oci-archive in one gzip member.
    #[must_use]
    pub fn oci_archive_gzip(&self) -> Vec<u8> {
        super::gzip(&self.oci_archive())
    }
}

/// A tar of files with their parent directories.
pub(super) fn archive(files: impl IntoIterator<Item = (String, File)>) -> Vec<u8> {
    let mut seen = BTreeSet::new();
    let mut out = tar::Builder::new();
    for (path, file) in files {
        for (slash, _) in path.match_indices('/') {
            if seen.insert(path[..slash].to_owned()) {
                out = out.dir(&path[..=slash]);
            }
        }
        out = match file {
            File::Bytes(bytes) => out.file(path, bytes),
            File::Symlink(target) => out.symlink(path, target),
        };
    }
    out.build()
}
