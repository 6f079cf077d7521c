//! How much a guest may take (row 57).

use std::time::Duration;
use wasmtime::ResourceLimiter;

/// How much a program may take. What it asks for beyond is refused to it, as a machine that has no more would.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of all its memories together.
    pub memory: u64,
    /// Elements of one of its tables.
    pub table_elements: usize,
    /// Core instances that one component is made of.
    pub instances: usize,
    /// How long it may run; of a server, one request.
    pub timeout: Option<Duration>,
    /// Units of fuel, about one an instruction.
    pub fuel: Option<u64>,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { memory: 1 << 30, table_elements: 1 << 20, instances: 1000, timeout: None, fuel: None }
    }
}

/// Counts what one store takes.
#[derive(Debug)]
pub(super) struct Meter {
    bounds: Bounds,
    memory: u64,
    /// What was refused, for the message should the guest fail then.
    pub(super) refused: Option<String>,
}

impl Meter {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { bounds, memory: 0, refused: None }
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let more = (desired as u64).saturating_sub(current as u64);
        let total = self.memory.saturating_add(more);
        if total > self.bounds.memory {
            let most = self.bounds.memory;
            self.refused = Some(format!("it asked for {total} bytes of memory, and {most} are allowed"));
            return Ok(false);
        }
        let may = maximum.is_none_or(|maximum| desired <= maximum);
        if may {
            self.memory = total;
        }
        Ok(may)
    }

    fn table_growing(&mut self, _: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        if desired > self.bounds.table_elements {
            let most = self.bounds.table_elements;
            self.refused = Some(format!("it asked for a table of {desired} elements, and {most} are allowed"));
            return Ok(false);
        }
        Ok(maximum.is_none_or(|maximum| desired <= maximum))
    }

    fn instances(&self) -> usize {
        self.bounds.instances
    }

    fn tables(&self) -> usize {
        self.bounds.instances
    }

    fn memories(&self) -> usize {
        self.bounds.instances
    }
}
