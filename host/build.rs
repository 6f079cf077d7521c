//! Builds the components with a nested cargo, encodes them, precompiles the toolkit and leaves everything in `OUT_DIR`:
//! `toolkit.wasm` (imports `hasher`), `hasher.wasm` (imports nothing), `portolan.wasm` (both in one, imports nothing)
//! and `toolkit.cwasm` (the toolkit precompiled for this machine).

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

#[path = "src/engine.rs"]
mod engine;

const TARGET: &str = "wasm32-unknown-unknown";

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("..").canonicalize()?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    for input in ["Cargo.toml", "Cargo.lock", "wit", "components", "host/src/engine.rs", "host/build.rs"] {
        println!("cargo::rerun-if-changed={}", root.join(input).display());
    }
    println!("cargo::rerun-if-env-changed=PORTOLAN_WASM_RUSTC");

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
    let mut cargo = Command::new(env::var("CARGO")?);
    cargo
        .current_dir(root)
        .args(["build", "--locked", "--profile", "component", "--target", TARGET])
        .args(["-p", "portolan-hasher", "-p", "portolan-toolkit"])
        .arg("--target-dir")
        .arg(&target_dir)
        .env("CARGO_ENCODED_RUSTFLAGS", "-Ctarget-feature=+simd128");
    // The outer build's settings are for the host: none of them may reach the nested one.
    for variable in ["RUSTFLAGS", "CARGO_BUILD_TARGET", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "RUSTC"] {
        cargo.env_remove(variable);
    }
    // Where rustup cannot add the target, `make setup` names a compiler that can build its standard library.
    if let Ok(compiler) = env::var("PORTOLAN_WASM_RUSTC") {
        cargo.env("RUSTC", compiler).env("RUSTC_BOOTSTRAP", "1").arg("-Zbuild-std=std,panic_abort");
    }
    let output = cargo.output()?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        if text.contains("E0463")
            || text.contains("can't find crate for `core`")
            || text.contains("can't find crate for `std`")
        {
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
