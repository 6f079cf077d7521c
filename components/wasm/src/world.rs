//! The world of a component as text: what it imports and exports, as WIT.

use crate::scope::{Body, Entity, Id, Instance, Type, Types, wrong};
use crate::text::{Text, name};
use portolan_image::Result;
use std::collections::BTreeMap;
use wasmparser::{ComponentDefinedType, ComponentFuncType, ComponentValType};

/// How deep types without names are nested.
const DEPTH: usize = 100;

/// Writes the world of a component: its interfaces follow it, package by package, as far as they are known. A WIT package is
/// written as one.
pub(crate) fn write(types: &Types<'_>, root: &Body<'_>, is_package: bool) -> Result<String> {
    let mut writer = Writer { types, text: Text::default(), args: None, package: "", depth: 0 };
    if !is_package || !writer.package_of_types(root)? {
        writer.text = Text::default();
        writer.root(root)?;
    }
    Ok(writer.text.finish())
}

/// The interfaces of packages, each once, in the order in which they were met.
#[derive(Default)]
struct Packages<'a> {
    names: Vec<String>,
    interfaces: BTreeMap<String, Vec<(&'a str, Instance<'a>)>>,
    /// Where the interfaces are in the lists of their packages.
    known: BTreeMap<&'a str, usize>,
}

impl<'a> Packages<'a> {
    fn meet(&mut self, instance: &Instance<'a>) {
        let (Some(full), Some(body)) = (instance.name, &instance.body) else { return };
        let Some((package, interface)) = split(full) else { return };
        if !self.interfaces.contains_key(&package) {
            self.names.push(package.clone());
        }
        let interfaces = self.interfaces.entry(package).or_default();
        match self.known.get(full).and_then(|at| interfaces.get_mut(*at)) {
            // Whoever needs a part of an interface may say that part alone.
            Some((_, other)) => {
                if other.body.as_ref().is_none_or(|other| other.exports.len() < body.exports.len()) {
                    *other = instance.clone();
                }
            }
            None => {
                self.known.insert(full, interfaces.len());
                interfaces.push((interface, instance.clone()));
            }
        }
    }
}

/// The package and the interface of a name such as `wasi:io/poll@0.2.0`.
fn split(name: &str) -> Option<(String, &str)> {
    let (package, rest) = name.split_once('/')?;
    if !package.contains(':') || package.contains(['<', '=']) {
        return None;
    }
    Some(match rest.split_once('@') {
        Some((interface, version)) => (format!("{package}@{version}"), interface),
        None => (package.to_owned(), rest),
    })
}

struct Writer<'t, 'a> {
    types: &'t Types<'a>,
    text: Text,
    /// What the parameters of the types are of what is written now.
    args: Option<std::rc::Rc<BTreeMap<&'a str, Id>>>,
    /// The package that is written now.
    package: &'t str,
    depth: usize,
}

impl<'t, 'a> Writer<'t, 'a> {
    fn root(&mut self, root: &Body<'a>) -> Result<()> {
        let mut packages = Packages::default();
        self.text.line("package root:component;")?;
        self.text.blank()?;
        self.text.begin("world root")?;
        self.world(root, &mut packages)?;
        self.text.end()?;
        self.packages(&packages, "")
    }

    /// What is imported and exported, and which interfaces that takes.
    fn world(&mut self, body: &Body<'a>, packages: &mut Packages<'a>) -> Result<()> {
        let mut any = false;
        for (name, entity) in &body.imports {
            match entity {
                Entity::Instance(instance) => {
                    packages.meet(instance);
                    self.instance("import", name, instance)?;
                }
                Entity::Component(_) | Entity::Other => self.text.line(&format!("// import {name:?};"))?,
                Entity::Func(_) | Entity::Type(_) => continue,
            }
            any = true;
        }
        any = self.declarations(&body.imports, any)?;
        for (name, entity) in body.imports.iter().filter(|(name, _)| !name.starts_with('[')) {
            if let Entity::Func(id) = entity {
                self.text.indented(&format!("import {}: ", crate::text::name(name)))?;
                self.func(*id, 0)?;
                self.text.push(";\n")?;
                any = true;
            }
        }
        if any && !body.exports.is_empty() {
            self.text.blank()?;
        }
        for (name, entity) in &body.exports {
            match entity {
                Entity::Instance(instance) => {
                    packages.meet(instance);
                    self.instance("export", name, instance)?;
                }
                Entity::Func(id) => {
                    self.text.indented(&format!("export {}: ", crate::text::name(name)))?;
                    self.func(*id, 0)?;
                    self.text.push(";\n")?;
                }
                Entity::Type(_) | Entity::Component(_) | Entity::Other => {
                    self.text.line(&format!("// export {name:?};"))?;
                }
            }
        }
        Ok(())
    }

