//! Builds the components with a nested cargo, encodes them, precompiles the toolkit and leaves everything in `OUT_DIR`:
//! `toolkit.wasm` (imports `hasher`), `hasher.wasm` (imports nothing), `portolan.wasm` (both in one, imports nothing)
//! and `toolkit.cwasm` (the toolkit precompiled for this machine). Beside them, `explorer.rs` has the files of the page in
//! `web/dist`, where that was built.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

#[path = "src/engine.rs"]
mod engine;
#[path = "build/modules.rs"]
mod modules;
#[path = "build/page.rs"]
mod page;

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("..").canonicalize()?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    for input in ["Cargo.toml", "Cargo.lock", "wit", "components", "host/src/engine.rs", "host/build.rs", "host/build"]
    {
        println!("cargo::rerun-if-changed={}", root.join(input).display());
    }

    page::pack(&root.join("web"), &out)?;
    let crates = ["-p", "portolan-hasher", "-p", "portolan-toolkit"];
    let built = modules::build(&root, &out.join("components"), &crates)?;
    let hasher = modules::encode(&built.join("portolan_hasher.wasm"), &out.join("hasher.wasm"))?;
    let toolkit = modules::encode(&built.join("portolan_toolkit.wasm"), &out.join("toolkit.wasm"))?;
    compose(&out)?;
    drop(hasher);

    let engine = wasmtime::Engine::new(&engine::config())?;
    fs::write(out.join("toolkit.cwasm"), engine.precompile_component(&toolkit)?)?;
    Ok(())
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
