//! Many repositories on disk, each an image layout: what `portolan serve` keeps.
//!
//! A repository of a root lies in the directory of its name. Everything in it is what the image-spec says of a layout,
//! and other tools may read it while it is served; what a layout does not have, such as uploads, is kept in `.portolan`
//! beside `index.json`. Blobs are written aside, verified and renamed; `index.json` is written last, aside, under a
//! `flock` of the directory, and renamed. So whatever is acknowledged is whole, whenever the power goes.

mod blobs;
mod garbage;
mod lock;
mod path;
mod repository;
mod state;
mod uploads;

pub(crate) use blobs::{random, unknown as unknown_blob};
pub use garbage::Collected;
pub(crate) use repository::unknown as unknown_manifest;
pub use repository::{Edit, Repository};
pub use state::State;
pub use uploads::{Shared as SharedUpload, Upload};

use crate::error::{Error, Result};
use portolan_registry::server::Refusal;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::{fmt, fs, io};

/// The directory in a layout, or in a root, for what a layout does not have. No repository can have this name.
const PRIVATE: &str = ".portolan";

/// Why something is not done.
#[derive(Debug)]
pub enum Failure {
    /// The rules of the protocol refuse it.
    Refused(Refusal),
    /// It went wrong here.
    Broken(Error),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => f.write_str(&refusal.message),
            Self::Broken(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Failure {}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Broken(error)
    }
}

/// Where repositories are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// One layout, served under a name.
    Layout {
        /// The name of the repository.
        name: String,
        /// The layout.
        directory: PathBuf,
    },
    /// A directory under which every repository is a layout in the directory of its name.
    Root(PathBuf),
}

impl Place {
    /// Reads `NAME=DIR` or `DIR`: a directory that has an `oci-layout` is one repository, called NAME or as the directory
    /// is; any other is a root.
    ///
    /// # Errors
    /// [`Error::Usage`] when a name is given for a root, or when the name is none.
    pub fn parse(text: &str) -> Result<Self> {
        let is_layout = |directory: &Path| directory.join("oci-layout").is_file();
        let check = |name: &str, advice: &str| {
            let checked = portolan_registry::server::route::check_name(name);
            checked.map_err(|refusal| Error::Usage(format!("{}{advice}", refusal.message)))
        };
        // A directory whose own name has an equals sign is meant where it exists.
        if let Some((name, directory)) = text.split_once('=').filter(|_| !Path::new(text).exists()) {
            let directory = PathBuf::from(directory);
            if directory.exists() && !is_layout(&directory) {
                let directory = directory.display();
                return Err(Error::Usage(format!(
                    "{directory} is no layout, so it cannot be served as {name}: leave the name out"
                )));
            }
            return Ok(Self::Layout { name: check(name, "")?, directory });
        }
        let directory = PathBuf::from(text);
        if !is_layout(&directory) {
            return Ok(Self::Root(directory));
        }
        let full = fs::canonicalize(&directory).map_err(Error::io("open", &directory))?;
        let name = full.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(Self::Layout { name: check(&name, "; serve it as NAME=DIR")?, directory })
    }
}

/// What is kept, and how.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Whether nothing may be written.
    pub read_only: bool,
    /// What a manifest may ask for; `manifest-bytes` is the largest that is taken (U-37).
    pub limits: portolan_image::Limits,
    /// Whether a manifest is refused when a blob or manifest that it needs is not there (U-34).
    pub complete: bool,
}

/// The repositories of a registry.
pub struct Store {
    places: Vec<Place>,
    rules: Rules,
    known: RwLock<BTreeMap<String, Arc<Repository>>>,
}

