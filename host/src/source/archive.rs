//! Tar archives that hold images, read in place: their members, and what kind of archive they are.

use super::{Blob, DockerArchive, LayoutArchive, Source};
use crate::error::{Error, Result};
use crate::toolkit::{Instance, Toolkit};
use std::fs::File;
use std::io::{self, Read, Seek as _};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use wasmtime::component::ResourceAny;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// An archive with its members.
pub(super) struct Archive {
    file: Arc<File>,
    path: PathBuf,
    members: Mutex<Instance>,
    handle: ResourceAny,
}

impl Archive {
    /// Reads the members of an archive. One that is compressed with gzip, or cannot be read at any offset, is copied to
    /// an unnamed temporary file first.
    pub(super) fn open(toolkit: &Toolkit, mut file: File, path: &Path) -> Result<Self> {
        let seekable = file.metadata().map_err(Error::io("read", path))?.is_file();
        let mut magic = [0; 2];
        if !seekable {
            file = spool(toolkit, file, path)?;
        }
        let length = file.read_at(&mut magic, 0).map_err(Error::io("read", path))?;
        if length == 2 && magic == GZIP_MAGIC {
            // A copy of a stream stands at its end.
            file.rewind().map_err(Error::io("read", path))?;
            let decoder = flate2::read::MultiGzDecoder::new(io::BufReader::new(file));
            file = spool(toolkit, decoder, path).map_err(|error| damaged(error, path))?;
        }
        let mut instance = toolkit.instantiate()?;
        let limits = toolkit.limits();
        let handle = instance
            .call(|exports, store| exports.portolan_image_archive().members().call_constructor(store, limits))?;
        let mut buffer = Vec::new();
        loop {
            let next =
                instance.call(|exports, store| exports.portolan_image_archive().members().call_next(store, handle))?;
            let Some(range) = next else { break };
            buffer.resize(range.length as usize, 0);
            let length = read_at(&file, &mut buffer, range.offset).map_err(Error::io("read", path))?;
            instance
                .attempt(|exports, store| {
                    exports.portolan_image_archive().members().call_supply(store, handle, &buffer[..length])
                })
                .map_err(|error| error.at_path(path))?;
        }
        Ok(Self { file: Arc::new(file), path: path.to_owned(), members: Mutex::new(instance), handle })
    }

    /// A member; links are followed only when asked for.
    pub(super) fn member(&self, name: &str, follow: bool) -> Result<Option<Blob>> {
        let handle = self.handle;
        let found = self
            .members
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .attempt(|exports, store| exports.portolan_image_archive().members().call_find(store, handle, name, follow))
            .map_err(|error| error.at_path(&self.path))?;
        Ok(found.map(|member| {
            let section = Section { file: Arc::clone(&self.file), offset: member.offset, remaining: member.size };
            Blob::new(section, member.size)
        }))
    }

    /// A member that has to be there.
    pub(super) fn required(&self, name: &str, follow: bool) -> Result<Blob> {
        self.member(name, follow)?.ok_or_else(|| Error::Source {
            path: self.path.clone(),
            reason: format!("the archive has no member {}", crate::text::printable(name)),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// Opens an archive whose content says what it is. Archives of Docker 25 and later are both kinds at once, and read as a
/// layout, which promises more.
pub(super) fn open_any(toolkit: &Toolkit, file: File, path: &Path) -> Result<Box<dyn Source>> {
    let archive = Archive::open(toolkit, file, path)?;
    if archive.member("oci-layout", false)?.is_some() {
        return Ok(Box::new(LayoutArchive::new(toolkit, archive)?));
    }
    if archive.member("manifest.json", true)?.is_some() {
        return Ok(Box::new(DockerArchive::new(toolkit, archive)?));
    }
    Err(Error::Source {
        path: path.to_owned(),
        reason: "the archive has neither an oci-layout nor a manifest.json".to_owned(),
    })
}

/// Copies a stream to an unnamed temporary file, which is gone when it is closed, whatever happens.
fn spool(toolkit: &Toolkit, reader: impl Read, path: &Path) -> Result<File> {
    let most = toolkit.limit("archive-bytes")?;
    let mut file = tempfile::tempfile().map_err(Error::io("create a temporary file for", path))?;
    let length = io::copy(&mut reader.take(most.saturating_add(1)), &mut file).map_err(Error::io("copy", path))?;
    if length > most {
        return Err(Error::exceeded(path.display(), most, "archive-bytes"));
    }
    Ok(file)
}

/// What a decoder says of damaged bytes is no matter of the system.
fn damaged(error: Error, path: &Path) -> Error {
    match error {
        Error::Io { source, .. }
            if matches!(
                source.kind(),
                io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof
            ) =>
        {
            Error::Image {
                code: crate::error::ErrorCode::InvalidCompression,
                message: format!("{}: the gzip stream is damaged: {source}", path.display()),
            }
        }
        other => other,
    }
}

/// Fills a buffer as far as the file goes.
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match file.read_at(&mut buffer[length..], offset + length as u64) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

/// Some bytes of a file, read without moving a position that others share.
struct Section {
    file: Arc<File>,
    offset: u64,
    remaining: u64,
}

impl Read for Section {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.remaining).unwrap_or(usize::MAX).min(buffer.len());
        let length = self.file.read_at(&mut buffer[..most], self.offset)?;
        self.offset += length as u64;
        self.remaining -= length as u64;
        Ok(length)
    }
}
