//! The highest cost of a tenant's credentials, which every login of that tenant must take, known user or not. Counted
//! once for trackers that share a store, then raised by what they write and read.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::rows;
use crate::error::Result;
use crate::hash::Hash;
use crate::model::{Document, Kind};
use crate::store::{Record, Scan, Scope, Store};

/// Documents read at a time.
const PAGE: usize = 500;

#[derive(Debug, Default)]
pub(super) struct Costliest(Mutex<HashMap<Hash, Known>>);

#[derive(Debug, Default, Clone, Copy)]
struct Known {
    cost: u32,
    /// Whether the stored ones are in it.
    counted: bool,
}

impl Costliest {
    fn known(&self) -> MutexGuard<'_, HashMap<Hash, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn of<S: Store>(&self, store: &S, tenant: Hash) -> Result<u32> {
        if let Some(known) = self.known().get(&tenant).filter(|known| known.counted) {
            return Ok(known.cost);
        }
        let counted = count(store, tenant).await?;
        let mut known = self.known();
        let known = known.entry(tenant).or_default();
        *known = Known { cost: counted.max(known.cost), counted: true };
        Ok(known.cost)
    }

    /// Takes one more cost into account.
    pub(super) fn raise(&self, tenant: Hash, cost: u32) {
        let mut known = self.known();
        let known = known.entry(tenant).or_default();
        known.cost = cost.max(known.cost);
    }
}

/// The highest cost of open versions.
async fn count<S: Store>(store: &S, tenant: Hash) -> Result<u32> {
    let mut highest = 0;
    let mut last: Option<(Hash, u32)> = None;
    let mut next = Some(Scan::Documents { kind: Kind::Credential, after: None });
    while let Some(scan) = next {
        let page = store.scan(Scope::Tenant(tenant), &scan, PAGE).await?;
        for damage in page.damaged {
            // Its user can't log in; the others still can.
            tracing::error!(record = damage.record, reason = damage.reason, "a damaged credential");
        }
        for record in page.records {
            let Record::Document(document) = record else { continue };
            let Document { key, .. } = *document;
            let Ok(cost) = rows::cost(&document) else { continue };
            if let Some((_, ended)) = last.filter(|(before, _)| *before != key) {
                highest = ended.max(highest);
            }
            last = Some((key, cost));
        }
        next = page.next;
    }
    Ok(last.map_or(highest, |(_, cost)| cost.max(highest)))
}
