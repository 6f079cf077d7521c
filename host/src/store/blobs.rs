//! The blobs of a layout: looking, writing aside, renaming.

use super::lock::Lock;
use super::{Failure, PRIVATE, Repository};
use crate::error::{Error, Result};
use portolan_image::Digest;
use portolan_image::digest::{Hashes as _, SoftwareHashes};
use portolan_registry::server::{Code, Refusal};
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How old a blob's time may be before a question for the blob renews it. Everything younger than the grace time of a
/// collection is safe from it, and that is longer.
const RENEW: Duration = Duration::from_secs(30);

/// How much of a file is read at once.
const CHUNK: usize = 1 << 20;

/// 128 random bits in hexadecimal, so that nobody guesses the upload of another.
pub(crate) fn random() -> Result<String> {
    let mut bytes = [0; 16];
    let path = "/dev/urandom";
    File::open(path).and_then(|mut file| file.read_exact(&mut bytes)).map_err(Error::io("read", path))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Lets the names in a directory survive a loss of power.
pub(super) fn sync_directory(directory: &Path) -> Result<()> {
    File::open(directory).and_then(|file| file.sync_all()).map_err(Error::io("write", directory))
}

/// Hashes a file from its start.
pub(super) fn hash_file(path: &Path, algorithm: &portolan_image::Algorithm) -> Result<Option<Digest>> {
    let Some(mut hash) = SoftwareHashes.start(algorithm) else { return Ok(None) };
    let mut file = File::open(path).map_err(Error::io("open", path))?;
    let mut buffer = vec![0; CHUNK];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(Some(Digest::from_hash(algorithm.clone(), &hash.finish()))),
            Ok(count) => hash.update(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::io("read", path)(error)),
        }
    }
}

impl Repository {
    /// Where a blob lies. A digest obeys its grammar, so this is never above the layout (G-10).
    pub(super) fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.directory().join("blobs").join(digest.algorithm().as_str()).join(digest.encoded())
    }

    /// Opens a blob, with its size.
    ///
    /// # Errors
    /// [`Code::BlobUnknown`], else [`Error::Io`].
    pub fn open_blob(&self, digest: &Digest) -> std::result::Result<(File, u64), Failure> {
        let path = self.blob_path(digest);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if is_missing(&error) => return Err(unknown(digest).into()),
            Err(error) => return Err(Error::io("open", &path)(error).into()),
        };
        let metadata = file.metadata().map_err(Error::io("open", &path))?;
        if !metadata.is_file() {
            return Err(unknown(digest).into());
        }
        Ok((file, metadata.len()))
    }

    /// Whether a blob is there.
    #[must_use]
    pub fn has_blob(&self, digest: &Digest) -> bool {
        fs::metadata(self.blob_path(digest)).is_ok_and(|metadata| metadata.is_file())
    }

    /// The size of a blob that somebody is going to rely on: a collection will spare it for its grace time.
    ///
    /// # Errors
    /// [`Code::BlobUnknown`], else [`Error::Io`].
    pub fn hold_blob(&self, digest: &Digest) -> std::result::Result<u64, Failure> {
        let (file, size) = self.open_blob(digest)?;
        if self.rules().read_only {
            return Ok(size);
        }
        let path = self.blob_path(digest);
        let modified = file.metadata().and_then(|metadata| metadata.modified()).map_err(Error::io("open", &path))?;
        let now = SystemTime::now();
        if now.duration_since(modified).is_ok_and(|age| age < RENEW) {
            return Ok(size);
        }
        // A collection that has just found it old must be over before it is said to be there.
        let _lock = Lock::shared(self.directory())?;
        match file.set_modified(now) {
            // A layout of somebody else, that we may read: nobody collects there in our name.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
            done => done.map_err(Error::io("write", &path))?,
        }
        drop(file);
        if self.has_blob(digest) { Ok(size) } else { Err(unknown(digest).into()) }
    }

    /// Writes a blob whose bytes are known to have this digest.
    pub(super) fn write_blob(&self, digest: &Digest, bytes: &[u8]) -> Result<()> {
        let aside = self.aside("blob")?;
        let write = |path: &Path| {
            let mut file = File::create_new(path)?;
            file.write_all(bytes)?;
            file.sync_all()
        };
        write(&aside).map_err(Error::io("write", &aside)).and_then(|()| self.keep(&aside, digest)).inspect_err(|_| {
            let _ = fs::remove_file(&aside);
        })
    }

    /// A new path for something that will be renamed into its place.
    pub(super) fn aside(&self, what: &str) -> Result<PathBuf> {
        Ok(self.private()?.join(format!("{what}-{}", random()?)))
    }

    /// The directory for what is not a part of the layout.
    pub(super) fn private(&self) -> Result<PathBuf> {
        let directory = self.directory().join(PRIVATE);
        fs::create_dir_all(&directory).map_err(Error::io("create", &directory))?;
        Ok(directory)
    }

    /// Renames a file that is verified and synchronised to be the blob.
    ///
    /// One that is there already is replaced: what was just verified is at least as good.
    pub(super) fn keep(&self, aside: &Path, digest: &Digest) -> Result<()> {
        let path = self.blob_path(digest);
        let directory = path.parent().unwrap_or(self.directory());
        match fs::rename(aside, &path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(directory).map_err(Error::io("create", directory))?;
                fs::rename(aside, &path).map_err(Error::io("create", &path))?;
                sync_directory(&self.directory().join("blobs"))?;
            }
            done => done.map_err(Error::io("create", &path))?,
        }
        sync_directory(directory)
    }

    /// Takes a blob from another repository by a hard link; answers whether that could be done.
    ///
    /// # Errors
    /// [`Error::Io`]; that the other has no such blob, or lies on another file system, is none.
    pub fn mount(&self, from: &Self, digest: &Digest) -> std::result::Result<bool, Failure> {
        if from.hold_blob(digest).is_err() {
            return Ok(false);
        }
        if self.has_blob(digest) && self.hold_blob(digest).is_ok() {
            return Ok(true);
        }
        let aside = self.aside("link")?;
        if fs::hard_link(from.blob_path(digest), &aside).is_err() {
            return Ok(false);
        }
        self.keep(&aside, digest)?;
        Ok(true)
    }

    /// Removes a blob that is no manifest.
    ///
    /// # Errors
    /// [`Code::BlobUnknown`], [`Code::Denied`] for a manifest, else [`Error::Io`].
    pub fn delete_blob(&self, digest: &Digest) -> std::result::Result<(), Failure> {
        if self.state()?.manifest(digest).is_some() {
            let message = format!("{digest} is a manifest: delete it as one, under manifests/");
            return Err(Refusal::new(Code::Denied, message).with_status(405).into());
        }
        let path = self.blob_path(digest);
        match fs::remove_file(&path) {
            Err(error) if is_missing(&error) => Err(unknown(digest).into()),
            done => Ok(done.map_err(Error::io("delete", &path))?),
        }
    }
}

/// The refusal of a blob that is not there.
pub(crate) fn unknown(digest: &Digest) -> Refusal {
    Refusal::new(Code::BlobUnknown, format!("blob {digest} is not there"))
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidFilename)
}
