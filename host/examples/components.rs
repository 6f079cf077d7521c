//! Writes the components into a directory, for whoever drives them with something else: `hasher.wasm`, `toolkit.wasm`,
//! `reading.wasm`, which is the toolkit without what writes images to disks, `exploring.wasm`, which only shows them, and
//! `inspecting.wasm`, which reads WebAssembly.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

#[path = "../build/modules.rs"]
mod modules;

fn main() -> Result<(), Box<dyn Error>> {
    let directory = PathBuf::from(env::args_os().nth(1).ok_or("expected a directory")?);
    fs::create_dir_all(&directory)?;
    fs::write(directory.join("toolkit.wasm"), portolan::TOOLKIT_WASM)?;
    fs::write(directory.join("hasher.wasm"), portolan::HASHER_WASM)?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    // Where the build script has left the same dependencies, compiled.
    let target_dir = Path::new(env!("OUT_DIR")).join("components");
    for world in ["reading", "exploring", "inspecting"] {
        let chosen = ["-p", "portolan-toolkit", "--no-default-features", "--features", world];
        let built = modules::build(&root, &target_dir, &chosen)?;
        modules::encode(&built.join("portolan_toolkit.wasm"), &directory.join(format!("{world}.wasm")))?;
    }
    Ok(())
}
