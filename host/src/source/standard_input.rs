//! An archive that comes through a pipe.

use super::{Source, archive};
use crate::error::{Error, Result};
use crate::toolkit::Toolkit;
use std::fs::File;
use std::io::IsTerminal;
use std::os::fd::AsFd;
use std::path::Path;

/// Opens the archive on standard input. A pipe is copied to an unnamed temporary file, since the index of a layout may
/// stand at its end; a file that was redirected is read in place.
pub(super) fn open(toolkit: &Toolkit) -> Result<Box<dyn Source>> {
    let path = Path::new("standard input");
    let input = std::io::stdin();
    if input.is_terminal() {
        return Err(Error::Source {
            path: path.to_owned(),
            reason: "it is a terminal; pipe an archive into it".to_owned(),
        });
    }
    let file = input.as_fd().try_clone_to_owned().map_err(Error::io("open", path))?;
    archive::open_any(toolkit, File::from(file), path)
}