    fn instance(&mut self, verb: &str, label: &str, instance: &Instance<'a>) -> Result<()> {
        if split(label).is_some() {
            return self.text.line(&format!("{verb} {};", self.path(label)));
        }
        if !crate::text::is_label(label) {
            return self.text.line(&format!("// {verb} {label:?};"));
        }
        self.text.begin(&format!("{verb} {}: interface", name(label)))?;
        self.interface(instance)?;
        self.text.end()
    }

    /// The name of an interface, as it is said in the package that is written.
    fn path<'n>(&self, full: &'n str) -> &'n str {
        match split(full) {
            Some((package, interface)) if package == self.package => interface,
            _ => full,
        }
    }

    fn packages(&mut self, packages: &Packages<'a>, but: &str) -> Result<()> {
        let others: Vec<_> = packages.names.iter().filter(|name| *name != but).collect();
        for package in others {
            self.text.blank()?;
            let text = std::mem::take(&mut self.text);
            let mut writer = Writer { types: self.types, text, args: None, package, depth: 0 };
            writer.text.begin(&format!("package {package}"))?;
            for (interface, instance) in packages.interfaces.get(package).into_iter().flatten() {
                writer.text.begin(&format!("interface {}", name(interface)))?;
                writer.interface(instance)?;
                writer.text.end()?;
            }
            writer.text.end()?;
            self.text = writer.text;
        }
        Ok(())
    }

    /// A component that carries nothing but types; nothing is written when they are no package.
    fn package_of_types(&mut self, root: &Body<'a>) -> Result<bool> {
        let mut inner = Vec::new();
        for (label, entity) in &root.exports {
            let Entity::Type(id) = entity else { return Ok(false) };
            let Type::Component(body) = self.types.get(self.definition(*id)) else { return Ok(false) };
            let Some((full, entity)) = body.exports.last() else { return Ok(false) };
            inner.push((*label, *full, body.clone(), entity.clone()));
        }
        let Some(package) = inner.first().and_then(|(_, full, ..)| split(full)).map(|(package, _)| package) else {
            return Ok(false);
        };
        let mut packages = Packages::default();
        let text = std::mem::take(&mut self.text);
        let mut writer = Writer { types: self.types, text, args: None, package: &package, depth: 0 };
        writer.text.line(&format!("package {package};"))?;
        for (label, _, body, entity) in &inner {
            for (_, entity) in &body.imports {
                if let Entity::Instance(instance) = entity {
                    packages.meet(instance);
                }
            }
            if let Entity::Instance(instance) = entity {
                writer.text.blank()?;
                writer.text.begin(&format!("interface {}", name(label)))?;
                writer.interface(instance)?;
                writer.text.end()?;
            }
        }
        for (label, _, _, entity) in &inner {
            if let Entity::Component(Some(body)) = entity {
                writer.text.blank()?;
                writer.text.begin(&format!("world {}", name(label)))?;
                writer.world(body, &mut packages)?;
                writer.text.end()?;
            }
        }
        self.text = writer.text;
        self.packages(&packages, &package)?;
        Ok(true)
    }

    /// What a name stands for in the end.
    fn definition(&self, mut id: Id) -> Id {
        while let Type::Named { of, .. } | Type::Param { of, .. } = self.types.get(id) {
            id = *of;
        }
        id
    }

    /// What a parameter is, where that is known.
    fn given(&self, id: Id) -> Id {
        match self.types.get(id) {
            Type::Param { name, .. } => self.args.as_ref().and_then(|args| args.get(name)).copied().unwrap_or(id),
            _ => id,
        }
    }

    fn interface(&mut self, instance: &Instance<'a>) -> Result<()> {
        let Some(body) = &instance.body else { return Ok(()) };
        self.args = Some(instance.args.clone());
        let mut any = self.declarations(&body.exports, false)?;
        for (label, entity) in &body.exports {
            let Entity::Func(id) = entity else { continue };
            if method(label).is_some() {
                continue;
            }
            if any {
                self.text.blank()?;
            }
            any = true;
            let plain = label.strip_prefix("[async]").unwrap_or(label);
            self.text.indented(&format!("{}: ", name(plain)))?;
            self.func(*id, 0)?;
            self.text.push(";\n")?;
        }
        self.args = None;
        Ok(())
    }

    /// The types of an interface or world: first those that others have, then its own.
    fn declarations(&mut self, entities: &[(&'a str, Entity<'a>)], mut any: bool) -> Result<bool> {
        let mut own = Vec::new();
        let mut used: Vec<(&str, Vec<String>)> = Vec::new();
        for (label, entity) in entities {
            let Entity::Type(id) = entity else { continue };
            let (Type::Named { of, .. } | Type::Param { of, .. }) = self.types.get(*id) else { continue };
            let of = self.given(*of);
            match self.types.get(of) {
                Type::Named { name: other, home: Some(home), .. } => {
                    let item = if other == label {
                        name(label).into_owned()
                    } else {
                        format!("{} as {}", name(other), name(label))
                    };
                    match used.last_mut() {
                        Some((last, items)) if last == home => items.push(item),
                        _ => used.push((home, vec![item])),
                    }
                }
                _ => own.push((*label, of)),
            }
        }
        for (home, items) in used {
            self.text.line(&format!("use {}.{{{}}};", self.path(home), items.join(", ")))?;
            any = true;
        }
        let mut methods: BTreeMap<&str, Vec<(&'a str, Option<Id>)>> = BTreeMap::new();
        for (label, entity) in entities {
            if let (Entity::Func(id), Some((resource, _))) = (entity, method(label)) {
                methods.entry(resource).or_default().push((label, *id));
            }
        }
        for (label, id) in own {
            if any {
                self.text.blank()?;
            }
            any = true;
            self.declare(label, id, methods.get(label).map_or(&[][..], Vec::as_slice))?;
        }
        Ok(any)
    }

    fn declare(&mut self, label: &str, id: Id, methods: &[(&'a str, Option<Id>)]) -> Result<()> {
        let label = name(label);
        match self.types.get(id).clone() {
            Type::Resource if methods.is_empty() => self.text.line(&format!("resource {label};")),
            Type::Resource => {
                self.text.begin(&format!("resource {label}"))?;
                for (full, id) in methods {
                    let (_, short) = method(full).unwrap_or((full, full));
                    match full.split_once(']').map_or("", |(kind, _)| kind) {
                        "[constructor" => {
                            self.text.indented("constructor")?;
                            self.signature(*id, 0, true)?;
                        }
                        "[static" | "[async static" => {
                            self.text.indented(&format!("{}: static ", name(short)))?;
                            self.func(*id, 0)?;
                        }
                        _ => {
                            self.text.indented(&format!("{}: ", name(short)))?;
                            self.func(*id, 1)?;
                        }
                    }
                    self.text.push(";\n")?;
                }
                self.text.end()
            }
            Type::Value(value, table) => self.declare_value(&label, &value, table),
            Type::Open | Type::Func(..) | Type::Instance(_) | Type::Component(_) => {
                self.text.line(&format!("// type {label};"))
            }
            Type::Named { .. } | Type::Param { .. } => {
                self.text.indented(&format!("type {label} = "))?;
                self.reference(id)?;
                self.text.push(";\n")
            }
        }
    }

    fn declare_value(&mut self, label: &str, value: &ComponentDefinedType<'a>, table: usize) -> Result<()> {
        let word = match value {
            ComponentDefinedType::Record(_) => "record",
            ComponentDefinedType::Variant(_) => "variant",
            ComponentDefinedType::Flags(_) => "flags",
            ComponentDefinedType::Enum(_) => "enum",
            _ => {
                self.text.indented(&format!("type {label} = "))?;
                match value {
                    ComponentDefinedType::Own(index) => {
                        self.generic("own", &[ComponentValType::Type(*index)], table)?
                    }
                    _ => self.value(value, table)?,
                }
                return self.text.push(";\n");
            }
        };
        self.text.begin(&format!("{word} {label}"))?;
        match value {
            ComponentDefinedType::Record(fields) => {
                for (field, of) in fields {
                    self.text.indented(&format!("{}: ", name(field)))?;
                    self.val_type(*of, table)?;
                    self.text.push(",\n")?;
                }
            }
            ComponentDefinedType::Variant(cases) => {
                for case in cases {
                    self.text.indented(&name(case.name))?;
                    if let Some(of) = case.ty {
                        self.text.push("(")?;
                        self.val_type(of, table)?;
                        self.text.push(")")?;
                    }
                    self.text.push(",\n")?;
                }
            }
            ComponentDefinedType::Flags(names) | ComponentDefinedType::Enum(names) => {
                for case in names {
                    self.text.line(&format!("{},", name(case)))?;
                }
            }
            _ => {}
        }
        self.text.end()
    }

    /// A function, without so many of its first parameters.
    fn func(&mut self, id: Option<Id>, skip: usize) -> Result<()> {
        if let Some(Type::Func(func, _)) = id.map(|id| self.types.get(id))
            && func.async_
        {
            self.text.push("async ")?;
        }
        self.text.push("func")?;
        self.signature(id, skip, false)
    }

    fn signature(&mut self, id: Option<Id>, skip: usize, is_constructor: bool) -> Result<()> {
        let Some(Type::Func(func, table)) = id.map(|id| self.types.get(id).clone()) else {
            return self.text.push("(/* not said */)");
        };
        self.text.push("(")?;
        for (at, (param, of)) in func.params.iter().skip(skip).enumerate() {
            self.text.push(if at > 0 { ", " } else { "" })?;
            self.text.push(&name(param))?;
            self.text.push(": ")?;
            self.val_type(*of, table)?;
        }
        self.text.push(")")?;
        match func.result {
            // A constructor makes what it is of, unless it may fail.
            Some(_) if is_constructor && self.makes_own(&func, table) => Ok(()),
            Some(result) => {
                self.text.push(" -> ")?;
                self.val_type(result, table)
            }
            None => Ok(()),
        }
    }

    fn makes_own(&self, func: &ComponentFuncType<'a>, table: usize) -> bool {
        let Some(ComponentValType::Type(index)) = func.result else { return false };
        let of = self.types.in_table(table, index).map(|id| self.types.get(id));
        matches!(of, Some(Type::Value(value, _)) if matches!(**value, ComponentDefinedType::Own(_)))
    }

    fn val_type(&mut self, of: ComponentValType, table: usize) -> Result<()> {
        match of {
            ComponentValType::Primitive(primitive) => self.text.push(&primitive.to_string()),
            ComponentValType::Type(index) => self.indexed(index, table),
        }
    }

    fn indexed(&mut self, index: u32, table: usize) -> Result<()> {
        let id = self.types.in_table(table, index).ok_or_else(|| wrong(&format!("there is no type {index}")))?;
        self.reference(id)
    }

    /// A type where it is used: by its name, else as what it is.
    fn reference(&mut self, id: Id) -> Result<()> {
        match self.types.get(self.given(id)).clone() {
            Type::Named { name: label, .. } => self.text.push(&name(label)),
            Type::Param { name: label, .. } => {
                self.text.push(&name(label.strip_prefix("import-type-").unwrap_or(label)))
            }
            Type::Value(value, table) => {
                if self.depth >= DEPTH {
                    return Err(wrong(&format!("its types are nested more than {DEPTH} deep")));
                }
                self.depth += 1;
                let written = self.value(&value, table);
                self.depth -= 1;
                written
            }
            Type::Func(..) | Type::Instance(_) | Type::Component(_) | Type::Resource | Type::Open => {
                self.text.push("/* not said */")
            }
        }
    }

    fn value(&mut self, value: &ComponentDefinedType<'a>, table: usize) -> Result<()> {
        match value {
            ComponentDefinedType::Primitive(primitive) => self.text.push(&primitive.to_string()),
            ComponentDefinedType::List(of) => self.generic("list", &[*of], table),
            ComponentDefinedType::Map(key, of) => self.generic("map", &[*key, *of], table),
            ComponentDefinedType::FixedLengthList(of, length) => {
                self.text.push("list<")?;
                self.val_type(*of, table)?;
                self.text.push(&format!(", {length}>"))
            }
            ComponentDefinedType::Tuple(of) => self.generic("tuple", of, table),
            ComponentDefinedType::Option(of) => self.generic("option", &[*of], table),
            ComponentDefinedType::Result { ok: None, err: Some(err) } => {
                self.text.push("result<_, ")?;
                self.val_type(*err, table)?;
                self.text.push(">")
            }
            ComponentDefinedType::Result { ok, err } => {
                self.generic("result", &ok.iter().chain(err).copied().collect::<Vec<_>>(), table)
            }
            ComponentDefinedType::Own(index) => self.indexed(*index, table),
            ComponentDefinedType::Borrow(index) => self.generic("borrow", &[ComponentValType::Type(*index)], table),
            ComponentDefinedType::Future(of) => self.generic("future", of.as_slice(), table),
            ComponentDefinedType::Stream(of) => self.generic("stream", of.as_slice(), table),
            // These have names wherever WIT was written.
            ComponentDefinedType::Record(_) => self.text.push("/* record */"),
            ComponentDefinedType::Variant(_) => self.text.push("/* variant */"),
            ComponentDefinedType::Flags(_) => self.text.push("/* flags */"),
            ComponentDefinedType::Enum(_) => self.text.push("/* enum */"),
        }
    }

    fn generic(&mut self, word: &str, of: &[ComponentValType], table: usize) -> Result<()> {
        self.text.push(word)?;
        for (at, of) in of.iter().enumerate() {
            self.text.push(if at > 0 { ", " } else { "<" })?;
            self.val_type(*of, table)?;
        }
        self.text.push(if of.is_empty() { "" } else { ">" })
    }
}

/// The resource and the name of a function that belongs to one, such as `[method]request.path`.
fn method(full: &str) -> Option<(&str, &str)> {
    let (kind, rest) = full.strip_prefix('[')?.split_once(']')?;
    match kind {
        "constructor" => Some((rest, rest)),
        "method" | "static" | "async method" | "async static" => rest.split_once('.'),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
