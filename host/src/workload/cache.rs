//! Compiled code, kept for the next run.
//!
//! Code is machine code: whoever can write it can do anything as this user. So the directory belongs to the user alone, and
//! nothing in it came from an image (row 56): only what this program compiled itself is put there.

use crate::digest;
use crate::error::{Error, Result};
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use wasmtime::Engine;

/// The hexadecimal digits of SHA-256, with which every file begins.
const DIGEST: usize = 64;

/// A directory with compiled code.
#[derive(Clone, Debug)]
pub struct Cache {
    directory: PathBuf,
}

impl Cache {
    /// The user's own: `portolan/workloads` where caches are kept; nothing when there is no such place.
    ///
    /// # Errors
    /// As [`Cache::at`].
    pub fn of_user() -> Result<Option<Self>> {
        let directory = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let caches = directory("XDG_CACHE_HOME").or_else(|| directory("HOME").map(|home| home.join(".cache")));
        caches.map(|caches| Self::at(&caches.join("portolan/workloads"))).transpose()
    }

    /// A directory, made when it is missing.
    ///
    /// # Errors
    /// [`Error::Destination`] when somebody else could write there.
    pub fn at(directory: &Path) -> Result<Self> {
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
        made.map_err(Error::io("create", directory))?;
        let metadata = std::fs::symlink_metadata(directory).map_err(Error::io("look at", directory))?;
        let is_mine = metadata.uid() == rustix::process::geteuid().as_raw();
        if !metadata.is_dir() || !is_mine || metadata.mode() & 0o022 != 0 {
            let reason = "others can write there, and compiled code is run as it is; make it yours, with mode 0700";
            return Err(Error::Destination { path: directory.to_owned(), reason: reason.to_owned() });
        }
        Ok(Self { directory: directory.to_owned() })
    }

    /// The file of a program's code, which fits this engine and no other.
    fn path(&self, engine: &Engine, digest: &str) -> PathBuf {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        self.directory.join(format!("{}-{:016x}", digest.replace(':', "-"), hasher.finish()))
    }

    /// The code of a program; nothing when it is not there, or not whole, or not this user's.
    pub(super) fn load(&self, engine: &Engine, digest: &str) -> Option<Vec<u8>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(rustix::fs::open(self.path(engine, digest), flags, Mode::empty()).ok()?);
        let metadata = file.metadata().ok()?;
        let is_mine = metadata.uid() == rustix::process::geteuid().as_raw();
        if !metadata.is_file() || !is_mine || metadata.mode() & 0o022 != 0 {
            return None;
        }
        let mut promised = [0; DIGEST];
        file.read_exact(&mut promised).ok()?;
        let mut code = Vec::with_capacity(usize::try_from(metadata.len()).ok()?);
        file.read_to_end(&mut code).ok()?;
        let found = digest::of(&code).ok()?;
        (found.as_bytes().get("sha256:".len()..) == Some(&promised[..])).then_some(code)
    }

    /// Keeps the code of a program. Whoever reads sees all of it or nothing.
    pub(super) fn store(&self, engine: &Engine, digest: &str, code: &[u8]) -> Result<()> {
        let failed = |error| Error::io("write", self.directory.clone())(error);
        let mut file = tempfile::NamedTempFile::new_in(&self.directory).map_err(failed)?;
        let own = digest::of(code)?;
        file.write_all(own.trim_start_matches("sha256:").as_bytes()).map_err(failed)?;
        file.write_all(code).map_err(failed)?;
        file.persist(self.path(engine, digest)).map_err(|error| failed(error.error))?;
        Ok(())
    }
}
