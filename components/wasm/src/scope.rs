//! The types of a component, and what it imports and exports, as far as names and declarations say so.
//!
//! Nothing is validated here, so that this is small where it is compiled to WebAssembly. What a component leaves open, such
//! as the functions of an instance that another component makes, is open here too.

use portolan_image::{Error, Result};
use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;
use wasmparser::{
    BinaryReader, BinaryReaderError, CanonicalFunction, ComponentAlias, ComponentDefinedType, ComponentExport,
    ComponentExternalKind, ComponentFuncType, ComponentImport, ComponentInstance, ComponentOuterAliasKind,
    ComponentType, ComponentTypeRef, CoreType, Encoding, Parser, Payload, TypeBounds,
};

/// How deep components and their types are nested; the same as validators allow.
pub(crate) const DEPTH: usize = 100;
/// How many types, imports, exports and aliases there are. Whole packages of WIT have thousands.
const ITEMS: usize = 200_000;

/// How many bytes declare types. In memory they may become sixteen times as much.
const TYPE_BYTES: usize = 4 << 20;

/// The number of a type, wherever it was declared.
pub(crate) type Id = usize;

/// A type.
#[derive(Clone)]
pub(crate) enum Type<'a> {
    /// One that another declares, by its name. What was taken from an instance has that for its home.
    Named {
        name: &'a str,
        home: Option<&'a str>,
        of: Id,
    },
    /// One that whoever instantiates the component chooses, within a bound.
    Param {
        name: &'a str,
        of: Id,
    },
    /// A value, whose types are those of a table.
    Value(Rc<ComponentDefinedType<'a>>, usize),
    /// A function, whose types are those of a table.
    Func(Rc<ComponentFuncType<'a>>, usize),
    Instance(Rc<Body<'a>>),
    Component(Rc<Body<'a>>),
    Resource,
    /// Of what nothing is known.
    Open,
}

/// What is imported or exported.
#[derive(Clone)]
pub(crate) enum Entity<'a> {
    Func(Option<Id>),
    Type(Id),
    Instance(Instance<'a>),
    Component(Option<Rc<Body<'a>>>),
    Other,
}

/// An instance: its name where it has one, and what it exports.
#[derive(Clone, Default)]
pub(crate) struct Instance<'a> {
    pub(crate) name: Option<&'a str>,
    pub(crate) body: Option<Rc<Body<'a>>>,
    /// What the parameters of its types are.
    pub(crate) args: Rc<BTreeMap<&'a str, Id>>,
}

/// What a component or instance imports and exports.
#[derive(Default)]
pub(crate) struct Body<'a> {
    pub(crate) imports: Vec<(&'a str, Entity<'a>)>,
    pub(crate) exports: Vec<(&'a str, Entity<'a>)>,
    names: BTreeMap<&'a str, usize>,
}

impl<'a> Body<'a> {
    fn export(&mut self, name: &'a str, entity: Entity<'a>) {
        self.names.insert(name, self.exports.len());
        self.exports.push((name, entity));
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Entity<'a>> {
        self.names.get(name).and_then(|at| self.exports.get(*at)).map(|(_, entity)| entity)
    }
}

#[derive(Default)]
struct Scope<'a> {
    /// Which table has its types.
    table: usize,
    funcs: Vec<Option<Id>>,
    instances: Vec<Instance<'a>>,
    components: Vec<Option<Rc<Body<'a>>>>,
    body: Body<'a>,
}

/// All types of a component.
#[derive(Default)]
pub(crate) struct Types<'a> {
    types: Vec<Type<'a>>,
    /// The numbers of the types of each scope, by their indices there. They outlive their scopes.
    tables: Vec<Vec<Id>>,
    scopes: Vec<Scope<'a>>,
    items: usize,
}

