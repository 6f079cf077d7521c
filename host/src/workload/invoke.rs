//! Calling what a program exports by its name, with values written in WAVE.

use super::command::{failed, linker, missing, module_linker, surroundings, until};
use super::program::{Code, Program};
use super::state::{self, Guest};
use crate::error::{Error, ErrorCode, Result};
use wasmtime::component::types::ComponentItem;
use wasmtime::component::wasm_wave::untyped::UntypedFuncCall;
use wasmtime::component::{Component, ComponentExportIndex, Val};
use wasmtime::{Engine, ExternType};

impl Program {
    /// Calls `name(value, ...)` and answers the results in WAVE, one each.
    ///
    /// A function inside an interface is found by its own name where only one interface has it, or as `interface#name`.
    ///
    /// # Errors
    /// [`Error::Usage`] for a call that cannot be read or does not fit, `path-not-found` when nothing is called that,
    /// [`Error::Guest`] when it fails.
    pub fn invoke(&self, guest: &Guest, call: &str) -> Result<Vec<String>> {
        let (interface, rest) = match call.split('(').next().and_then(|name| name.rsplit_once('#')) {
            Some((interface, name)) => (Some(interface), &call[interface.len() + 1 - usize::from(name.is_empty())..]),
            None => (None, call),
        };
        // A name alone is a call without values.
        let text = if rest.contains('(') { rest.to_owned() } else { format!("{rest}()") };
        let parsed = UntypedFuncCall::parse(&text);
        let parsed = parsed.map_err(|error| Error::Usage(format!("{call} is no call in WAVE: {error}")))?;
        match &self.code {
            Code::Component(component) => self.invoke_component(guest, component, interface, &parsed),
            Code::Module(module) => self.invoke_module(guest, module, &parsed),
        }
    }

    fn invoke_component(
        &self,
        guest: &Guest,
        component: &Component,
        interface: Option<&str>,
        call: &UntypedFuncCall<'_>,
    ) -> Result<Vec<String>> {
        let index = find(&self.engine, component, interface, call.name())?;
        let pre = linker(&self.engine, component, guest)?.instantiate_pre(component).map_err(missing)?;
        let mut store = state::component(&self.engine, guest, self.bounds, false).map_err(surroundings)?;
        let ended = until(&self.engine, self.bounds, &mut store, async |store| {
            let instance = pre.instantiate_async(&mut *store).await?;
            let Some(function) = instance.get_func(&mut *store, index) else {
                return Ok(Err(Error::Usage(format!("{} is no function", call.name()))));
            };
            let kind = function.ty(&*store);
            let kinds: Vec<_> = kind.params().map(|(_, kind)| kind).collect();
            let values = match call.to_wasm_params::<Val>(&kinds) {
                Ok(values) => values,
                Err(error) => return Ok(Err(Error::Usage(format!("the values do not fit {}: {error}", call.name())))),
            };
            let mut results = vec![Val::Bool(false); kind.results().len()];
            function.call_async(&mut *store, &values, &mut results).await?;
            Ok(Ok(results.iter().map(Val::to_wave).collect::<wasmtime::Result<Vec<String>>>()?))
        })?;
        ended.map_err(|error| failed(error, &store.data().meter))?
    }

    fn invoke_module(
        &self,
        guest: &Guest,
        module: &wasmtime::Module,
        call: &UntypedFuncCall<'_>,
    ) -> Result<Vec<String>> {
        let Some(ExternType::Func(kind)) = module.get_export(call.name()) else {
            let names = module.exports().filter(|export| matches!(export.ty(), ExternType::Func(_)));
            return Err(nothing(call.name(), names.map(|export| export.name().to_owned()).collect()));
        };
        let mut store = state::module(&self.engine, guest, self.bounds).map_err(surroundings)?;
        let pre = module_linker(&self.engine, guest)?.instantiate_pre(module).map_err(missing)?;
        let kinds: Vec<_> = kind.params().collect();
        let values = call.to_wasm_params::<wasmtime::Val>(&kinds);
        let values = values.map_err(|error| Error::Usage(format!("the values do not fit {}: {error}", call.name())))?;
        let ended = until(&self.engine, self.bounds, &mut store, async |store| {
            let instance = pre.instantiate_async(&mut *store).await?;
            // A reactor is told once that it begins.
            if let Ok(begin) = instance.get_typed_func::<(), ()>(&mut *store, "_initialize") {
                begin.call_async(&mut *store, ()).await?;
            }
            let mut results = vec![wasmtime::Val::I32(0); kind.results().len()];
            if let Some(function) = instance.get_func(&mut *store, call.name()) {
                function.call_async(&mut *store, &values, &mut results).await?;
            }
            results.iter().map(|value| Ok(wasmtime::component::wasm_wave::to_string(value)?)).collect()
        })?;
        ended.map_err(|error| failed(error, &store.data().meter))
    }
}

/// Where a function is among the exports of a component.
fn find(engine: &Engine, component: &Component, interface: Option<&str>, name: &str) -> Result<ComponentExportIndex> {
    let (mut found, mut names) = (Vec::new(), Vec::new());
    for (export, item) in component.component_type().exports(engine) {
        match item.ty {
            ComponentItem::ComponentFunc(_) => {
                names.push(export.to_owned());
                if interface.is_none() && export == name {
                    found.extend(component.get_export_index(None, export));
                }
            }
            ComponentItem::ComponentInstance(instance) => {
                // An interface may be named without its version.
                let is_meant =
                    interface.is_none_or(|wanted| wanted == export || export.split('@').next() == Some(wanted));
                for (inner, item) in instance.exports(engine) {
                    if !matches!(item.ty, ComponentItem::ComponentFunc(_)) {
                        continue;
                    }
                    names.push(format!("{export}#{inner}"));
                    if is_meant && inner == name {
                        let parent = component.get_export_index(None, export);
                        found.extend(parent.and_then(|parent| component.get_export_index(Some(&parent), inner)));
                    }
                }
            }
            _ => {}
        }
    }
    match found.as_slice() {
        [only] => Ok(*only),
        [] => Err(nothing(name, names)),
        _ => Err(Error::Usage(format!("several functions are called {name}: say which of {}", names.join(", ")))),
    }
}

fn nothing(name: &str, names: Vec<String>) -> Error {
    let there =
        if names.is_empty() { "it exports no function".to_owned() } else { format!("it exports {}", names.join(", ")) };
    Error::Image { code: ErrorCode::PathNotFound, message: format!("the program has no function {name}; {there}") }
}
