//! The settings of the engine that runs the components; the build script precompiles them with the same.

/// The settings under which the components are compiled and run.
pub(crate) fn config() -> wasmtime::Config {
    let mut config = wasmtime::Config::new();
    config.wasm_component_model(true);
    config.cranelift_opt_level(wasmtime::OptLevel::Speed);
    // Every call can be interrupted: a loop in a component never hangs the host.
    config.epoch_interruption(true);
    // Traps name the function; maps back to wasm offsets would only make the artifact larger and slower to load.
    config.generate_address_map(false);
    config
}
