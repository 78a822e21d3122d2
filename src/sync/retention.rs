//! Retention on a store that is synced: what is not acknowledged stays, unless it is told to go.

use super::backlog::Acknowledged;
use super::documents;
use super::drop_oldest::{Named, remove, waiting};
use super::gap::{Cause, Gap};
use super::mark::{Mark, Side};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Document, Kind, Operation, Position, Status, Tenant, UnitId};
use crate::store::{Change, Key, Outcome, Put, Record, Removal, Scan, Scope, Store, Unit};
use crate::time::Timestamp;
use crate::tracker::Tracker;

/// Operations removed in one step.
const BATCH: usize = 500;
/// How often a step is made again when a sync has written the mirror meanwhile.
const TRIES: usize = 20;

/// What a cleanup may remove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// How many days finished operations are kept, from 1.
    pub days: i64,
    /// Remove also what no sync has taken over yet; a GAP says how many that were.
    pub even_unsynced: bool,
}

impl Retention {
    /// Keeps finished operations so many days, and longer while they wait for a sync.
    #[must_use]
    pub fn days(days: i64) -> Self {
        Self { days, even_unsynced: false }
    }
}

/// What was removed, or would be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Removed {
    pub(crate) operations: u64,
    /// Old enough to go, but waiting for a sync.
    pub(crate) waiting: u64,
}

/// Removes finished operations that started before `before`, or only counts them. None where no sync is set up: then
/// a store's own `purge` does it.
pub(crate) async fn clean<S: Store>(
    tracker: &Tracker<S>,
    before: Timestamp,
    even_unsynced: bool,
    dry_run: bool,
) -> Result<Option<Removed>> {
    let acknowledged = Acknowledged::read(tracker.store(), tracker.scope()).await?;
    if acknowledged.is_empty() {
        return Ok(None);
    }
    let mut removed = Removed::default();
    for status in [Status::Completed, Status::Failed] {
        // A scan's bound is inclusive.
        let until = Some(before.before(std::time::Duration::from_micros(1)));
        let mut next =
            Some(Scan::History { since: None, until, status: Some(status), script_type: None, before: None });
        while let Some(scan) = next {
            let page = tracker.store().scan(tracker.scope(), &scan, BATCH).await?;
            let mut synced: Vec<(Tenant, Named)> = Vec::new();
            let mut unsynced: Vec<(Tenant, Named)> = Vec::new();
            let mut gaps: Vec<Gap> = Vec::new();
            for record in page.records {
                let Record::Operation(operation) = record else { continue };
                let (tenant, open) = (operation.hub.tenant, &operation.open);
                if !acknowledged.waits(tenant, open.position) {
                    add(&mut synced, &operation);
                } else if even_unsynced {
                    let upto = acknowledged.upto(tenant).unwrap_or(Position::START);
                    let (versions, _) = waiting(tracker.store(), operation.hub.script_execution_hk, upto).await?;
                    let group = add(&mut unsynced, &operation);
                    if gaps.len() <= group {
                        gaps.push(Gap::new(Cause::Retention));
                    }
                    if let Some(gap) = gaps.get_mut(group) {
                        gap.add(open.attributes.execution_status, open.attributes.execution_timestamp, versions);
                    }
                } else {
                    removed.waiting += 1;
                }
            }
            for (tenant, operations) in synced {
                let count = u64::try_from(operations.len()).unwrap_or(u64::MAX);
                if dry_run || remove_synced(tracker, tenant, operations).await? {
                    removed.operations += count;
                }
            }
            for ((tenant, operations), gap) in unsynced.into_iter().zip(gaps) {
                if dry_run || remove(tracker, tenant, operations, &gap).await? {
                    removed.operations += gap.operations;
                }
            }
            next = page.next;
        }
    }
    Ok(Some(removed))
}

/// Adds an operation to its tenant's group; gives which that is.
fn add(groups: &mut Vec<(Tenant, Named)>, operation: &Operation) -> usize {
    let tenant = operation.hub.tenant;
    let open = &operation.open;
    let named = (operation.hub.script_execution_hk, (open.load_date, open.hash_diff));
    match groups.iter_mut().position(|(group, _)| *group == tenant) {
        Some(group) => {
            if let Some((_, operations)) = groups.get_mut(group) {
                operations.push(named);
            }
            group
        }
        None => {
            groups.push((tenant, vec![named]));
            groups.len() - 1
        }
    }
}

/// Removes operations that were taken over; the mirror of the mark says how many, in the same step. False where they
/// are gone already.
async fn remove_synced<S: Store>(tracker: &Tracker<S>, tenant: Tenant, operations: Named) -> Result<bool> {
    let count = u64::try_from(operations.len()).unwrap_or(u64::MAX);
    for _ in 0..TRIES {
        let Some(mirror) = mirror_for(tracker.store(), tracker.scope(), tenant).await? else { return Ok(false) };
        let mut mark: Mark = documents::body(&mirror)?;
        mark.removed += count;
        let at = tracker.now().max(mirror.load_date.next());
        let id = (mirror.kind, mirror.key);
        let next = documents::document(id, mirror.tenant, at, &mark, tracker.record_source())?;
        let record = Put { next, expect_open: Some(mirror.hash_diff) };
        let change = Change::Remove(Removal { tenant, operations: operations.clone(), record });
        let outcomes = tracker.store().commit(vec![Unit { id: UnitId::random()?, change }]).await?;
        if matches!(outcomes.as_slice(), [Outcome::Done(_) | Outcome::Replayed(_)]) {
            return Ok(true);
        }
        // A sync wrote the mirror meanwhile, or another cleanup was faster: then they are gone.
        let keys: Vec<_> = operations.iter().map(|(hk, _)| Key::Operation(*hk)).collect();
        if tracker.store().get(Scope::All, &keys).await?.iter().any(Option::is_none) {
            return Ok(false);
        }
    }
    let message = "a sync wrote its mark at each try to remove operations: try again when it has ended";
    Err(Error::new(ErrorKind::Serialization, message))
}

/// The mirror of a mark under which rows of `tenant` go, or any where none does.
async fn mirror_for<S: Store>(store: &S, scope: Scope, tenant: Tenant) -> Result<Option<Document>> {
    let mut found: Option<(bool, Document)> = None;
    let scope = match store.scan(Scope::All, &Scan::Documents { kind: Kind::Peer, after: None }, 1).await {
        Err(error) if error.kind() == ErrorKind::Permission => scope,
        page => page.map(|_| Scope::All)?,
    };
    documents::each_open(store, scope, Kind::Peer, |document| {
        let mark: Mark = documents::body(&document)?;
        if mark.side == Side::Sender {
            let fits = mark.rows.include(document.tenant, tenant);
            if found.as_ref().is_none_or(|(known, _)| fits && !known) {
                found = Some((fits, document));
            }
        }
        Ok(())
    })
    .await?;
    Ok(found.map(|(_, document)| document))
}
