//! Which forms an image may have, by what its documents say, and in which order they are tried.

use super::{Form, GuestFile, Overrides, Place, WasmKind, Workload, magic, spin};
use crate::annotation::TITLE;
use crate::config::{Config, Execution};
use crate::descriptor::Descriptor;
use crate::manifest::Manifest;
use crate::media_type::{Kind, MediaType};
use std::collections::VecDeque;

/// The annotation with which a compat image says so.
const VARIANT: &str = "module.wasm.image/variant";
/// Where a compat image has its module.
const PLUGIN: &str = "plugin.wasm";
/// The name of a program that has none.
const NAMELESS: &str = "main.wasm";

/// What has to be seen for one form.
#[derive(Debug)]
pub(super) enum Attempt {
    /// A document that says where the WebAssembly is.
    Document(Form, Descriptor),
    /// The first bytes of what may be WebAssembly.
    Head(Candidate),
}

/// What there is to try, and what is known not to fit.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) attempts: VecDeque<Attempt>,
    pub(super) tried: Vec<String>,
}

/// A workload but for the proof that it is WebAssembly.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) form: Form,
    pub(super) place: Place,
    pub(super) args: Vec<String>,
    pub(super) env: Vec<String>,
    pub(super) working_dir: Option<String>,
    pub(super) files: Vec<GuestFile>,
    pub(super) warnings: Vec<String>,
    /// The operating system that its config says, where that tells modules from components.
    pub(super) os: Option<String>,
}

impl Candidate {
    /// One with nothing but a command line.
    pub(super) fn new(form: Form, place: Place, args: Vec<String>) -> Self {
        let (env, files, warnings) = (Vec::new(), Vec::new(), Vec::new());
        Self { form, place, args, env, working_dir: None, files, warnings, os: None }
    }

    /// The workload, if its first bytes are there and WebAssembly.
    pub(super) fn confirm(mut self, head: Option<&[u8]>) -> Result<Workload, String> {
        let what = match &self.place {
            Place::Blob(descriptor) => descriptor.digest.to_string(),
            Place::File(path) => format!("/{}", String::from_utf8_lossy(path)),
        };
        let head = head.ok_or_else(|| format!("{what} is not there"))?;
        let kind = magic::kind(head).map_err(|reason| format!("{what}: {reason}"))?;
        let os = self.os.take().map(|os| os.to_ascii_lowercase());
        match (os.as_deref(), kind) {
            (Some(os @ ("wasip2" | "wasip3")), WasmKind::Module) => {
                return Err(format!("{what}: its config says {os}, and it is a core module, which is wasip1 (B-05)"));
            }
            (Some(os @ ("wasip1" | "wasi")), WasmKind::Component) => {
                self.warnings.push(format!("{what}: its config says {os}, and it is a component"));
            }
            _ => {}
        }
        Ok(Workload {
            form: self.form,
            kind,
            place: self.place,
            args: self.args,
            env: self.env,
            working_dir: self.working_dir,
            rootfs: matches!(self.form, Form::Compat | Form::Container),
            files: self.files,
            warnings: self.warnings,
        })
    }
}

/// What to try of an image.
pub(super) fn plan(manifest: &Manifest, config: Option<&Config>, overrides: &Overrides) -> Plan {
    let mut plan = Plan::default();
    let none = Execution::default();
    let execution = config.and_then(|config| config.config.as_ref()).unwrap_or(&none);
    if manifest.config.media_type == MediaType::WasmConfig {
        match manifest.layers.len() {
            1 => plan.attempts.push_back(Attempt::Document(Form::Artifact, manifest.config.clone())),
            count => plan.tried.push(format!("{}: it has {count} layers, and must have one (B-02)", Form::Artifact)),
        }
        return plan;
    }
    match spin::document(manifest, execution) {
        Some(Some(document)) => {
            plan.attempts.push_back(Attempt::Document(Form::Spin, document.clone()));
            return plan;
        }
        Some(None) => {
            plan.tried.push(format!("{}: its config says that it is one, and no layer describes it", Form::Spin));
            return plan;
        }
        None => {}
    }
    let layers: Vec<_> = manifest.layers.iter().filter(|layer| layer.media_type.kind() == Kind::WasmLayer).collect();
    match layers[..] {
        [] if manifest.is_image() => files(manifest, execution, overrides, &mut plan),
        [] => plan.tried.push(format!(
            "no layer has a type of WebAssembly, and the config is no image's but {}",
            manifest.config.media_type
        )),
        [layer] => plan.attempts.push_back(Attempt::Head(in_layer(manifest, layer, config, execution, overrides))),
        _ => plan.tried.push(format!(
            "it has {} layers of WebAssembly, and nothing says which of them is the program",
            layers.len()
        )),
    }
    plan
}

