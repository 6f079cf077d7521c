//! Removing what no manifest needs, and uploads that nobody went on with.

use super::{PRIVATE, Repository};
use crate::error::{Error, ErrorCode, Result};
use portolan_image::Digest;
use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// How long a file aside may be on its way to its name, whatever the grace time: a push that is at work now.
const ASIDE: Duration = Duration::from_secs(60);

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// How many blobs.
    pub blobs: u64,
    /// How many uploads, and other files that were begun and not ended.
    pub uploads: u64,
    /// How many bytes in all.
    pub bytes: u64,
}

impl std::ops::AddAssign for Collected {
    fn add_assign(&mut self, other: Self) {
        self.blobs += other.blobs;
        self.uploads += other.uploads;
        self.bytes += other.bytes;
    }
}

impl Repository {
    /// Removes blobs to which no manifest leads, and uploads, that nobody wrote to or asked for during the grace time.
    ///
    /// It is safe beside pushes: no manifest is added meanwhile, and whoever is told that a blob is there has the grace
    /// time to push a manifest that needs it.
    ///
    /// # Errors
    /// [`Error::Image`] when something is listed of which nobody knows what it needs, and [`Error::Io`].
    pub fn collect(&self, grace: Duration, dry_run: bool) -> Result<Collected> {
        let mut collected = self.collect_uploads(grace, dry_run)?;
        self.alone(|state| {
            if let Some(digest) = state.opaque().first() {
                let message = format!(
                    "{}: {digest} is listed and cannot be read as an index or manifest, so nobody knows which blobs it needs",
                    self.directory().display()
                );
                return Err(Error::Image { code: ErrorCode::InvalidDocument, message });
            }
            let mut needed: HashSet<&Digest> = HashSet::new();
            for manifest in state.manifests() {
                needed.insert(&manifest.digest);
                needed.extend(&manifest.mentioned);
                needed.extend(manifest.children.iter().map(|child| &child.digest));
            }
            for algorithm in children(&self.directory().join("blobs"))? {
                for path in children(&algorithm)? {
                    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
                    let (Some(algorithm), Some(encoded)) = (name(&algorithm), name(&path)) else { continue };
                    // What is no blob is not ours.
                    let Ok(digest) = format!("{algorithm}:{encoded}").parse::<Digest>() else { continue };
                    if needed.contains(&digest) {
                        continue;
                    }
                    if let Some(bytes) = remove_old(&path, grace, dry_run)? {
                        collected.blobs += 1;
                        collected.bytes += bytes;
                    }
                }
            }
            Ok(())
        })?;
        Ok(collected)
    }

    /// Removes uploads that nobody went on with for so long, and what a crash left aside.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn collect_uploads(&self, expiry: Duration, dry_run: bool) -> Result<Collected> {
        let mut collected = Collected::default();
        let uploads = children(&self.uploads_directory())?;
        let aside = children(&self.directory().join(PRIVATE))?;
        let uploads = uploads.into_iter().map(|path| (path, expiry));
        for (path, expiry) in uploads.chain(aside.into_iter().map(|path| (path, expiry.max(ASIDE)))) {
            let id = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if !path.is_file() || !is_old(&path, expiry) || !self.uploads.forget_idle(&id) {
                continue;
            }
            if let Some(bytes) = remove_old(&path, expiry, dry_run)? {
                collected.uploads += 1;
                collected.bytes += bytes;
            }
        }
        Ok(collected)
    }
}

/// The entries of a directory; none when it is not there.
fn children(directory: &Path) -> Result<Vec<std::path::PathBuf>> {
    match fs::read_dir(directory) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(Vec::new()),
        entries => {
            let entries = entries.map_err(Error::io("read", directory))?;
            let path = |entry: io::Result<fs::DirEntry>| entry.map(|entry| entry.path());
            entries.map(path).collect::<io::Result<_>>().map_err(Error::io("read", directory))
        }
    }
}

fn is_old(path: &Path, grace: Duration) -> bool {
    let modified = fs::symlink_metadata(path).and_then(|metadata| metadata.modified());
    modified.is_ok_and(|modified| SystemTime::now().duration_since(modified).is_ok_and(|age| age >= grace))
}

/// Removes a file that is older than the grace time; its size if it was.
fn remove_old(path: &Path, grace: Duration, dry_run: bool) -> Result<Option<u64>> {
    let Ok(metadata) = fs::symlink_metadata(path) else { return Ok(None) };
    if !metadata.is_file() || !is_old(path, grace) {
        return Ok(None);
    }
    if !dry_run {
        match fs::remove_file(path) {
            // An upload that was ended meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            done => done.map_err(Error::io("delete", path))?,
        }
    }
    Ok(Some(metadata.len()))
}
