//! Writes the JavaScript and the declarations beside a module of wasm-bindgen: `bind MODULE FOLDER`.

use std::env;
use std::process::ExitCode;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let Ok([module, folder]) = <[_; 2]>::try_from(env::args_os().skip(1).collect::<Vec<_>>()) else {
        eprintln!("usage: bind MODULE FOLDER");
        return ExitCode::from(2);
    };
    let mut bindgen = Bindgen::new();
    // The page says itself where the module is.
    bindgen.input_path(module).out_name("lens").typescript(true).omit_default_module_path(true);
    match bindgen.web(true).and_then(|bindgen| bindgen.generate(folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
