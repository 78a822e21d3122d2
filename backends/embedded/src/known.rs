//! Operations that a writer has at hand: those that began lately will end soon, and need not be read for it.

use std::collections::HashMap;

use opledger::{Attributes, Hash, Operation, Version};

use crate::codec::HubRow;

/// Operations remembered between groups.
const OPERATIONS: usize = 4096;
/// Bytes of their texts.
const BYTES: usize = 4 << 20;

/// An operation, and what a next version needs to know of it.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) places: HubRow,
    pub(crate) tenant: u32,
    pub(crate) script_type: u32,
    pub(crate) operation: Operation,
    /// Its first version, where that is not the open one.
    pub(crate) first: Option<Box<Version>>,
}

impl Known {
    fn size(&self) -> usize {
        let versions = std::iter::once(&self.operation.open).chain(self.first.as_deref());
        versions.map(|version| texts(&version.attributes)).sum()
    }
}

fn texts(attributes: &Attributes) -> usize {
    let Attributes { sql_command, error_message, metadata, affected_objects, .. } = attributes;
    let objects = affected_objects.iter().flatten().flatten().map(String::len).sum::<usize>();
    let metadata = metadata.as_ref().map_or(0, |metadata| metadata.as_str().len());
    objects + metadata + [sql_command, error_message].into_iter().flatten().map(String::len).sum::<usize>()
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
                self.bytes = self.bytes.saturating_sub(before.size());
            }
            if !known.operation.open.attributes.execution_status.is_finished() && known.size() < BYTES {
                self.bytes += known.size();
                self.operations.insert(hk, known);
            }
        }
    }

    pub(crate) fn forget(&mut self) {
        self.operations.clear();
        self.bytes = 0;
    }
}
