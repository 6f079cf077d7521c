//! Programs in WebAssembly: those of `tests/guests`, and those that others wrote.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;

fn target() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    std::env::var_os("CARGO_TARGET_DIR").map_or(own, PathBuf::from)
}

/// The bytes of a program of `tests/guests`, built for WASI 0.1 (`wasm32-wasip1`) or 0.2 (`wasm32-wasip2`).
///
/// # Panics
///
/// When it cannot be built.
#[must_use]
pub fn built(name: &str, target_triple: &str) -> Vec<u8> {
    static BUILT: Once = Once::new();
    let directory = target().join("guests");
    BUILT.call_once(|| {
        for (triple, packages) in [("wasm32-wasip1", &["-p", "command", "-p", "reactor"][..]), ("wasm32-wasip2", &[])] {
            let mut cargo = Command::new(env!("CARGO"));
            cargo.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("guests"));
            cargo.args(["build", "--release", "--locked", "--quiet", "--target", triple]).args(packages);
            // Cargo's lock lets several tests ask at once.
            cargo.arg("--target-dir").arg(&directory).env_remove("RUSTFLAGS").env_remove("CARGO_BUILD_TARGET");
            let output = cargo.output().expect("cargo runs");
            let text = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "the guests cannot be built; `make setup` adds {triple}:\n{text}");
        }
    });
    let file = directory.join(target_triple).join("release").join(format!("{name}.wasm"));
    std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The component of `components/service`.
///
/// # Panics
///
/// When it cannot be built.
#[must_use]
pub fn service() -> PathBuf {
    let directory = target().join("guests");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    cargo.args(["build", "--release", "--locked", "--quiet", "--target", "wasm32-wasip2", "-p", "portolan-service"]);
    cargo.arg("--target-dir").arg(&directory).env_remove("RUSTFLAGS").env_remove("CARGO_BUILD_TARGET");
    let output = cargo.output().expect("cargo runs");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the service cannot be built; `make setup` adds wasm32-wasip2:\n{text}");
    directory.join("wasm32-wasip2/release/portolan_service.wasm")
}

/// A file that `make setup` fetched: the program `wasmtime`, or WebAssembly that nobody here wrote.
///
/// # Panics
///
/// When it is not there.
#[must_use]
pub fn fetched(name: &str) -> PathBuf {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/peers").join(name);
    assert!(file.is_file(), "{} is missing; `make setup` fetches it", file.display());
    file
}
