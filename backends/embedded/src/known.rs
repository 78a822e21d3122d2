//! Operations that a writer has at hand: those that began lately will end soon, and need not be read for it.

use std::collections::HashMap;

use opledger::{Hash, Operation, Version};

use crate::keys::VersionKey;

/// Operations remembered between groups.
const OPERATIONS: usize = 4096;
/// Bytes of them, as stored.
const BYTES: usize = 4 << 20;

/// An operation, and what a next version needs to know of it.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    /// Its open version.
    pub(crate) key: VersionKey,
    pub(crate) tenant: u32,
    pub(crate) script_type: u32,
    pub(crate) operation: Operation,
    /// Its first version, where that is not the open one.
    pub(crate) first: Option<Box<Version>>,
    /// Its size in bytes, as stored.
    pub(crate) length: usize,
}

/// Operations of earlier groups that have not ended.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    operations: HashMap<Hash, Known>,
    bytes: usize,
}

impl Recent {
    pub(crate) fn get(&self, hk: Hash) -> Option<&Known> {
        self.operations.get(&hk)
    }

    /// Takes over what a group knew, once it is in the engine.
    pub(crate) fn learn(&mut self, known: HashMap<Hash, Known>) {
        if self.operations.len() + known.len() > OPERATIONS || self.bytes > BYTES {
            self.forget();
        }
        for (hk, known) in known {
            if let Some(before) = self.operations.remove(&hk) {
                self.bytes = self.bytes.saturating_sub(before.length);
            }
            if !known.operation.open.attributes.execution_status.is_finished() && known.length < BYTES {
                self.bytes += known.length;
                self.operations.insert(hk, known);
            }
        }
    }

    pub(crate) fn forget(&mut self) {
        self.operations.clear();
        self.bytes = 0;
    }
}
