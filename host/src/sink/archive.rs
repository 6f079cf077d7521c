//! A tar archive whose members are known before their contents: blobs are written to their places in it, at once and in
//! any order, and the same image always gives the same bytes.

use super::{Fetch, Stored};
use crate::copy::Plan;
use crate::digest::{self, Verifier};
use crate::error::{Error, Result};
use crate::manifest::Descriptor;
use crate::toolkit::Toolkit;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Seek as _};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

const BLOCK: u64 = 512;

/// An archive that is being written, beside its place.
pub(super) struct Archive {
    toolkit: Toolkit,
    path: PathBuf,
    replace: bool,
    state: Mutex<Option<State>>,
}

struct State {
    file: tempfile::NamedTempFile,
    /// Where the contents of blobs begin.
    offsets: BTreeMap<String, u64>,
    /// Blobs that are not there yet.
    missing: BTreeSet<String>,
}

/// What a member is.
enum Member {
    Directory,
    Bytes(Vec<u8>),
    Blob(Box<Descriptor>),
}

impl Archive {
    pub(super) fn new(toolkit: &Toolkit, path: &Path, replace: bool) -> Result<Self> {
        let archive = Self { toolkit: toolkit.clone(), path: path.to_owned(), replace, state: Mutex::new(None) };
        archive.check_free()?;
        Ok(archive)
    }

    fn is_standard_output(&self) -> bool {
        self.path.as_os_str() == "-"
    }

    fn check_free(&self) -> Result<()> {
        let refused = |reason: &str| Err(Error::Destination { path: self.path.clone(), reason: reason.to_owned() });
        match fs::symlink_metadata(&self.path) {
            _ if self.is_standard_output() => Ok(()),
            Ok(metadata) if metadata.is_dir() => refused("it is a directory, and an archive was asked for"),
            Ok(_) if !self.replace => refused("it exists already"),
            _ => Ok(()),
        }
    }

    /// Writes everything but the blobs: headers, the documents, and these other members.
    pub(super) fn prepare(&self, plan: &Plan, documents: Vec<(&str, Vec<u8>)>) -> Result<()> {
        let mut members: BTreeMap<String, Member> = BTreeMap::new();
        for (name, bytes) in documents {
            members.insert(name.to_owned(), Member::Bytes(bytes));
        }
        for blob in &plan.blobs {
            members.insert(name(&blob.digest), Member::Blob(Box::new(blob.clone())));
        }
        for planned in &plan.manifests {
            members.insert(name(&planned.descriptor.digest), Member::Bytes(planned.bytes.clone()));
        }
        let names: Vec<String> = members.keys().cloned().collect();
        for name in names {
            for (at, _) in name.match_indices('/') {
                members.insert(name[..=at].to_owned(), Member::Directory);
            }
        }
        let file = self.create()?;
        let (mut offsets, mut missing) = (BTreeMap::new(), BTreeSet::new());
        let io = |error| Error::io("write", &self.path)(error);
        let mut at = 0;
        for (name, member) in members {
            let size = match &member {
                Member::Directory => 0,
                Member::Bytes(bytes) => bytes.len() as u64,
                Member::Blob(descriptor) => descriptor.size,
            };
            let header = header(&name, size).map_err(io)?;
            file.as_file().write_all_at(&header, at).map_err(io)?;
            at += header.len() as u64;
            match member {
                Member::Directory => {}
                Member::Bytes(bytes) => file.as_file().write_all_at(&bytes, at).map_err(io)?,
                Member::Blob(descriptor) => {
                    offsets.insert(descriptor.digest.clone(), at);
                    missing.insert(descriptor.digest);
                }
            }
            at = size.checked_next_multiple_of(BLOCK).and_then(|size| at.checked_add(size)).ok_or_else(|| {
                Error::Destination { path: self.path.clone(), reason: "the archive would be too large".to_owned() }
            })?;
        }
        // An archive ends in two blocks of zeros.
        file.as_file().set_len(at + 2 * BLOCK).map_err(io)?;
        *self.state() = Some(State { file, offsets, missing });
        Ok(())
    }