/// The WebAssembly of the only layer of such a type.
fn in_layer(
    manifest: &Manifest,
    layer: &Descriptor,
    config: Option<&Config>,
    execution: &Execution,
    overrides: &Overrides,
) -> Candidate {
    let form = match (&manifest.config.media_type, &layer.media_type) {
        _ if manifest.is_image() => Form::WasmLayer,
        (MediaType::WasmToOciConfig, _) => Form::WasmToOci,
        (MediaType::WasmModuleConfig, _) => Form::ModuleArtifact,
        (_, MediaType::WasmContentLayer) => Form::WasmToOci,
        (_, MediaType::WasmModuleLayer) => Form::ModuleArtifact,
        _ => Form::WasmLayer,
    };
    let mut args = command_line(execution, overrides);
    if execution.entrypoint.is_none() && overrides.entrypoint.is_none() {
        args.insert(0, name(layer));
    }
    let mut candidate = execute(Candidate::new(form, Place::Blob(Box::new(layer.clone())), args), execution);
    candidate.os = config.map(|config| config.platform.os.clone());
    let ignored = manifest.layers.iter().filter(|layer| layer.media_type.is_layer()).count();
    if ignored > 0 {
        candidate.warnings.push(format!("its {ignored} layers of files are not the guest's file system"));
    }
    candidate
}

/// The WebAssembly among the files of an image: what its entry point names, and the module of a compat image.
fn files(manifest: &Manifest, execution: &Execution, overrides: &Overrides, plan: &mut Plan) {
    let args = command_line(execution, overrides);
    let mut entries = Vec::new();
    if let Some(program) = args.first().filter(|program| !program.is_empty()) {
        for start in [execution.working_dir.as_deref().unwrap_or_default(), ""] {
            let path = resolve(start, program);
            if !entries.contains(&path) {
                entries.push(path);
            }
        }
    } else {
        plan.tried.push(format!("{}: it has neither an entry point nor a command", Form::Container));
    }
    let container = entries.into_iter().map(|path| Candidate::new(Form::Container, Place::File(path), args.clone()));
    let mut plugin = overrides.entrypoint.clone().unwrap_or_else(|| vec![PLUGIN.to_owned()]);
    plugin.extend(overrides.cmd.iter().flatten().cloned());
    let compat = Candidate::new(Form::Compat, Place::File(PLUGIN.into()), plugin);
    let mut candidates: Vec<_> = container.collect();
    match manifest.annotations.value(VARIANT) {
        // crun takes the annotation for an order to run the entry point, Istio for the module's place.
        Some(variant) if variant.starts_with("compat") => candidates.insert(0, compat),
        _ if manifest.layers.len() == 1 => candidates.push(compat),
        _ => plan.tried.push(format!("{}: it has {} layers, not one", Form::Compat, manifest.layers.len())),
    }
    plan.attempts.extend(candidates.into_iter().map(|candidate| Attempt::Head(execute(candidate, execution))));
}

/// The candidate with what the config says of the process.
fn execute(mut candidate: Candidate, execution: &Execution) -> Candidate {
    candidate.env = execution.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
    candidate.working_dir.clone_from(&execution.working_dir);
    candidate
}

/// `Entrypoint` and `Cmd`, or what the caller says instead.
fn command_line(execution: &Execution, overrides: &Overrides) -> Vec<String> {
    let cmd = match (&overrides.cmd, &overrides.entrypoint) {
        (Some(cmd), _) => Some(cmd),
        (None, Some(_)) => None,
        (None, None) => execution.cmd.as_ref(),
    };
    let entrypoint = overrides.entrypoint.as_ref().or(execution.entrypoint.as_ref());
    entrypoint.into_iter().flatten().chain(cmd.into_iter().flatten()).cloned().collect()
}

/// The command line of what has no config of its own: its name, and what the caller says.
pub(super) fn named(layer: &Descriptor, overrides: &Overrides) -> Vec<String> {
    let mut args = overrides.entrypoint.clone().unwrap_or_else(|| vec![name(layer)]);
    args.extend(overrides.cmd.iter().flatten().cloned());
    args
}

/// The last component of a layer's title.
fn name(layer: &Descriptor) -> String {
    let title = layer.annotations.value(TITLE).and_then(|title| title.rsplit('/').next());
    title.filter(|name| !name.is_empty() && !name.contains('\0')).unwrap_or(NAMELESS).to_owned()
}

/// A path of the tree: `.` and `..` are resolved in the text, and nothing leads above the root.
fn resolve(start: &str, path: &str) -> Vec<u8> {
    let start = if path.starts_with('/') { "" } else { start };
    let mut components = Vec::new();
    for component in start.split('/').chain(path.split('/')) {
        match component {
            "" | "." => {}
            ".." => {
                components.pop();
            }
            name => components.push(name),
        }
    }
    components.join("/").into_bytes()
}