/// Reads a component: its types, and what it imports and exports. Modules and components inside it are passed over as far
/// as nothing of them is exported.
pub(crate) fn read(bytes: &[u8]) -> Result<(Types<'_>, Body<'_>)> {
    let mut types = Types::default();
    // For every component and module that is begun, whether it is a component.
    let mut begun = Vec::new();
    let mut declaring = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(invalid)? {
            Payload::Version { encoding, .. } => {
                let is_component = encoding == Encoding::Component;
                begun.push(is_component);
                if is_component {
                    types.open()?;
                }
            }
            Payload::End(_) => {
                let was_component = begun.pop() == Some(true);
                if was_component {
                    let body = types.close()?;
                    match types.scopes.last_mut() {
                        Some(scope) => scope.components.push(Some(Rc::new(body))),
                        None => return Ok((types, body)),
                    }
                }
            }
            Payload::ComponentTypeSection(section) => {
                let range = section.range();
                declaring = declaring.saturating_add(range.len());
                if declaring > TYPE_BYTES {
                    return Err(wrong(&format!("its types are declared by more than {TYPE_BYTES} bytes")));
                }
                each(bytes, range, &mut |reader| {
                    let id = types.declared(reader)?;
                    types.push(id)
                })?;
            }
            Payload::ComponentImportSection(section) => each(bytes, section.range(), &mut |reader| {
                let import: ComponentImport<'_> = reader.read().map_err(invalid)?;
                let name = import.name.name;
                let entity = types.described(name, import.ty, true)?;
                types.scope()?.body.imports.push((name, entity));
                Ok(())
            })?,
            Payload::ComponentExportSection(section) => {
                each(bytes, section.range(), &mut |reader| types.exported(&reader.read().map_err(invalid)?))?
            }
            Payload::ComponentAliasSection(section) => {
                each(bytes, section.range(), &mut |reader| types.alias(reader.read().map_err(invalid)?))?;
            }
            Payload::ComponentInstanceSection(section) => {
                each(bytes, section.range(), &mut |reader| types.instantiated(reader.read().map_err(invalid)?))?
            }
            Payload::ComponentCanonicalSection(section) => each(bytes, section.range(), &mut |reader| {
                if let CanonicalFunction::Lift { type_index, .. } = reader.read().map_err(invalid)? {
                    let id = types.at(type_index)?;
                    types.count()?;
                    types.scope()?.funcs.push(Some(id));
                }
                Ok(())
            })?,
            _ => {}
        }
    }
    Err(wrong("it is no component"))
}

/// Reads the items of a section one by one. The parser's own iterators are compiled for every kind of item.
fn each<'a>(
    bytes: &'a [u8],
    section: Range<usize>,
    item: &mut dyn FnMut(&mut BinaryReader<'a>) -> Result<()>,
) -> Result<()> {
    let start = section.start;
    let section = bytes.get(section).ok_or_else(|| wrong("it ends in a section"))?;
    let mut reader = BinaryReader::new(section, start);
    for _ in 0..reader.read_var_u32().map_err(invalid)? {
        item(&mut reader)?;
    }
    if reader.eof() { Ok(()) } else { Err(wrong(&format!("a section goes on at byte {}", reader.original_position()))) }
}

