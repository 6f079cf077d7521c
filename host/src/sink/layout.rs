//! An image layout in a directory (image-layout.md).

use super::{Fetch, Sink, Stored};
use crate::copy::{Plan, Planned};
use crate::digest::{self, Verifier};
use crate::error::{Error, ErrorCode, Result};
use crate::interrupt::Interrupt;
use crate::layout::{self, Edit};
use crate::manifest::{self, Descriptor};
use crate::toolkit::Toolkit;
use rustix::fs::{FlockOperation, OFlags};
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Seek as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Where blobs are as long as not all of them is there.
const PARTIAL: &str = ".partial";
/// What the names of files begin with that are written beside their places.
const ASIDE: &str = ".portolan-partial-";
/// How often a run looks whether another one is done with what both want to write.
const PERIOD: Duration = Duration::from_millis(20);

/// An image layout in a directory, to which images are added.
///
/// A blob is written to `blobs/.partial` and moved to its place when it is whole and verified, so that a run which was
/// stopped is gone on with; a file is locked while it is written. What is put is listed at the end by one rename, under a
/// lock on the directory, so that two runs at once lose nothing.
pub struct Layout {
    toolkit: Toolkit,
    path: PathBuf,
    edits: Mutex<Vec<Edit>>,
    /// Directories that have new entries.
    changed: Mutex<BTreeSet<PathBuf>>,
}

impl Layout {
    /// A layout that is there or will be.
    ///
    /// # Errors
    /// [`Error::Destination`] when something else is there.
    pub fn new(toolkit: &Toolkit, path: &Path) -> Result<Self> {
        let refused = |reason: &str| Error::Destination { path: path.to_owned(), reason: reason.to_owned() };
        match fs::metadata(path) {
            Ok(metadata) if !metadata.is_dir() => return Err(refused("it is not a directory")),
            Ok(_) => {
                let marker = path.join("oci-layout");
                match read(&marker)? {
                    Some(bytes) => {
                        _ = manifest::parse_layout(toolkit, &bytes).map_err(|error| error.at_path(&marker))?
                    }
                    None => {
                        // What a run leaves behind that was stopped has only blobs.
                        let entries = fs::read_dir(path).map_err(Error::io("read", path))?;
                        for entry in entries {
                            let name = entry.map_err(Error::io("read", path))?.file_name();
                            if name != "blobs" && !is_aside(&name) {
                                return Err(refused("it is not empty and no image layout"));
                            }
                        }
                    }
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::io("open", path)(error)),
        }
        let (edits, changed) = (Mutex::default(), Mutex::default());
        Ok(Self { toolkit: toolkit.clone(), path: path.to_owned(), edits, changed })
    }

    fn blob(&self, digest: &str) -> PathBuf {
        // The grammar of digests, which the toolkit has checked, knows neither slashes nor dots alone.
        self.path.join("blobs").join(digest.replacen(':', "/", 1))
    }

    /// Opens the file of a blob that is not whole yet, and waits until nobody else writes to it.
    fn partial(&self, path: &Path, interrupt: &Interrupt) -> Result<File> {
        loop {
            let mut options = File::options();
            options.read(true).write(true).create(true).truncate(false);
            let file = match options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed()).open(path)
            {
                Ok(file) => file,
                // Another run was done with the directory, and removed it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    make_directory(path.parent().unwrap_or(&self.path))?;
                    continue;
                }
                Err(error) => return Err(Error::io("create", path)(error)),
            };
            // Not every file system locks: any other error is as good as the lock.
            while rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK) {
                interrupt.check()?;
                std::thread::sleep(PERIOD);
            }
            // Whoever had the lock may have moved the file to its place.
            let is_same = |there: fs::Metadata| file.metadata().is_ok_and(|here| here.ino() == there.ino());
            if fs::symlink_metadata(path).is_ok_and(is_same) {
                return Ok(file);
            }
        }
    }

    /// Writes what is missing of a blob, and answers how much that was.
    fn fill(&self, file: &mut File, path: &Path, descriptor: &Descriptor, fetch: &Fetch<'_>) -> Result<u64> {
        let io = |error| Error::io("write", path)(error);
        let mut verifier = Verifier::start(&self.toolkit, &descriptor.digest, descriptor.size)?;
        file.rewind().map_err(io)?;
        let there = file.metadata().map_err(io)?.len();
        let there = if there > descriptor.size { 0 } else { there };
        file.set_len(there).map_err(io)?;
        digest::each_chunk((&*file).take(there), |bytes| verifier.feed(bytes))?;
        let read = if there < descriptor.size || there == 0 {
            let reader = fetch(there)?.take((descriptor.size - there).saturating_add(1));
            digest::each_chunk(reader, |bytes| {
                verifier.feed(bytes)?;
                file.write_all(bytes).map_err(io)
            })?
        } else {
            0
        };
        verifier.finish()?;
        Ok(read)
    }

    /// Notes that a directory has to be written to the disk.
    fn note(&self, directory: &Path) {
        guard(&self.changed).insert(directory.to_owned());
    }
}

fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sink for Layout {
    fn prepare(&self, _: &Plan) -> Result<()> {
        make_directory(&self.path.join("blobs").join(PARTIAL))
    }

    fn has(&self, descriptor: &Descriptor) -> Result<bool> {
        let path = self.blob(&descriptor.digest);
        match fs::symlink_metadata(&path) {
            // Of another length it is not what it should be, and is replaced.
            Ok(metadata) => Ok(metadata.is_file() && metadata.len() == descriptor.size),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Error::io("read", path)(error)),
        }
    }

    fn put(&self, descriptor: &Descriptor, fetch: &Fetch<'_>, interrupt: &Interrupt) -> Result<Stored> {
        let path = self.path.join("blobs").join(PARTIAL).join(descriptor.digest.replacen(':', "-", 1));
        let mut file = self.partial(&path, interrupt)?;
        if self.has(descriptor)? {
            let _ = fs::remove_file(&path);
            return Ok(Stored::Present);
        }
        let had = file.metadata().map_err(Error::io("read", &path))?.len();
        let mut filled = self.fill(&mut file, &path, descriptor, fetch);
        if had > 0 && filled.as_ref().is_err_and(is_wrong) {
            // What was there may have been wrong: a file whose last blocks never reached the disk.
            file.set_len(0).map_err(Error::io("write", &path))?;
            filled = self.fill(&mut file, &path, descriptor, fetch);
        }
        let bytes = match filled {
            Ok(bytes) => bytes,
            Err(error) => {
                if is_wrong(&error) || file.metadata().is_ok_and(|metadata| metadata.len() == 0) {
                    let _ = fs::remove_file(&path);
                }
                return Err(error);
            }
        };
        file.sync_all().map_err(Error::io("write", &path))?;
        let place = self.blob(&descriptor.digest);
        let directory = place.parent().unwrap_or(&self.path);
        make_directory(directory)?;
        fs::rename(&path, &place).map_err(Error::io("create", &place))?;
        self.note(directory);
        Ok(Stored::Copied { bytes })
    }

    fn put_manifest(&self, planned: &Planned) -> Result<()> {
        let descriptor = &planned.descriptor;
        if !self.has(descriptor)? {
            let bytes = planned.bytes.as_slice();
            let rest = |offset: u64| usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..)).unwrap_or(&[]);
            self.put(descriptor, &|offset| Ok(Box::new(rest(offset))), &Interrupt::default())?;
        }
        let mut edits = guard(&self.edits);
        edits.extend(planned.tags.iter().map(|tag| Edit::Tag((tag.clone(), descriptor.clone()))));
        if planned.listed && planned.tags.is_empty() {
            edits.push(Edit::Add(descriptor.clone()));
        }
        Ok(())
    }

    fn finish(&self) -> Result<()> {
        let blobs = self.path.join("blobs");
        let _ = fs::remove_dir(blobs.join(PARTIAL));
        self.note(&blobs);
        for directory in guard(&self.changed).iter() {
            sync_directory(directory)?;
        }
        edit(&self.toolkit, &self.path, &guard(&self.edits))
    }

    fn kind(&self) -> &'static str {
        "image layout"
    }
}

/// What was made for nothing goes; whatever has something in it stays.
impl Drop for Layout {
    fn drop(&mut self) {
        let blobs = self.path.join("blobs");
        let algorithms = fs::read_dir(&blobs).into_iter().flatten().flatten().map(|entry| entry.path());
        let directories: Vec<PathBuf> = algorithms.chain([blobs.clone(), self.path.clone()]).collect();
        if self.path.join("oci-layout").exists() {
            let _ = fs::remove_dir(blobs.join(PARTIAL));
            return;
        }
        for directory in directories {
            let _ = fs::remove_dir(directory);
        }
    }
}

/// Changes what a layout lists, at once; a directory that is no layout yet becomes one.
///
/// # Errors
/// What [`layout::edit_index`] says of the edits, or what the operating system says.
pub fn edit(toolkit: &Toolkit, path: &Path, edits: &[Edit]) -> Result<()> {
    let directory = File::open(path).map_err(Error::io("open", path))?;
    // Held until the end; not every file system locks.
    if rustix::fs::flock(&directory, FlockOperation::LockExclusive).is_ok() {
        // Whoever wrote these under the lock is dead.
        let entries = fs::read_dir(path).map_err(Error::io("read", path))?.flatten();
        for entry in entries.filter(|entry| is_aside(&entry.file_name())) {
            let _ = fs::remove_file(entry.path());
        }
    }
    let marker = path.join("oci-layout");
    if read(&marker)?.is_none() {
        replace(&marker, &layout::marker(toolkit)?)?;
    }
    let place = path.join("index.json");
    let index = read(&place)?;
    let edited = layout::edit_index(toolkit, index.as_deref(), edits).map_err(|error| error.at_path(&place))?;
    if index.as_deref() != Some(&edited) {
        replace(&place, &edited)?;
    }
    sync_directory(path)
}

fn is_aside(name: &std::ffi::OsStr) -> bool {
    name.to_string_lossy().starts_with(ASIDE)
}

/// Whether an error says that bytes are not what was promised.
fn is_wrong(error: &Error) -> bool {
    matches!(error, Error::Image { code: ErrorCode::DigestMismatch | ErrorCode::SizeMismatch, .. })
}

/// A document of a layout, if it is there.
fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    match File::open(path) {
        Ok(file) => file.take(manifest::DOCUMENT_BYTES).read_to_end(&mut bytes).map_err(Error::io("read", path))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("open", path)(error)),
    };
    Ok(Some(bytes))
}

/// Writes a file beside its place and moves it there, so that it is always whole.
fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(ASIDE)
        .permissions(fs::Permissions::from_mode(0o666))
        .tempfile_in(directory)
        .map_err(Error::io("create", path))?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(Error::io("write", path))?;
    file.persist(path).map_err(|error| Error::io("create", path)(error.error))?;
    Ok(())
}

fn make_directory(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(Error::io("create", path))
}

fn sync_directory(path: &Path) -> Result<()> {
    match File::open(path).and_then(|directory| directory.sync_all()) {
        // Some file systems cannot, and lose nothing by it.
        Err(error) if error.kind() != io::ErrorKind::InvalidInput => Err(Error::io("write", path)(error)),
        _ => Ok(()),
    }
}
