//! Writes the components `toolkit.wasm` and `hasher.wasm` into a directory, for whoever drives them with something else.

use std::path::PathBuf;

fn main() -> std::io::Result<()> {
    let directory =
        PathBuf::from(std::env::args_os().nth(1).ok_or_else(|| std::io::Error::other("expected a directory"))?);
    std::fs::create_dir_all(&directory)?;
    std::fs::write(directory.join("toolkit.wasm"), portolan::TOOLKIT_WASM)?;
    std::fs::write(directory.join("hasher.wasm"), portolan::HASHER_WASM)
}
