//! An image layout in a directory (image-layout.md).

use super::{Blob, Source};
use crate::error::{Error, Result};
use crate::manifest::{self, Descriptor, Referrers};
use crate::toolkit::Toolkit;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io::{Seek as _, SeekFrom};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// An image layout in a directory. Nothing beneath it is reached through a symbolic link.
#[derive(Debug)]
pub struct Layout {
    root: OwnedFd,
    path: PathBuf,
    referrers: Referrers,
}

impl Layout {
    /// Opens a directory that has an `oci-layout` file of a version we know.
    ///
    /// # Errors
    /// [`Error::Source`] when it is no layout.
    pub fn open(toolkit: &Toolkit, path: &Path) -> Result<Self> {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        let root = rustix::fs::open(path, flags, Mode::empty()).map_err(Error::os("open", path))?;
        let layout = Self { root, path: path.to_owned(), referrers: Referrers::new(toolkit) };
        let Some((marker, size)) = layout.file("oci-layout")? else {
            return Err(Error::Source { path: layout.path, reason: "the directory has no oci-layout file".to_owned() });
        };
        manifest::parse_layout(toolkit, &Blob::new(marker, size).read_whole(manifest::DOCUMENT_BYTES)?)?;
        Ok(layout)
    }

    /// A regular file beneath the layout; nothing when it is not there.
    fn file(&self, name: &str) -> Result<Option<(File, u64)>> {
        let path = self.path.join(name);
        let mut directory = None;
        let mut rest = name;
        let fd = loop {
            let at = directory.as_ref().unwrap_or(&self.root);
            let (component, flags) = match rest.split_once('/') {
                Some((component, after)) => {
                    rest = after;
                    (component, OFlags::DIRECTORY | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC)
                }
                None => {
                    break rustix::fs::openat(
                        at,
                        rest,
                        // A fifo in place of a blob must not make us wait for its writer.
                        OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK,
                        Mode::empty(),
                    );
                }
            };
            match rustix::fs::openat(at, component, flags, Mode::empty()) {
                Ok(fd) => directory = Some(fd),
                Err(error) => break Err(error),
            }
        };
        let file = match fd {
            Ok(fd) => File::from(fd),
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP) => {
                return Err(Error::Source {
                    path,
                    reason: "a symbolic link cannot stand for a file of a layout".into(),
                });
            }
            Err(error) => return Err(Error::os("open", path)(error)),
        };
        let metadata = file.metadata().map_err(Error::io("read", &path))?;
        if !metadata.is_file() {
            return Err(Error::Source { path, reason: "it is not a regular file".to_owned() });
        }
        Ok(Some((file, metadata.len())))
    }

    fn blob(&self, digest: &str) -> Result<Option<(File, u64)>> {
        let (algorithm, encoded) = digest.split_once(':').unwrap_or(("", digest));
        self.file(&format!("blobs/{algorithm}/{encoded}"))
    }
}

impl Source for Layout {
    fn index(&self) -> Result<Vec<u8>> {
        match self.file("index.json")? {
            Some((file, size)) => Blob::new(file, size).read_whole(manifest::DOCUMENT_BYTES),
            None => {
                Err(Error::Source { path: self.path.clone(), reason: "the image layout has no index.json".to_owned() })
            }
        }
    }

    fn fetch(&self, descriptor: &Descriptor) -> Result<Option<Blob>> {
        let file = self.blob(&descriptor.digest)?;
        Ok(file.map(|(file, size)| Blob::new(file, size)))
    }

    fn fetch_from(&self, descriptor: &Descriptor, offset: u64) -> Result<Option<Blob>> {
        let Some((mut file, size)) = self.blob(&descriptor.digest)? else { return Ok(None) };
        file.seek(SeekFrom::Start(offset)).map_err(Error::io("read", self.path.join(&descriptor.digest)))?;
        Ok(Some(Blob::new(file, size.saturating_sub(offset))))
    }

    fn referrers(&self, digest: &str) -> Result<Vec<Descriptor>> {
        self.referrers.find(self, digest)
    }

    fn kind(&self) -> &'static str {
        "image layout"
    }
}
