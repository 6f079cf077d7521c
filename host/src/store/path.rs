//! Where a repository lies below its root.
//!
//! The repository `a` is a layout in `a/`, so the repository `a/blobs` must not lie in `a/blobs/`, where the blobs of `a`
//! are. Components that are names of a layout's own files get an underscore before them, with which no component of a
//! name begins, so every name has a place of its own.

use super::PRIVATE;
use crate::error::{Error, Result};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// The files of a layout, all of which are components that the grammar of names allows.
const RESERVED: [&str; 3] = ["blobs", "index.json", "oci-layout"];

/// The directory of a repository whose name obeys the grammar.
pub(super) fn directory(root: &Path, name: &str) -> PathBuf {
    let mut directory = root.to_path_buf();
    for component in name.split('/') {
        if RESERVED.contains(&component) {
            directory.push(format!("_{component}"));
        } else {
            directory.push(component);
        }
    }
    directory
}

/// Adds the names of all repositories below a root.
pub(super) fn names(root: &Path, names: &mut BTreeSet<String>) -> Result<()> {
    walk(root, "", names)
}

fn walk(directory: &Path, name: &str, names: &mut BTreeSet<String>) -> Result<()> {
    let is_layout = !name.is_empty() && directory.join("oci-layout").is_file();
    if is_layout {
        names.insert(name.to_owned());
    }
    let entries = match fs::read_dir(directory) {
        // Removed meanwhile, or not ours to see.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => {
            return Ok(());
        }
        entries => entries.map_err(Error::io("read", directory))?,
    };
    for entry in entries {
        let entry = entry.map_err(Error::io("read", directory))?;
        let Ok(component) = entry.file_name().into_string() else { continue };
        let meant = component.strip_prefix('_').filter(|meant| RESERVED.contains(meant));
        if component == PRIVATE || is_layout && RESERVED.contains(&component.as_str()) {
            continue;
        }
        let component = meant.unwrap_or(&component);
        let inner = if name.is_empty() { component.to_owned() } else { format!("{name}/{component}") };
        // A root may hold anything; only what a request could name is of interest. Links below a root could go in circles.
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir() || kind.is_symlink() && name.is_empty());
        if is_directory && portolan_registry::server::route::check_name(&inner).is_ok() {
            walk(&entry.path(), &inner, names)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_lies_in_the_files_of_another() {
        let root = Path::new("/r");
        assert_eq!(directory(root, "a/b"), Path::new("/r/a/b"));
        assert_eq!(directory(root, "a/blobs/sha256"), Path::new("/r/a/_blobs/sha256"));
        assert_eq!(directory(root, "a/index.json"), Path::new("/r/a/_index.json"));
        assert_eq!(directory(root, "oci-layout"), Path::new("/r/_oci-layout"));
        // What is put before a component makes it one that no name has.
        assert!(portolan_registry::server::route::check_name("a/_blobs").is_err());
        assert!(portolan_registry::server::route::check_name(PRIVATE).is_err());
    }

    #[test]
    fn names_are_found_again() {
        let root = tempfile::tempdir().unwrap();
        let all = ["a", "a/blobs", "a/b/index.json", "blobs", "oci-layout/x", "z"];
        for name in all {
            let directory = directory(root.path(), name);
            fs::create_dir_all(directory.join("blobs/sha256")).unwrap();
            fs::write(directory.join("oci-layout"), "{}").unwrap();
        }
        fs::create_dir_all(root.path().join("Not A Name/x")).unwrap();
        let mut found = BTreeSet::new();
        names(root.path(), &mut found).unwrap();
        let mut sorted = all.to_vec();
        sorted.sort_unstable();
        assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), sorted);
    }
}
