//! One repository: reading its layout again when somebody changed it, and changing it in groups.

use super::lock::Lock;
use super::state::State;
use super::uploads::Uploads;
use super::{Failure, Rules, blobs};
use crate::error::{Error, ErrorCode, Result};
use bytes::Bytes;
use portolan_image::layout::{Layout, Listing, Untagged};
use portolan_image::{Digest, Limits};
use portolan_registry::server::{Code, Pushed, Refusal, condition};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};

/// The bytes that an `index.json` may have: a repository of a million tags.
const INDEX_BYTES: u64 = 512 << 20;
/// The entries that an `index.json` may have.
const INDEX_ENTRIES: u64 = 4_000_000;

/// A change of what a repository lists.
#[derive(Clone, Debug)]
pub enum Edit {
    /// Lists a manifest, under tags if there are any.
    Put {
        /// The manifest.
        pushed: Arc<Pushed>,
        /// Its bytes, which have its digest.
        bytes: Bytes,
        /// The tags.
        tags: Vec<String>,
        /// The values of `If-Match` and `If-None-Match`, which are about what the first tag, or the digest, named before.
        conditions: (Option<String>, Option<String>),
    },
    /// Takes a tag away; the manifest stays (W-21).
    DeleteTag(String),
    /// Removes a manifest with all its tags (W-21).
    DeleteManifest(Digest),
}

/// One repository, which is one image layout.
pub struct Repository {
    name: String,
    directory: PathBuf,
    rules: Rules,
    read: RwLock<(Option<Stamp>, Arc<State>)>,
    queue: Mutex<Queue>,
    done: Condvar,
    pub(super) uploads: Uploads,
}

/// By what a change of `index.json` is seen: it is always replaced, never written in place, by us and by most others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    size: u64,
    changed: (i64, i64),
    modified: (i64, i64),
}

#[derive(Default)]
struct Queue {
    next: u64,
    waiting: Vec<(u64, Edit)>,
    is_led: bool,
    answers: std::collections::HashMap<u64, std::result::Result<(), Failure>>,
}