impl<'a> Types<'a> {
    /// A type by its number.
    pub(crate) fn get(&self, id: Id) -> &Type<'a> {
        self.types.get(id).unwrap_or(&Type::Open)
    }

    /// The number of a type by its index in a table.
    pub(crate) fn in_table(&self, table: usize, index: u32) -> Option<Id> {
        self.tables.get(table)?.get(index as usize).copied()
    }

    fn open(&mut self) -> Result<()> {
        if self.scopes.len() >= DEPTH {
            return Err(wrong(&format!("its components and types are nested more than {DEPTH} deep")));
        }
        self.count()?;
        self.scopes.push(Scope { table: self.tables.len(), ..Scope::default() });
        self.tables.push(Vec::new());
        Ok(())
    }

    fn close(&mut self) -> Result<Body<'a>> {
        self.scopes.pop().map(|scope| scope.body).ok_or_else(|| wrong("a component ends that did not begin"))
    }

    fn scope(&mut self) -> Result<&mut Scope<'a>> {
        self.scopes.last_mut().ok_or_else(|| wrong("a section is outside of a component"))
    }

    fn count(&mut self) -> Result<()> {
        self.items += 1;
        if self.items > ITEMS {
            return Err(wrong(&format!("it has more than {ITEMS} types, imports and exports")));
        }
        Ok(())
    }

    fn add(&mut self, new: Type<'a>) -> Result<Id> {
        self.count()?;
        self.types.push(new);
        Ok(self.types.len() - 1)
    }

    /// Gives a type the next index of its scope.
    fn push(&mut self, id: Id) -> Result<()> {
        self.count()?;
        let table = self.scope()?.table;
        if let Some(table) = self.tables.get_mut(table) {
            table.push(id);
        }
        Ok(())
    }

    /// The number of the type that has an index in the scope.
    fn at(&mut self, index: u32) -> Result<Id> {
        let table = self.scope()?.table;
        self.in_table(table, index).ok_or_else(|| wrong(&format!("there is no type {index}")))
    }

    /// Reads the declaration of a type. The parser's own reader follows types inside types as deep as they are.
    fn declared(&mut self, reader: &mut BinaryReader<'a>) -> Result<Id> {
        let mut ahead = reader.clone();
        let is_component = match ahead.read_u8().map_err(invalid)? {
            0x41 => true,
            0x42 => false,
            _ => {
                let table = self.scope()?.table;
                let read = match reader.read().map_err(invalid)? {
                    ComponentType::Defined(defined) => Type::Value(Rc::new(defined), table),
                    ComponentType::Func(func) => Type::Func(Rc::new(func), table),
                    ComponentType::Resource { .. } => Type::Resource,
                    ComponentType::Component(_) | ComponentType::Instance(_) => Type::Open,
                };
                return self.add(read);
            }
        };
        *reader = ahead;
        self.open()?;
        for _ in 0..reader.read_var_u32().map_err(invalid)? {
            self.declaration(reader)?;
        }
        let body = Rc::new(self.close()?);
        self.add(if is_component { Type::Component(body) } else { Type::Instance(body) })
    }

    fn declaration(&mut self, reader: &mut BinaryReader<'a>) -> Result<()> {
        match reader.read_u8().map_err(invalid)? {
            0x00 => {
                reader.read::<CoreType<'a>>().map_err(invalid)?;
            }
            0x01 => {
                let id = self.declared(reader)?;
                self.push(id)?;
            }
            0x02 => self.alias(reader.read().map_err(invalid)?)?,
            byte @ (0x03 | 0x04) => {
                let import: ComponentImport<'a> = reader.read().map_err(invalid)?;
                let entity = self.described(import.name.name, import.ty, byte == 0x03)?;
                let body = &mut self.scope()?.body;
                match byte {
                    0x03 => body.imports.push((import.name.name, entity)),
                    _ => body.export(import.name.name, entity),
                }
            }
            byte => return Err(wrong(&format!("a declaration of a type begins with {byte:#04x}"))),
        }
        Ok(())
    }

    /// What a name with a type stands for, which has the next index of its kind from now on.
    fn described(&mut self, name: &'a str, described: ComponentTypeRef, is_param: bool) -> Result<Entity<'a>> {
        self.count()?;
        Ok(match described {
            ComponentTypeRef::Type(bounds) => {
                let of = match bounds {
                    TypeBounds::Eq(index) => self.at(index)?,
                    TypeBounds::SubResource => self.add(Type::Resource)?,
                };
                let new = if is_param { Type::Param { name, of } } else { Type::Named { name, home: None, of } };
                let id = self.add(new)?;
                self.push(id)?;
                Entity::Type(id)
            }
            ComponentTypeRef::Func(index) => {
                let id = self.at(index)?;
                self.scope()?.funcs.push(Some(id));
                Entity::Func(Some(id))
            }
            ComponentTypeRef::Instance(index) => {
                let id = self.at(index)?;
                let body = match self.get(id) {
                    Type::Instance(body) => Some(body.clone()),
                    _ => None,
                };
                let instance = Instance { name: Some(name), body, ..Instance::default() };
                self.scope()?.instances.push(instance.clone());
                Entity::Instance(instance)
            }
            ComponentTypeRef::Component(index) => {
                let id = self.at(index)?;
                let body = match self.get(id) {
                    Type::Component(body) => Some(body.clone()),
                    _ => None,
                };
                self.scope()?.components.push(body.clone());
                Entity::Component(body)
            }
            ComponentTypeRef::Module(_) | ComponentTypeRef::Value(_) => Entity::Other,
        })
    }

    /// An export of a component itself.
    fn exported(&mut self, export: &ComponentExport<'a>) -> Result<()> {
        let name = export.name.name;
        let entity = match export.ty {
            Some(described) => self.described(name, described, false)?,
            None => {
                let entity = self.indexed(name, export.kind, export.index)?;
                self.keep(&entity)?;
                entity
            }
        };
        self.scope()?.body.export(name, entity);
        Ok(())
    }

    /// What an index of a kind stands for, under a name.
    fn indexed(&mut self, name: &'a str, kind: ComponentExternalKind, index: u32) -> Result<Entity<'a>> {
        self.count()?;
        let missing = || wrong(&format!("there is no {} {index}", kind.desc()));
        let at = index as usize;
        Ok(match kind {
            ComponentExternalKind::Type => {
                let of = self.at(index)?;
                Entity::Type(self.add(Type::Named { name, home: None, of })?)
            }
            ComponentExternalKind::Func => Entity::Func(self.scope()?.funcs.get(at).copied().ok_or_else(missing)?),
            ComponentExternalKind::Instance => {
                let instance = self.scope()?.instances.get(at).cloned().ok_or_else(missing)?;
                Entity::Instance(Instance { name: Some(name), ..instance })
            }
            ComponentExternalKind::Component => {
                Entity::Component(self.scope()?.components.get(at).cloned().ok_or_else(missing)?)
            }
            ComponentExternalKind::Module | ComponentExternalKind::Value => Entity::Other,
        })
    }

    /// Gives something the next index of its kind.
    fn keep(&mut self, entity: &Entity<'a>) -> Result<()> {
        self.count()?;
        match entity.clone() {
            Entity::Type(id) => self.push(id)?,
            Entity::Func(id) => self.scope()?.funcs.push(id),
            Entity::Instance(instance) => self.scope()?.instances.push(instance),
            Entity::Component(body) => self.scope()?.components.push(body),
            Entity::Other => {}
        }
        Ok(())
    }

    fn alias(&mut self, alias: ComponentAlias<'a>) -> Result<()> {
        match alias {
            ComponentAlias::InstanceExport { kind, instance_index, name } => {
                let missing = || wrong(&format!("there is no instance {instance_index}"));
                let instance = self.scope()?.instances.get(instance_index as usize).cloned().ok_or_else(missing)?;
                let found = instance.body.as_ref().and_then(|body| body.find(name)).cloned();
                let entity = match (kind, found) {
                    (ComponentExternalKind::Type, found) => {
                        let of = match found {
                            Some(Entity::Type(id)) => id,
                            _ => self.add(Type::Open)?,
                        };
                        Entity::Type(self.add(Type::Named { name, home: instance.name, of })?)
                    }
                    (_, Some(found)) => found,
                    (ComponentExternalKind::Func, None) => Entity::Func(None),
                    (ComponentExternalKind::Instance, None) => Entity::Instance(Instance::default()),
                    (ComponentExternalKind::Component, None) => Entity::Component(None),
                    (_, None) => Entity::Other,
                };
                self.keep(&entity)
            }
            ComponentAlias::Outer { kind, count, index } => {
                let missing = || wrong(&format!("there is nothing {count} scopes further out at {index}"));
                let level = self.scopes.len().checked_sub(1 + count as usize);
                let outer = level.and_then(|level| self.scopes.get(level)).ok_or_else(missing)?;
                match kind {
                    ComponentOuterAliasKind::Type => {
                        let id = self.in_table(outer.table, index).ok_or_else(missing)?;
                        self.push(id)
                    }
                    ComponentOuterAliasKind::Component => {
                        let body = outer.components.get(index as usize).cloned().ok_or_else(missing)?;
                        self.keep(&Entity::Component(body))
                    }
                    ComponentOuterAliasKind::CoreModule | ComponentOuterAliasKind::CoreType => Ok(()),
                }
            }
            ComponentAlias::CoreInstanceExport { .. } => Ok(()),
        }
    }

    fn instantiated(&mut self, made: ComponentInstance<'a>) -> Result<()> {
        let instance = match made {
            ComponentInstance::Instantiate { component_index, args } => {
                let mut types = BTreeMap::new();
                for arg in args.iter().filter(|arg| arg.kind == ComponentExternalKind::Type) {
                    types.insert(arg.name, self.at(arg.index)?);
                }
                let body = self.scope()?.components.get(component_index as usize).cloned();
                let body = body.ok_or_else(|| wrong(&format!("there is no component {component_index}")))?;
                Instance { name: None, body, args: Rc::new(types) }
            }
            ComponentInstance::FromExports(exports) => {
                let mut body = Body::default();
                for export in &exports {
                    let entity = self.indexed(export.name.name, export.kind, export.index)?;
                    body.export(export.name.name, entity);
                }
                Instance { body: Some(Rc::new(body)), ..Instance::default() }
            }
        };
        self.keep(&Entity::Instance(instance))
    }
}

/// What the parser says of bytes that are no WebAssembly.
pub(crate) fn invalid(error: BinaryReaderError) -> Error {
    wrong(&format!("{} at byte {}", error.message(), error.offset()))
}

/// What is wrong with a file of WebAssembly.
pub(crate) fn wrong(reason: &str) -> Error {
    Error::InvalidWorkload { tried: vec![format!("it is not valid WebAssembly: {reason}")] }
}
