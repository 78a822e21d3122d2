//! Documents as they are stored.

use opledger::hash::Metadata;
use opledger::model::{Document, Kind, UnitId};
use opledger::{Hash, Timestamp};
use serde::{Deserialize, Serialize};

/// A version of a document, but for what its key says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct DocumentRow {
    pub(crate) unit: UnitId,
    tenant: Option<Hash>,
    hash_diff: Hash,
    body: Metadata,
    record_source: String,
}

impl DocumentRow {
    pub(crate) fn new(unit: UnitId, document: &Document) -> Self {
        let Document { tenant, hash_diff, body, record_source, .. } = document;
        Self { unit, tenant: *tenant, hash_diff: *hash_diff, body: body.clone(), record_source: record_source.clone() }
    }

    pub(crate) fn into_model(self, (kind, key, load_date): (Kind, Hash, Timestamp)) -> Document {
        let Self { tenant, hash_diff, body, record_source, .. } = self;
        Document { kind, key, tenant, load_date, hash_diff, body, record_source }
    }
}