    fn create(&self) -> Result<tempfile::NamedTempFile> {
        let mut builder = tempfile::Builder::new();
        if self.is_standard_output() {
            return builder.tempfile().map_err(Error::io("create a temporary file for", "standard output"));
        }
        let directory = match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let name = self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        builder
            .prefix(&format!(".{name}."))
            .suffix(".portolan-partial")
            .permissions(fs::Permissions::from_mode(0o666))
            .tempfile_in(directory)
            .map_err(Error::io("create", &self.path))
    }

    fn state(&self) -> MutexGuard<'_, Option<State>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a blob to its place.
    pub(super) fn put(&self, descriptor: &Descriptor, fetch: &Fetch<'_>) -> Result<Stored> {
        let (file, mut at) = match &*self.state() {
            Some(state) => {
                let offset = state.offsets.get(&descriptor.digest).copied();
                let offset = offset.ok_or_else(|| Error::missing(&descriptor.digest))?;
                (state.file.as_file().try_clone().map_err(Error::io("open", &self.path))?, offset)
            }
            None => return Err(Error::missing(&descriptor.digest)),
        };
        let mut verifier = Verifier::start(&self.toolkit, &descriptor.digest, descriptor.size)?;
        let reader = io::Read::take(fetch(0)?, descriptor.size.saturating_add(1));
        let bytes = digest::each_chunk(reader, |bytes| {
            // Before it is written: nothing may reach the next member.
            verifier.feed(bytes)?;
            file.write_all_at(bytes, at).map_err(Error::io("write", &self.path))?;
            at += bytes.len() as u64;
            Ok(())
        })?;
        verifier.finish()?;
        if let Some(state) = &mut *self.state() {
            state.missing.remove(&descriptor.digest);
        }
        Ok(Stored::Copied { bytes })
    }

    /// Moves the archive to its place, or writes it to standard output.
    pub(super) fn finish(&self) -> Result<()> {
        let Some(mut state) = self.state().take() else { return Ok(()) };
        if let Some(missing) = state.missing.first() {
            return Err(Error::missing(missing));
        }
        if self.is_standard_output() {
            let file = state.file.as_file_mut();
            file.rewind().map_err(Error::io("read", "the temporary file"))?;
            let mut output: &File = &standard_output()?;
            io::copy(file, &mut output).map_err(Error::io("write to", "standard output"))?;
            return Ok(());
        }
        state.file.as_file().sync_all().map_err(Error::io("write", &self.path))?;
        self.check_free()?;
        let persisted =
            if self.replace { state.file.persist(&self.path) } else { state.file.persist_noclobber(&self.path) };
        persisted.map_err(|error| Error::io("create", &self.path)(error.error))?;
        Ok(())
    }
}

/// Standard output as a file, so that copying to it needs no buffer of its own.
fn standard_output() -> Result<File> {
    use std::os::fd::AsFd as _;
    let output = io::stdout().as_fd().try_clone_to_owned().map_err(Error::io("open", "standard output"))?;
    Ok(File::from(output))
}

fn name(digest: &str) -> String {
    format!("blobs/{}", digest.replacen(':', "/", 1))
}

/// The blocks before the contents of a member. A name that does not fit stands in a member of its own.
fn header(name: &str, size: u64) -> io::Result<Vec<u8>> {
    let mut header = tar::Header::new_gnu();
    let is_directory = name.ends_with('/');
    header.set_entry_type(if is_directory { tar::EntryType::Directory } else { tar::EntryType::Regular });
    header.set_mode(if is_directory { 0o755 } else { 0o644 });
    header.set_size(size);
    let mut builder = tar::Builder::new(Vec::new());
    builder.append_data(&mut header, name, io::empty())?;
    Ok(builder.get_ref().clone())
}
