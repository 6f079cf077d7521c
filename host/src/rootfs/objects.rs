//! Contents of regular files, written as they are decoded and moved to their names later.

use super::attributes::{Attributes, Privileges, handle};
use crate::error::{Error, Result};
use crate::layer::{Batch, Change, Entry, Kind, Selection};
use crate::layers::Sink;
use crate::tree::Source;
use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags};
use rustix::io::Errno;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::sync::Mutex;

/// One directory a layer, holding each regular file of the layer under its ordinal.
///
/// Owner, mode, times and attributes are set while the file is open, and stay when it is moved.
pub struct Objects {
    layers: Vec<OwnedFd>,
    privileges: Privileges,
    lost: Mutex<HashMap<(u32, u32), Vec<&'static str>>>,
}

impl Objects {
    /// Makes the directories for so many layers.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn new(directory: BorrowedFd<'_>, layers: usize, privileges: Privileges) -> Result<Self> {
        let layers = (0..layers)
            .map(|layer| {
                crate::staging::make_directory(directory, &layer.to_string())
                    .map_err(Error::os("create", "the staging directory"))
            })
            .collect::<Result<_>>()?;
        Ok(Self { layers, privileges, lost: Mutex::new(HashMap::new()) })
    }

    /// Writes the files of one layer as its batches come, those that are selected.
    pub fn writer(&self, layer: usize, selection: Selection) -> Writer<'_> {
        Writer { objects: self, layer, selection, current: None }
    }

    /// Moves the content of a file to its name.
    pub(super) fn place(&self, source: &Source, parent: BorrowedFd<'_>, name: &OsStr) -> rustix::io::Result<()> {
        let layer = self.layers.get(source.layer as usize).ok_or(Errno::NOENT)?;
        let object = source.ordinal.to_string();
        // Never over something: what is there would be another path of the image, on a file system that ignores case.
        match rustix::fs::renameat_with(layer, &object, parent, name, RenameFlags::NOREPLACE) {
            // A file system that knows no flags.
            Err(Errno::INVAL | Errno::NOSYS) => match rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
                Err(Errno::NOENT) => rustix::fs::renameat(layer, &object, parent, name),
                Err(error) => Err(error),
                Ok(_) => Err(Errno::EXIST),
            },
            other => other,
        }
    }

    /// Adds what was lost of a file to a report.
    pub(super) fn lost(&self, source: &Source, path: &[u8], report: &mut Vec<String>) {
        if let Ok(lost) = self.lost.lock()
            && let Some(lost) = lost.get(&(source.layer, source.ordinal))
        {
            report.extend(lost.iter().map(|what| format!("{}: {what}", crate::text::path(path))));
        }
    }
}

/// Writes the files of one layer.
pub struct Writer<'a> {
    objects: &'a Objects,
    layer: usize,
    selection: Selection,
    current: Option<Current>,
}

struct Current {
    file: File,
    entry: Entry,
    size: u64,
    written: u64,
}

impl Sink for Writer<'_> {
    fn take(&mut self, batch: &Batch) -> Result<()> {
        for change in &batch.changes {
            match change {
                Change::Entry(entry) => {
                    self.close()?;
                    if let Kind::File(size) = entry.kind
                        && self.wants(entry.ordinal)
                    {
                        self.current = Some(self.create(entry, size)?);
                    }
                }
                Change::Content(content) => {
                    let Some(current) = &mut self.current else { continue };
                    let start = content.start as usize;
                    let bytes = batch
                        .bytes
                        .get(start..start + content.length as usize)
                        .ok_or_else(|| Error::Component(wasmtime::format_err!("content lies outside its batch")))?;
                    current
                        .file
                        .write_all_at(bytes, content.offset)
                        .map_err(Error::io("write", crate::text::path(&current.entry.path)))?;
                    current.written = content.offset + bytes.len() as u64;
                    if current.written == current.size {
                        self.close()?;
                    }
                }
                Change::Remove(_) | Change::Clear(_) => self.close()?,
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        self.close()
    }
}

impl Writer<'_> {
    fn wants(&self, ordinal: u32) -> bool {
        match &self.selection {
            Selection::All => true,
            Selection::None => false,
            Selection::Only(ordinals) => ordinals.binary_search(&ordinal).is_ok(),
        }
    }

    /// Ends the last file.
    fn close(&mut self) -> Result<()> {
        let Some(current) = self.current.take() else { return Ok(()) };
        let path = || crate::text::path(&current.entry.path);
        if current.written < current.size {
            // A hole at the end.
            current.file.set_len(current.size).map_err(Error::io("write", path()))?;
        }
        let lost = Attributes::of_entry(&current.entry).apply(handle(&current.file), &self.objects.privileges);
        let lost = lost.map_err(|error| Error::Privilege {
            path: path(),
            action: "set the attributes",
            source: error.into(),
        })?;
        if !lost.is_empty()
            && let Ok(mut all) = self.objects.lost.lock()
        {
            all.insert((u32::try_from(self.layer).unwrap_or(u32::MAX), current.entry.ordinal), lost);
        }
        Ok(())
    }

    fn create(&self, entry: &Entry, size: u64) -> Result<Current> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let name = entry.ordinal.to_string();
        let file = rustix::fs::openat(self.objects.layers[self.layer].as_fd(), name, flags, Mode::RUSR | Mode::WUSR)
            .map_err(Error::os("create", crate::text::path(&entry.path)))?;
        Ok(Current { file: file.into(), entry: entry.clone(), size, written: 0 })
    }
}
