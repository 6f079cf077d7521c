//! Builds the components with a nested cargo, encodes them, precompiles the toolkit and leaves everything in `OUT_DIR`:
//! `toolkit.wasm` (imports `hasher`), `hasher.wasm` (imports nothing), `portolan.wasm` (both in one, imports nothing)
//! and `toolkit.cwasm` (the toolkit precompiled for this machine). Beside them, `explorer.rs` has the files of the page in
//! `web/dist`, where that was built.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

#[path = "src/engine.rs"]
mod engine;
#[path = "build/page.rs"]
mod page;

const TARGET: &str = "wasm32-unknown-unknown";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_SOURCE: &str = "/usr/lib/rustlib/src/rust/library/std/Cargo.toml";

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("..").canonicalize()?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    for input in ["Cargo.toml", "Cargo.lock", "wit", "components", "host/src/engine.rs", "host/build.rs", "host/build"]
    {
        println!("cargo::rerun-if-changed={}", root.join(input).display());
    }

    page::pack(&root.join("web"), &out)?;
    let modules = build_modules(&root, &out)?;
    let hasher = encode(&modules.join("portolan_hasher.wasm"), &out.join("hasher.wasm"))?;
    let toolkit = encode(&modules.join("portolan_toolkit.wasm"), &out.join("toolkit.wasm"))?;
    compose(&out)?;
    drop(hasher);

    let engine = wasmtime::Engine::new(&engine::config())?;
    fs::write(out.join("toolkit.cwasm"), engine.precompile_component(&toolkit)?)?;
    Ok(())
}

/// Builds the two leaf crates and answers the directory that holds their modules.
fn build_modules(root: &Path, out: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let target_dir = out.join("components");
    let standard_library = standard_library()?;
    let mut cargo = match standard_library {
        StandardLibrary::Source => Command::new(DEBIAN_CARGO),
        _ => Command::new(env::var("CARGO")?),
    };
    cargo
        .current_dir(root)
        .args(["build", "--locked", "--profile", "component", "--target", TARGET])
        .args(["-p", "portolan-hasher", "-p", "portolan-toolkit"])
        .arg("--target-dir")
        .arg(&target_dir)
        .env("CARGO_ENCODED_RUSTFLAGS", "-Ctarget-feature=+simd128");
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
    Ok(sysroot.join("lib/rustlib").join(env::var("HOST")?).join("bin/rust-lld"))
}

/// What the outer build's compiler answers.
fn rustc(args: &[&str]) -> Result<String, Box<dyn Error>> {
    let output = Command::new(env::var("RUSTC")?).args(args).output()?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// Turns a module into a component. Its interfaces are described in the module itself.
fn encode(module: &Path, component: &Path) -> Result<Vec<u8>, Box<dyn Error>> {
    let bytes = wit_component::ComponentEncoder::default().module(&fs::read(module)?)?.validate(true).encode()?;
    fs::write(component, &bytes)?;
    Ok(bytes)
}

/// Makes one component of the two, which imports nothing.
fn compose(out: &Path) -> Result<(), Box<dyn Error>> {
    let config = wasm_compose::config::Config {
        dir: out.to_owned(),
        definitions: vec![out.join("hasher.wasm")],
        ..Default::default()
    };
    let bytes = wasm_compose::composer::ComponentComposer::new(&out.join("toolkit.wasm"), &config).compose()?;
    fs::write(out.join("portolan.wasm"), bytes)?;
    Ok(())
}
