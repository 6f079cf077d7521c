//! Writes the seeds of every target: `seeds DIRECTORY` makes `DIRECTORY/TARGET/NAME`.

use portolan_fuzz::seeds;
use std::fs;
use std::io::Error;
use std::path::PathBuf;

fn main() -> Result<(), Error> {
    let directory = std::env::args_os().nth(1).ok_or_else(|| Error::other("expected a directory"))?;
    for (target, name, bytes) in seeds::all() {
        let directory = PathBuf::from(&directory).join(target);
        fs::create_dir_all(&directory)?;
        fs::write(directory.join(name), bytes)?;
    }
    Ok(())
}