impl Store {
    /// Opens the places; a root that is missing is made, unless nothing may be written.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn open(places: Vec<Place>, rules: Rules) -> Result<Self> {
        for place in &places {
            match place {
                Place::Root(directory) if !rules.read_only => {
                    fs::create_dir_all(directory).map_err(Error::io("create", directory))?;
                }
                Place::Root(directory) => {
                    fs::read_dir(directory).map_err(Error::io("open", directory))?;
                }
                Place::Layout { .. } => {}
            }
        }
        let store = Self { places, rules, known: RwLock::default() };
        for name in store.names()? {
            let _ = store.find(&name);
        }
        Ok(store)
    }

    /// The rules of this store.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The repository of a name that obeys the grammar, where there is one.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Arc<Repository>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        if known.is_some() {
            return known;
        }
        let directory = self.places.iter().find_map(|place| match place {
            Place::Layout { name: layout, directory } => (layout == name).then(|| directory.clone()),
            Place::Root(root) => {
                Some(path::directory(root, name)).filter(|directory| directory.join("oci-layout").is_file())
            }
        })?;
        Some(self.remember(name, directory))
    }

    /// The repository of a name that obeys the grammar, made in the first root where there is none.
    ///
    /// # Errors
    /// [`Failure::Refused`] when there is no root or nothing may be written, else [`Error::Io`].
    pub fn create(&self, name: &str) -> std::result::Result<Arc<Repository>, Failure> {
        use portolan_registry::server::Code;
        if self.rules.read_only {
            return Err(Refusal::new(Code::Denied, "this registry is read-only").into());
        }
        if let Some(found) = self.find(name) {
            found.prepare()?;
            return Ok(found);
        }
        let root = self.places.iter().find_map(|place| match place {
            Place::Root(root) => Some(root),
            Place::Layout { .. } => None,
        });
        let Some(root) = root else {
            let message = format!("{name} is not served here, and there is no directory for new repositories");
            return Err(Refusal::new(Code::NameUnknown, message).into());
        };
        self.create_in(root, name)
    }

    fn create_in(&self, root: &Path, name: &str) -> std::result::Result<Arc<Repository>, Failure> {
        let directory = path::directory(root, name);
        let too_long = |error: &io::Error| error.kind() == io::ErrorKind::InvalidFilename;
        match fs::create_dir_all(&directory) {
            Err(error) if too_long(&error) => {
                let message = format!("a component of {name} is longer than the file system allows");
                return Err(Refusal::new(portolan_registry::server::Code::NameInvalid, message).into());
            }
            made => made.map_err(Error::io("create", &directory))?,
        }
        let repository = self.remember(name, directory);
        repository.prepare()?;
        Ok(repository)
    }

    /// What is kept of a repository of another registry.
    ///
    /// # Errors
    /// As [`Store::create`].
    pub fn mirror(&self, registry: &str, name: &str) -> std::result::Result<Arc<Repository>, Failure> {
        let root = self.places.iter().find_map(|place| match place {
            Place::Root(root) => Some(root.join(PRIVATE).join("proxy").join(registry)),
            Place::Layout { .. } => None,
        });
        let Some(root) = root else {
            let message = "a proxy needs a directory for what it keeps";
            return Err(Refusal::new(portolan_registry::server::Code::Unsupported, message).into());
        };
        // A registry is a host and never looks like a part of a repository's name with a space before it.
        let key = format!("{registry} {name}");
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let directory = path::directory(&root, name);
        fs::create_dir_all(&directory).map_err(Error::io("create", &directory))?;
        let repository = self.remember(&key, directory);
        repository.prepare()?;
        Ok(repository)
    }

    fn remember(&self, name: &str, directory: PathBuf) -> Arc<Repository> {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(Repository::new(name.to_owned(), directory, self.rules.clone()));
        Arc::clone(known.entry(name.to_owned()).or_insert_with(new))
    }

    /// The repositories that were asked for already, or lay there when the store was opened.
    #[must_use]
    pub fn known(&self) -> Vec<Arc<Repository>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// The names of all repositories, in order.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn names(&self) -> Result<BTreeSet<String>> {
        let mut names = BTreeSet::new();
        for place in &self.places {
            match place {
                Place::Layout { name, directory } if directory.join("oci-layout").is_file() => {
                    names.insert(name.clone());
                }
                Place::Layout { .. } => {}
                Place::Root(root) => path::names(root, &mut names)?,
            }
        }
        Ok(names)
    }

    /// Removes what no manifest needs from every repository, and uploads that nobody went on with.
    ///
    /// # Errors
    /// [`Error::Io`], and what [`Repository::collect`] refuses.
    pub fn collect(&self, grace: std::time::Duration, dry_run: bool) -> Result<Collected> {
        let mut collected = Collected::default();
        for name in self.names()? {
            if let Some(repository) = self.find(&name) {
                collected += repository.collect(grace, dry_run)?;
            }
        }
        Ok(collected)
    }
}
