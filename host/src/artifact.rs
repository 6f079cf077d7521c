//! Artifacts: files with titles and types, kept where images are.

use crate::digest;
use crate::error::{Error, Result};
use crate::interrupt::Interrupt;
use crate::manifest::{self, Annotation, Descriptor, Document};
use crate::progress::{Progress, Watched};
use crate::source::{Blob, Source};
use crate::toolkit::Toolkit;
use rustix::fs::{AtFlags, Mode, OFlags, linkat, mkdirat, openat, renameat, unlinkat};
use rustix::io::Errno;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Cursor};
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};

pub use crate::bindings::exports::portolan::image::artifact::{Packed, Parts};

/// A file of an artifact.
#[derive(Clone, Debug)]
pub struct Input {
    /// Where it is.
    pub path: PathBuf,
    /// The name that it gets, which may be a relative path.
    pub title: String,
    /// Its media type.
    pub media_type: String,
}

/// An artifact that is made of files on disk: a place that holds nothing else.
#[derive(Debug)]
pub struct Files {
    index: Vec<u8>,
    packed: Packed,
    files: HashMap<String, PathBuf>,
}

/// Computes the digests of files.
///
/// # Errors
/// When one cannot be read, or its title or media type is none.
pub fn describe(toolkit: &Toolkit, inputs: &[Input], interrupt: &Interrupt) -> Result<Vec<(Descriptor, PathBuf)>> {
    let describe = |input: &Input| {
        interrupt.check()?;
        let file = File::open(&input.path).map_err(Error::io("read", &input.path))?;
        if !file.metadata().map_err(Error::io("read", &input.path))?.is_file() {
            return Err(Error::Usage(format!("{} is no regular file", input.path.display())));
        }
        let (digest, size) = digest::compute(toolkit, "sha256", file)?;
        let descriptor = toolkit.instantiate()?.attempt(|exports, store| {
            let artifact = exports.portolan_image_artifact();
            artifact.call_describe(store, &input.media_type, &digest, size, &input.title)
        })?;
        Ok((descriptor, input.path.clone()))
    };
    inputs.iter().map(describe).collect()
}

impl Files {
    /// Packs files into an artifact; `config` and `files` are what [`describe`] answers.
    ///
    /// # Errors
    /// When nothing says what the artifact is.
    pub fn pack(
        toolkit: &Toolkit,
        artifact_type: Option<String>,
        config: Option<(Descriptor, PathBuf)>,
        files: Vec<(Descriptor, PathBuf)>,
        subject: Option<Descriptor>,
        annotations: Vec<Annotation>,
    ) -> Result<Self> {
        let plain =
            |(descriptor, path): (Descriptor, PathBuf)| (Descriptor { annotations: Vec::new(), ..descriptor }, path);
        let config = config.map(plain);
        let parts = Parts {
            artifact_type,
            config: config.as_ref().map(|(descriptor, _)| descriptor.clone()),
            files: files.iter().map(|(descriptor, _)| descriptor.clone()).collect(),
            subject,
            annotations,
        };
        let mut instance = toolkit.instantiate()?;
        let packed = instance.attempt(|exports, store| exports.portolan_image_artifact().call_pack(store, &parts))?;
        let index = instance
            .attempt(|exports, store| exports.portolan_image_registry().call_index_of(store, &packed.descriptor))?;
        let files = files.into_iter().chain(config).map(|(descriptor, path)| (descriptor.digest, path)).collect();
        Ok(Self { index, packed, files })
    }

    /// The descriptor of the manifest.
    #[must_use]
    pub fn descriptor(&self) -> &Descriptor {
        &self.packed.descriptor
    }
}

impl Source for Files {
    fn index(&self) -> Result<Vec<u8>> {
        Ok(self.index.clone())
    }

    fn fetch(&self, descriptor: &Descriptor) -> Result<Option<Blob>> {
        if descriptor.digest == self.packed.descriptor.digest {
            let bytes = self.packed.bytes.clone();
            let size = bytes.len() as u64;
            return Ok(Some(Blob::new(Cursor::new(bytes), size)));
        }
        let Some(path) = self.files.get(&descriptor.digest) else { return Ok(None) };
        let file = File::open(path).map_err(Error::io("read", path))?;
        let size = file.metadata().map_err(Error::io("read", path))?.len();
        Ok(Some(Blob::new(file, size)))
    }

    fn referrers(&self, _: &str) -> Result<Vec<Descriptor>> {
        Ok(Vec::new())
    }

