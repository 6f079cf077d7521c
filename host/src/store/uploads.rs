//! Uploads that are under way: a file each, with the bytes so far, so that they outlive the server.

use super::{Failure, Repository, blobs};
use crate::error::{Error, Result};
use bytes::Bytes;
use portolan_image::digest::{Hash, Hashes as _, SoftwareHashes};
use portolan_image::{Algorithm, Digest};
use portolan_registry::server::{Code, Refusal};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The uploads of a repository that this process knows.
#[derive(Default)]
pub(super) struct Uploads(Mutex<HashMap<String, Arc<Shared>>>);

/// An upload as those see it who wait for their turn.
pub struct Shared {
    /// How many bytes there are.
    received: AtomicU64,
    /// The upload; one request at a time goes on with it.
    pub upload: Arc<tokio::sync::Mutex<Upload>>,
}

impl Shared {
    /// How many bytes there are.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::SeqCst)
    }
}

/// An upload that is under way.
pub struct Upload {
    path: PathBuf,
    file: File,
    received: u64,
    /// The hash so far; none when the upload was taken up again, so that the file has to be read once more.
    hash: Option<(Algorithm, Box<dyn Hash>)>,
    shared: std::sync::Weak<Shared>,
}

impl Upload {
    /// How many bytes there are.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Says in which algorithm the digest will be. Matters only before the first byte: later the file is read again.
    pub fn expect(&mut self, algorithm: &Algorithm) {
        let is_other = self.hash.as_ref().is_some_and(|(hashed, _)| hashed != algorithm);
        if is_other && self.received == 0 {
            self.hash = SoftwareHashes.start(algorithm).map(|hash| (algorithm.clone(), hash));
        }
    }

    /// Adds bytes at the end. When that fails the upload is as it was before.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn append(&mut self, pieces: &[Bytes]) -> Result<()> {
        let mut added = 0;
        for piece in pieces {
            if let Err(error) = self.file.write_all(piece) {
                let _ = self.truncate(self.received);
                return Err(Error::io("write", &self.path)(error));
            }
            added += piece.len() as u64;
        }
        if let Some((_, hash)) = &mut self.hash {
            for piece in pieces {
                hash.update(piece);
            }
        }
        self.received += added;
        self.publish();
        Ok(())
    }

    /// Forgets what came after so many bytes.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn truncate(&mut self, received: u64) -> Result<()> {
        self.file.set_len(received).map_err(Error::io("write", &self.path))?;
        if received != self.received {
            self.hash = None;
        }
        self.received = received;
        self.publish();
        Ok(())
    }

    fn publish(&self) {
        if let Some(shared) = self.shared.upgrade() {
            shared.received.store(self.received, Ordering::SeqCst);
        }
    }
}

impl Repository {
    /// Begins an upload; `algorithm` is the one in which its digest will be, as far as it is known (U-08).
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn begin(&self, algorithm: &Algorithm) -> Result<(String, Arc<Shared>)> {
        let id = blobs::random()?;
        let path = self.upload_path(&id);
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).map_err(Error::io("create", directory))?;
        }
        let file = File::options().append(true).read(true).create_new(true).open(&path);
        let file = file.map_err(Error::io("create", &path))?;
        let hash = SoftwareHashes.start(algorithm).map(|hash| (algorithm.clone(), hash));
        Ok((id.clone(), self.uploads.insert(&id, path, file, 0, hash)))
    }

    /// The upload of an identifier, also one that another process began.
    ///
    /// # Errors
    /// [`Code::BlobUploadUnknown`], else [`Error::Io`].
    pub fn upload(&self, id: &str) -> std::result::Result<Arc<Shared>, Failure> {
        if let Some(known) = self.uploads.lock().get(id) {
            return Ok(Arc::clone(known));
        }
        let unknown = || Refusal::new(Code::BlobUploadUnknown, "there is no such upload: begin a new one");
        // It becomes a path, so it is one that was made here or nothing.
        if id.len() != 32 || !id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) || self.rules().read_only
        {
            return Err(unknown().into());
        }
        let path = self.upload_path(id);
        let Ok(file) = File::options().append(true).read(true).open(&path) else { return Err(unknown().into()) };
        let received = file.metadata().map_err(Error::io("open", &path))?.len();
        Ok(self.uploads.insert(id, path, file, received, None))
    }

    /// Ends an upload: what was received is the blob of this digest, or nothing.
    ///
    /// # Errors
    /// [`Code::DigestInvalid`], after which the upload is gone (row 38); else [`Error::Io`].
    pub fn finish(&self, id: &str, upload: &mut Upload, digest: &Digest) -> std::result::Result<(), Failure> {
        upload.expect(digest.algorithm());
        let actual = match upload.hash.take() {
            Some((algorithm, hash)) if algorithm == *digest.algorithm() => {
                Some(Digest::from_hash(algorithm, &hash.finish()))
            }
            _ => blobs::hash_file(&upload.path, digest.algorithm())?,
        };
        if actual.as_ref() != Some(digest) {
            self.cancel(id)?;
            let actual = actual.map_or_else(|| "of no known algorithm".to_owned(), |actual| actual.to_string());
            let message =
                format!("the digest of the {} bytes received is {actual}, expected {digest}", upload.received);
            return Err(Refusal::new(Code::DigestInvalid, message).into());
        }
        upload.file.sync_all().map_err(Error::io("write", &upload.path))?;
        match self.keep(&upload.path, digest) {
            // A collection of another process held it for forgotten.
            Err(_) if !upload.path.exists() && !self.has_blob(digest) => {
                self.uploads.lock().remove(id);
                return Err(
                    Refusal::new(Code::BlobUploadUnknown, "the upload was removed meanwhile: begin a new one").into()
                );
            }
            kept => kept?,
        }
        self.uploads.lock().remove(id);
        Ok(())
    }

    /// Gives an upload up (U-17).
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn cancel(&self, id: &str) -> Result<()> {
        self.uploads.lock().remove(id);
        let path = self.upload_path(id);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("delete", &path)(error)),
            _ => Ok(()),
        }
    }

    fn upload_path(&self, id: &str) -> PathBuf {
        self.uploads_directory().join(id)
    }

    pub(super) fn uploads_directory(&self) -> PathBuf {
        self.directory().join(super::PRIVATE).join("uploads")
    }
}

impl Uploads {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Shared>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets an upload, unless a request is going on with it; answers whether it may be deleted.
    pub(super) fn forget_idle(&self, id: &str) -> bool {
        let mut uploads = self.lock();
        let is_busy = uploads.get(id).is_some_and(|shared| shared.upload.try_lock().is_err());
        if !is_busy {
            uploads.remove(id);
        }
        !is_busy
    }

    fn insert(
        &self,
        id: &str,
        path: PathBuf,
        file: File,
        received: u64,
        hash: Option<(Algorithm, Box<dyn Hash>)>,
    ) -> Arc<Shared> {
        let new = || {
            Arc::new_cyclic(|shared| Shared {
                received: AtomicU64::new(received),
                upload: Arc::new(tokio::sync::Mutex::new(Upload {
                    path,
                    file,
                    received,
                    hash,
                    shared: shared.clone(),
                })),
            })
        };
        Arc::clone(self.lock().entry(id.to_owned()).or_insert_with(new))
    }
}