impl Repository {
    pub(super) fn new(name: String, directory: PathBuf, rules: Rules) -> Self {
        Self {
            name,
            directory,
            rules,
            read: RwLock::default(),
            queue: Mutex::default(),
            done: Condvar::new(),
            uploads: Uploads::default(),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its layout.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Makes the directory a layout, where it is none: `blobs`, `index.json`, and last `oci-layout` (Y-01 to Y-03).
    pub(super) fn prepare(&self) -> Result<()> {
        if self.directory.join("oci-layout").is_file() {
            return Ok(());
        }
        let blobs = self.directory.join("blobs");
        fs::create_dir_all(&blobs).map_err(Error::io("create", &blobs))?;
        let lock = Lock::exclusive(&self.directory)?;
        let layout = self.directory.join("oci-layout");
        if layout.is_file() {
            return Ok(());
        }
        if !self.index_path().is_file() {
            self.replace(&self.index_path(), &Listing::default().to_bytes())?;
        }
        self.replace(&layout, &Layout::bytes())?;
        lock.sync(&self.directory)?;
        self.directory.parent().map_or(Ok(()), blobs::sync_directory)
    }

    fn index_path(&self) -> PathBuf {
        self.directory.join("index.json")
    }

    /// Replaces a file by one that is written aside. Whoever calls has the lock.
    fn replace(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        let aside = self.aside("file")?;
        let write = || {
            let mut file = File::create_new(&aside)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&aside, path)
        };
        write().map_err(Error::io("write", path)).inspect_err(|_| {
            let _ = fs::remove_file(&aside);
        })
    }

    /// What the repository holds now. The layout is read again when somebody else changed it.
    ///
    /// # Errors
    /// [`Error::Io`], and [`Error::Image`] when `index.json` is none.
    pub fn state(&self) -> Result<Arc<State>> {
        let stamp = self.stamp()?;
        {
            let read = self.read.read().unwrap_or_else(PoisonError::into_inner);
            if read.0.is_some() && read.0 == stamp {
                return Ok(Arc::clone(&read.1));
            }
        }
        let mut read = self.read.write().unwrap_or_else(PoisonError::into_inner);
        self.reload(&mut read)?;
        Ok(Arc::clone(&read.1))
    }

    fn reload(&self, read: &mut (Option<Stamp>, Arc<State>)) -> Result<()> {
        let stamp = self.stamp()?;
        if read.0.is_some() && read.0 == stamp {
            return Ok(());
        }
        let limits = &self.rules.limits;
        let listing = match stamp {
            // No index yet: it lists nothing.
            None => Listing::default(),
            Some(_) => {
                let bytes = fs::read(self.index_path()).map_err(Error::io("read", self.index_path()))?;
                let limits = Limits {
                    manifest_bytes: limits.manifest_bytes.max(INDEX_BYTES),
                    index_entries: limits.index_entries.max(INDEX_ENTRIES),
                    ..limits.clone()
                };
                Listing::parse(&bytes, &limits).map_err(|error| malformed(self, &error))?
            }
        };
        // A stamp taken before the reading: if it changed meanwhile, the next question reads again.
        *read = (stamp, Arc::new(State::read(self, listing, read.1.known(), limits)?));
        Ok(())
    }

    fn stamp(&self) -> Result<Option<Stamp>> {
        match fs::metadata(self.index_path()) {
            Ok(found) => Ok(Some(Stamp {
                inode: found.ino(),
                size: found.size(),
                changed: (found.ctime(), found.ctime_nsec()),
                modified: (found.mtime(), found.mtime_nsec()),
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("open", self.index_path())(error)),
        }
    }

    /// Keeps a manifest: its bytes first, then that it is listed.
    ///
    /// # Errors
    /// As [`Repository::commit`].
    pub fn put(&self, edit: Edit) -> std::result::Result<(), Failure> {
        // Outside of the lock, so that many do it at a time.
        if let Edit::Put { pushed, bytes, .. } = &edit
            && !self.rules.read_only
        {
            self.write_blob(&pushed.digest, bytes)?;
        }
        self.commit(edit)
    }

    /// Changes what the repository lists, and answers when that is on disk.
    ///
    /// Many callers at once are served by one of them: it takes all changes that wait, writes `index.json` once for all,
    /// and tells the others. So two hundred pushes at a time do not wait for two hundred times the disk.
    ///
    /// # Errors
    /// What is refused: a condition that does not hold (412), what is not there (404), a manifest that needs what is not
    /// there; else [`Error::Io`].
    pub fn commit(&self, edit: Edit) -> std::result::Result<(), Failure> {
        if self.rules.read_only {
            return Err(Refusal::new(Code::Denied, "this registry is read-only").into());
        }
        let mut queue = self.queue();
        let ticket = queue.next;
        queue.next += 1;
        queue.waiting.push((ticket, edit));
        loop {
            if let Some(answer) = queue.answers.remove(&ticket) {
                return answer;
            }
            if queue.is_led {
                queue = self.done.wait(queue).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            queue.is_led = true;
            let batch = std::mem::take(&mut queue.waiting);
            drop(queue);
            let (tickets, edits): (Vec<u64>, Vec<Edit>) = batch.into_iter().unzip();
            let answers = self.apply(&edits);
            queue = self.queue();
            queue.answers.extend(tickets.into_iter().zip(answers));
            queue.is_led = false;
            self.done.notify_all();
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Applies changes in their order under the lock of the layout; one answer each.
    fn apply(&self, edits: &[Edit]) -> Vec<std::result::Result<(), Failure>> {
        let broken = |error: &Error| {
            let again = || Error::Usage(format!("{}: {}", self.name, chain(error)));
            edits.iter().map(|_| Err(Failure::Broken(again()))).collect()
        };
        match self.apply_together(edits) {
            Ok(answers) => answers,
            Err(error) => broken(&error),
        }
    }

    fn apply_together(&self, edits: &[Edit]) -> Result<Vec<std::result::Result<(), Failure>>> {
        let lock = Lock::exclusive(&self.directory)?;
        let mut read = self.read.write().unwrap_or_else(PoisonError::into_inner);
        self.reload(&mut read)?;
        let before = Arc::clone(&read.1);
        drop(read);
        let mut draft = Draft {
            repository: self,
            before: &before,
            listing: before.listing.clone(),
            known: before.known().clone(),
            removed: Vec::new(),
        };
        let answers: Vec<_> = edits.iter().map(|edit| draft.apply(edit)).collect();
        let Draft { listing, known, removed, .. } = draft;
        if listing != before.listing || !removed.is_empty() {
            if listing != before.listing {
                self.replace(&self.index_path(), &listing.to_bytes())?;
                lock.sync(&self.directory)?;
            }
            for digest in &removed {
                // It is no longer listed; that it stays a file is no harm.
                let _ = fs::remove_file(self.blob_path(digest));
            }
            let state = State::read(self, listing, &known, &self.rules.limits)?;
            *self.read.write().unwrap_or_else(PoisonError::into_inner) = (self.stamp()?, Arc::new(state));
        }
        Ok(answers)
    }

    /// Does something while nobody else changes the layout, with what it holds.
    pub(super) fn alone<T>(&self, work: impl FnOnce(&State) -> Result<T>) -> Result<T> {
        let _lock = Lock::exclusive(&self.directory)?;
        let state = self.state()?;
        work(&state)
    }
}

/// Changes that are not written yet.
struct Draft<'a> {
    repository: &'a Repository,
    before: &'a State,
    listing: Listing,
    known: std::collections::HashMap<Digest, Arc<Pushed>>,
    removed: Vec<Digest>,
}

impl Draft<'_> {
    fn apply(&mut self, edit: &Edit) -> std::result::Result<(), Failure> {
        match edit {
            Edit::Put { pushed, bytes, tags, conditions } => self.put(pushed, bytes, tags, conditions),
            Edit::DeleteTag(tag) => {
                if self.tag(tag).is_none() || !self.listing.remove_tag(tag, Untagged::Keep) {
                    return Err(unknown(&self.repository.name, tag).into());
                }
                Ok(())
            }
            Edit::DeleteManifest(digest) => {
                if self.known.remove(digest).is_none() {
                    return Err(unknown(&self.repository.name, &digest.to_string()).into());
                }
                self.listing.remove_digest(digest);
                self.removed.push(digest.clone());
                Ok(())
            }
        }
    }

    /// What a tag names by now. Entries are few hundred bytes each, and this is asked only for deletes and conditions.
    fn tag(&self, tag: &str) -> Option<Digest> {
        if self.listing == self.before.listing {
            return self.before.tag(tag).cloned();
        }
        let entries = self.listing.entries().unwrap_or_default();
        entries.into_iter().find(|entry| entry.tag.as_deref() == Some(tag)).map(|entry| entry.descriptor.digest)
    }

    fn put(
        &mut self,
        pushed: &Arc<Pushed>,
        bytes: &Bytes,
        tags: &[String],
        (if_match, if_none_match): &(Option<String>, Option<String>),
    ) -> std::result::Result<(), Failure> {
        if if_match.is_some() || if_none_match.is_some() {
            let present = match tags.first() {
                Some(tag) => self.tag(tag),
                None => self.known.contains_key(&pushed.digest).then(|| pushed.digest.clone()),
            };
            if !condition::allows_write(if_match.as_deref(), if_none_match.as_deref(), present.as_ref()) {
                let found = present.map_or_else(|| "nothing".to_owned(), |digest| digest.to_string());
                let message = format!("the condition does not hold: {found} is there");
                return Err(Refusal::new(Code::Denied, message).with_status(412).into());
            }
        }
        if self.repository.rules.complete {
            let children = pushed.children.iter().map(|child| &child.digest);
            if let Some(missing) = pushed.blobs.iter().chain(children).find(|digest| !self.repository.has_blob(digest))
            {
                let message = format!("{} needs {missing}, which is not there: push it first", pushed.digest);
                return Err(Refusal::new(Code::ManifestBlobUnknown, message).into());
            }
        }
        // It was written before this was queued; a delete or a collection may have come between.
        self.removed.retain(|removed| *removed != pushed.digest);
        if !self.repository.has_blob(&pushed.digest) {
            self.repository.write_blob(&pushed.digest, bytes)?;
        }
        let descriptor = pushed.descriptor();
        for tag in tags {
            self.listing.set_tag(tag, &descriptor, Untagged::Keep);
        }
        if tags.is_empty() {
            self.listing.add(&descriptor);
        }
        self.known.insert(pushed.digest.clone(), Arc::clone(pushed));
        Ok(())
    }
}

/// The refusal of a manifest that is not there.
pub(crate) fn unknown(name: &str, reference: &str) -> Refusal {
    Refusal::new(Code::ManifestUnknown, format!("{name} has no manifest {reference}"))
}

/// An error with its causes in one line, for those who waited for the work of another.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

pub(super) fn malformed(repository: &Repository, error: &portolan_image::Error) -> Error {
    let message = format!("{}: {error}", repository.index_path().display());
    Error::Image { code: ErrorCode::InvalidDocument, message }
}