    fn kind(&self) -> &'static str {
        "files"
    }
}

/// What became of the files of an artifact.
#[derive(Clone, Debug, Default)]
pub struct Written {
    /// The paths beneath the directory, and what stands there.
    pub files: Vec<(String, Descriptor)>,
    /// Blobs without a title.
    pub untitled: Vec<Descriptor>,
}

/// Writes the files of an artifact beneath a directory, which is made when it is missing. Nothing appears before all of
/// them are verified, and no link on the way is followed.
///
/// # Errors
/// `invalid-path` for a title that leads elsewhere, or what is wrong with a blob; a file that is there is replaced.
pub fn write(
    toolkit: &Toolkit,
    source: &dyn Source,
    root: &Descriptor,
    directory: &Path,
    progress: &dyn Progress,
    interrupt: &Interrupt,
) -> Result<Written> {
    let bytes = manifest::fetch(toolkit, source, root, "manifest-bytes")?;
    let Document::Image(manifest) = manifest::parse(toolkit, &bytes, Some(&root.media_type))? else {
        return Err(Error::Usage(format!(
            "{} is an index of several artifacts; choose one by its digest",
            root.digest
        )));
    };
    let mut instance = toolkit.instantiate()?;
    let mut written = Written::default();
    let mut titled = Vec::new();
    for layer in manifest.layers {
        let title = instance.attempt(|exports, store| exports.portolan_image_artifact().call_title(store, &layer))?;
        match title {
            Some(title) => titled.push((title, layer)),
            None => written.untitled.push(layer),
        }
    }
    std::fs::create_dir_all(directory).map_err(Error::io("create", directory))?;
    let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
    let top = rustix::fs::open(directory, flags, Mode::empty()).map_err(Error::os("open", directory))?;
    let mut ready = Vec::new();
    for (title, layer) in &titled {
        let blob = match (source.fetch(layer)?, &layer.data) {
            (Some(blob), _) => blob,
            (None, Some(data)) => Blob::new(Cursor::new(data.clone()), data.len() as u64),
            (None, None) => return Err(Error::missing(&layer.digest)),
        };
        // Without a name: what is not finished leaves nothing behind.
        let (parent, name) = parent(&top, title).map_err(Error::os("create", directory.join(title)))?;
        let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
        let file =
            openat(&parent, ".", flags, Mode::from(0o644)).map_err(Error::os("create", directory.join(title)))?;
        progress.begin(&layer.digest, layer.size);
        let reader = Watched { reader: blob, digest: &layer.digest, progress, interrupt };
        let mut file = File::from(file);
        digest::verify(toolkit, &layer.digest, layer.size, Tee { reader, writer: &mut file })?;
        progress.end(&layer.digest);
        ready.push((file, parent, name, title, layer));
    }
    for (file, parent, name, title, layer) in ready {
        appear(&file, &parent, &name).map_err(Error::os("write", directory.join(title)))?;
        written.files.push((title.clone(), layer.clone()));
    }
    Ok(written)
}

/// Writes what is read.
struct Tee<'a, R> {
    reader: R,
    writer: &'a mut File,
}

impl<R: io::Read> io::Read for Tee<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.reader.read(buffer)?;
        io::Write::write_all(self.writer, &buffer[..length])?;
        Ok(length)
    }
}

/// The directory of a path beneath another one, made where it is missing, and the last component.
fn parent(top: &OwnedFd, path: &str) -> rustix::io::Result<(OwnedFd, String)> {
    let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut components: Vec<&str> = path.split('/').collect();
    let name = components.pop().unwrap_or_default().to_owned();
    let mut directory = top.try_clone().map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    for component in components {
        match mkdirat(&directory, component, Mode::from(0o755)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error),
        }
        directory = openat(&directory, component, flags, Mode::empty())?;
    }
    Ok((directory, name))
}

/// Gives a file its name, in place of another one that may be there.
fn appear(file: &File, parent: &OwnedFd, name: &str) -> rustix::io::Result<()> {
    let opened = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&file.as_fd()));
    match linkat(rustix::fs::CWD, &opened, parent, name, AtFlags::SYMLINK_FOLLOW) {
        Err(Errno::EXIST) => {
            let aside = format!(".{}.portolan-partial", std::process::id());
            let _ = unlinkat(parent, &aside, AtFlags::empty());
            linkat(rustix::fs::CWD, &opened, parent, &aside, AtFlags::SYMLINK_FOLLOW)?;
            renameat(parent, &aside, parent, name)
        }
        result => result,
    }
}
