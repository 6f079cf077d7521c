//! Writes the awkward image into a directory that is named, as a layout: for tests in other languages.
#![forbid(unsafe_code)]

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(directory) = std::env::args_os().nth(1) else {
        eprintln!("expected a directory");
        return ExitCode::from(2);
    };
    portolan_tests::awkward().write(Path::new(&directory));
    ExitCode::SUCCESS
}
