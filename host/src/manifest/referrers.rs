//! What refers to what in a place that has no list of that.

use super::{Asks, Descriptor, document};
use crate::error::Result;
use crate::source::Source;
use crate::toolkit::{Instance, Toolkit};
use std::ops::ControlFlow::Continue;
use std::sync::{Mutex, PoisonError};
use wasmtime::component::ResourceAny;

/// What refers to what in a layout, read when it is asked for the first time.
pub(crate) struct Referrers {
    toolkit: Toolkit,
    known: Mutex<Option<(Instance, ResourceAny)>>,
}

const ASKS: Asks = Asks {
    next: |exports, store, referrers| exports.portolan_image_manifest().referrers().call_next(store, referrers),
    supply: |exports, store, referrers, bytes| {
        exports.portolan_image_manifest().referrers().call_supply(store, referrers, bytes)
    },
};

impl Referrers {
    pub(crate) fn new(toolkit: &Toolkit) -> Self {
        Self { toolkit: toolkit.clone(), known: Mutex::new(None) }
    }

    /// What refers to a manifest or index of the place.
    pub(crate) fn find(&self, source: &dyn Source, digest: &str) -> Result<Vec<Descriptor>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (instance, referrers) = match &mut *known {
            Some(known) => known,
            unknown => unknown.insert(self.read(source)?),
        };
        let referrers = *referrers;
        instance
            .attempt(|exports, store| exports.portolan_image_manifest().referrers().call_find(store, referrers, digest))
    }

    fn read(&self, source: &dyn Source) -> Result<(Instance, ResourceAny)> {
        let index = source.index()?;
        let mut instance = self.toolkit.instantiate()?;
        let referrers = instance.attempt(|exports, store| {
            exports.portolan_image_manifest().referrers().call_start(store, &index, self.toolkit.limits())
        })?;
        ASKS.answer(&mut instance, referrers, |descriptor| Ok(Continue(document(source, &descriptor)?)))?;
        Ok((instance, referrers))
    }
}

impl std::fmt::Debug for Referrers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Referrers").finish_non_exhaustive()
    }
}
