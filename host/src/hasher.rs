//! The import `hasher`: hashing at the processor's own speed, lent to the component.
//!
//! The bytes are read where they lie in the component's memory.

mod offload;

use crate::bindings::portolan::image::hasher::Algorithm;
use crate::toolkit::State;
use offload::Offloaded;
pub(crate) use offload::Reading;
use portolan_image::digest::{self, Hashes as _, SoftwareHashes};
use wasmtime::component::{Linker, Resource, ResourceType, WasmList};
use wasmtime::{StoreContextMut, bail, format_err};

/// The name of the interface, as the component imports it.
const INTERFACE: &str = "portolan:image/hasher@0.1.0";

/// The most hashes that one store may have under way. The toolkit needs three, and two for each checkpoint that it is
/// told to keep.
const MOST: usize = 1024;

/// The hashes of one store, by the numbers that the component knows them by.
#[derive(Default)]
pub(crate) struct Table(Vec<Slot>);

enum Slot {
    Free,
    /// Taken out while it is being fed, or finished.
    Idle,
    Hash(Offloaded),
}

/// The resource `hash`.
struct Hash;

impl Table {
    fn insert(&mut self, hash: Offloaded) -> wasmtime::Result<u32> {
        let index = match self.0.iter().position(|slot| matches!(slot, Slot::Free)) {
            Some(index) => index,
            None if self.0.len() < MOST => {
                self.0.push(Slot::Free);
                self.0.len() - 1
            }
            None => bail!("more than {MOST} hashes are under way"),
        };
        self.0[index] = Slot::Hash(hash);
        Ok(u32::try_from(index)?)
    }

    fn take(&mut self, index: u32) -> wasmtime::Result<Offloaded> {
        match self.0.get_mut(index as usize).map(|slot| std::mem::replace(slot, Slot::Idle)) {
            Some(Slot::Hash(hash)) => Ok(hash),
            Some(_) | None => Err(format_err!("hash {index} is not under way")),
        }
    }

    fn duplicate(&mut self, index: u32) -> wasmtime::Result<u32> {
        let duplicate = match self.0.get(index as usize) {
            Some(Slot::Hash(hash)) => hash.duplicate(),
            Some(_) | None => bail!("hash {index} is not under way"),
        };
        self.insert(duplicate.ok_or_else(|| format_err!("the thread of a hash is gone"))?)
    }

    fn put(&mut self, index: u32, slot: Slot) {
        if let Some(place) = self.0.get_mut(index as usize) {
            *place = slot;
        }
    }
}

pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut hasher = linker.instance(INTERFACE)?;
    hasher.resource("hash", ResourceType::host::<Hash>(), |mut store, index| {
        store.data_mut().hashes.put(index, Slot::Free);
        Ok(())
    })?;
    hasher.func_wrap("[constructor]hash", |mut store: StoreContextMut<'_, State>, (algorithm,): (Algorithm,)| {
        let algorithm = match algorithm {
            Algorithm::Sha256 => digest::Algorithm::Sha256,
            Algorithm::Sha384 => digest::Algorithm::Sha384,
            Algorithm::Sha512 => digest::Algorithm::Sha512,
            Algorithm::Blake3 => digest::Algorithm::Blake3,
        };
        let hash = SoftwareHashes.start(&algorithm).ok_or_else(|| format_err!("cannot compute {algorithm}"))?;
        Ok((Resource::<Hash>::new_own(store.data_mut().hashes.insert(Offloaded::new(hash))?),))
    })?;
    hasher.func_wrap(
        "[method]hash.update",
        |mut store: StoreContextMut<'_, State>, (hash, bytes): (Resource<Hash>, WasmList<u8>)| {
            let mut state = store.data_mut().hashes.take(hash.rep())?;
            state.update(bytes.as_le_slice(&store));
            store.data_mut().hashes.put(hash.rep(), Slot::Hash(state));
            Ok(())
        },
    )?;
    hasher.func_wrap(
        "[method]hash.duplicate",
        |mut store: StoreContextMut<'_, State>, (hash,): (Resource<Hash>,)| {
            Ok((Resource::<Hash>::new_own(store.data_mut().hashes.duplicate(hash.rep())?),))
        },
    )?;
    hasher.func_wrap("[method]hash.finish", |mut store: StoreContextMut<'_, State>, (hash,): (Resource<Hash>,)| {
        let hash = store.data_mut().hashes.take(hash.rep())?.finish();
        Ok((hash.ok_or_else(|| format_err!("the thread of a hash is gone"))?,))
    })?;
    hasher.func_wrap("crc32", |store: StoreContextMut<'_, State>, (crc, bytes): (u32, WasmList<u8>)| {
        Ok((SoftwareHashes.crc32()(crc, bytes.as_le_slice(&store)),))
    })?;
    Ok(())
}
