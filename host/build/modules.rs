//! Builds the crates of WebAssembly with a nested cargo, and makes components of their modules.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

const TARGET: &str = "wasm32-unknown-unknown";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_SOURCE: &str = "/usr/lib/rustlib/src/rust/library/std/Cargo.toml";

/// Builds leaf crates, chosen by arguments of cargo, and answers the directory that holds their modules.
pub(crate) fn build(root: &Path, target_dir: &Path, chosen: &[&str]) -> Result<PathBuf, Box<dyn Error>> {
    let standard_library = standard_library()?;
    let mut cargo = match standard_library {
        StandardLibrary::Source => Command::new(DEBIAN_CARGO),
        _ => Command::new(env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())),
    };
    cargo
        .current_dir(root)
        .args(["build", "--locked", "--profile", "component", "--target", TARGET])
        .args(chosen)
        .arg("--target-dir")
        .arg(target_dir)
        .env("CARGO_ENCODED_RUSTFLAGS", flags().join("\u{1f}"));
    // The outer build's settings are for the host: none of them may reach the nested one.
    for variable in ["RUSTFLAGS", "CARGO_BUILD_TARGET", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "RUSTC", "RUSTDOC"]
    {
        cargo.env_remove(variable);
    }
    if standard_library == StandardLibrary::Source {
        // Debian's compiler brings no linker for WebAssembly, the toolchain's is the same program. The variable lets
        // a stable cargo build the standard library too; rustup's proxies must not come first.
        cargo
            .arg("-Zbuild-std=std,panic_abort")
            .env("RUSTC_BOOTSTRAP", "1")
            .env("PATH", format!("/usr/bin:{}", env::var("PATH").unwrap_or_default()))
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker()?);
    }
    let output = cargo.output()?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        if standard_library == StandardLibrary::Missing {
            return Err(format!(
                "the Rust target {TARGET}, for which the components are built, is not installed\n\
                 help: run `make setup`, or `rustup target add {TARGET}`"
            )
            .into());
        }
        return Err(format!("building the components failed:\n{text}").into());
    }
    Ok(target_dir.join(TARGET).join("component"))
}

/// What the compiler is told. Where the sources of dependencies lie on this machine is nobody's business: with the paths
/// that panics name, a component would be another one on every machine.
fn flags() -> Vec<String> {
    let home = env::var("CARGO_HOME").map(PathBuf::from);
    let home = home.unwrap_or_else(|_| PathBuf::from(env::var("HOME").unwrap_or_default()).join(".cargo"));
    let sources = home.join("registry/src");
    vec!["-Ctarget-feature=+simd128".to_owned(), format!("--remap-path-prefix={}=crates", sources.display())]
}

/// Where the standard library of the components comes from.
#[derive(PartialEq)]
enum StandardLibrary {
    /// The toolchain has it compiled, as `rustup target add` leaves it.
    Compiled,
    /// Debian's packages `rustc-web`, `cargo-web` and `rust-web-src`, which `make setup` installs where rustup cannot
    /// add the target: its source is compiled with the components.
    Source,
    /// Nowhere.
    Missing,
}

fn standard_library() -> Result<StandardLibrary, Box<dyn Error>> {
    if Path::new(&rustc(&["--print", "target-libdir", "--target", TARGET])?).is_dir() {
        return Ok(StandardLibrary::Compiled);
    }
    let is_debian = [DEBIAN_CARGO, DEBIAN_SOURCE].iter().all(|path| Path::new(path).exists());
    Ok(if is_debian { StandardLibrary::Source } else { StandardLibrary::Missing })
}

/// The toolchain's own linker.
fn linker() -> Result<PathBuf, Box<dyn Error>> {
    let sysroot = PathBuf::from(rustc(&["--print", "sysroot"])?);
    Ok(sysroot.join("lib/rustlib").join(rustc(&["--print", "host-tuple"])?).join("bin/rust-lld"))
}

/// What the compiler of whoever builds answers.
fn rustc(args: &[&str]) -> Result<String, Box<dyn Error>> {
    let output = Command::new(env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned())).args(args).output()?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// Turns a module into a component. Its interfaces are described in the module itself.
pub(crate) fn encode(module: &Path, component: &Path) -> Result<Vec<u8>, Box<dyn Error>> {
    let bytes = wit_component::ComponentEncoder::default().module(&fs::read(module)?)?.validate(true).encode()?;
    fs::write(component, &bytes)?;
    Ok(bytes)
}
