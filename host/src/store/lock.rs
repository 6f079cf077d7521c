//! The lock of a layout, which all processes that write to it take: a `flock` of its directory.

use crate::error::{Error, Result};
use rustix::fs::{FlockOperation, flock};
use std::fs::File;
use std::path::Path;

/// A lock that ends when it is dropped.
pub(super) struct Lock {
    directory: File,
}

impl Lock {
    /// Waits until nobody else reads or writes.
    pub(super) fn exclusive(directory: &Path) -> Result<Self> {
        Self::take(directory, FlockOperation::LockExclusive)
    }

    /// Waits until nobody writes.
    pub(super) fn shared(directory: &Path) -> Result<Self> {
        Self::take(directory, FlockOperation::LockShared)
    }

    fn take(directory: &Path, operation: FlockOperation) -> Result<Self> {
        let file = File::open(directory).map_err(Error::io("open", directory))?;
        loop {
            match flock(&file, operation) {
                Err(rustix::io::Errno::INTR) => {}
                done => {
                    done.map_err(Error::os("lock", directory))?;
                    return Ok(Self { directory: file });
                }
            }
        }
    }

    /// Lets names in the directory survive a loss of power.
    pub(super) fn sync(&self, path: &Path) -> Result<()> {
        self.directory.sync_all().map_err(Error::io("write", path))
    }
}
