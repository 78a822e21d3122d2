//! The backlog over its limit: the oldest operations leave, and GAPs say so.

use super::backlog::{Acknowledged, Excess};
use super::gap::{Cause, Gap};
use super::parcel::weight;
use crate::error::Result;
use crate::hash::Hash;
use crate::model::{Position, Status, Tenant, UnitId, Version};
use crate::store::{Change, Key, Outcome, Put, Record, Removal, Scan, Scope, Store, Unit};
use crate::time::Timestamp;
use crate::tracker::Tracker;

/// Entries read at a time.
const PAGE: usize = 500;

/// Removes waiting operations, oldest first, until the excess is gone or nothing is left that may go.
pub(super) async fn drop_oldest<S: Store>(tracker: &Tracker<S>, mut excess: Excess) -> Result<()> {
    let store = tracker.store();
    let acknowledged = Acknowledged::read(store, Scope::All).await?;
    for status in [Status::Completed, Status::Failed, Status::Running] {
        let mut next = Some(Scan::Log { after: acknowledged.slowest() });
        while let Some(scan) = next {
            let page = store.scan(Scope::All, &scan, PAGE).await?;
            let mut leaving = Leaving::default();
            for record in page.records {
                let Record::Entry(entry) = record else { continue };
                let last = entry.version;
                let old = excess.older.is_some_and(|cutoff| last.load_date < cutoff);
                let over = leaving.versions < excess.versions || leaving.bytes < excess.bytes;
                if last.attributes.execution_status != status
                    || !(old || over)
                    || !acknowledged.waits(last.tenant, last.position)
                    || !is_open(store, &last).await?
                {
                    continue;
                }
                leaving.add(store, last, &acknowledged).await?;
            }
            let (versions, bytes) = leaving.leave(tracker).await?;
            excess.versions = excess.versions.saturating_sub(versions);
            excess.bytes = excess.bytes.saturating_sub(bytes);
            next = page.next.filter(|_| excess.is_any());
        }
        if !excess.is_any() {
            break;
        }
    }
    Ok(())
}

/// Whether this is how the operation stands: a running one may have gone on.
async fn is_open<S: Store>(store: &S, version: &Version) -> Result<bool> {
    if version.attributes.execution_status.is_finished() {
        return Ok(true);
    }
    let found = store.get(Scope::All, &[Key::Operation(version.script_execution_hk)]).await?;
    Ok(found.into_iter().flatten().any(|record| match record {
        Record::Operation(operation) => operation.open.position == version.position,
        _ => false,
    }))
}

/// Operations by name, each with the load date and hash_diff of its open version.
pub(super) type Named = Vec<(Hash, (Timestamp, Hash))>;

/// Operations that are about to leave.
#[derive(Default)]
struct Leaving {
    by_tenant: Vec<(Tenant, Gap, Named)>,
    versions: u64,
    bytes: u64,
}

impl Leaving {
    async fn add<S: Store>(&mut self, store: &S, last: Version, acknowledged: &Acknowledged) -> Result<()> {
        let upto = acknowledged.upto(last.tenant).unwrap_or(Position::START);
        let (versions, bytes) = waiting(store, last.script_execution_hk, upto).await?;
        self.versions += versions;
        self.bytes += bytes;
        let group = match self.by_tenant.iter_mut().find(|(tenant, ..)| *tenant == last.tenant) {
            Some(group) => group,
            None => {
                self.by_tenant.push((last.tenant, Gap::new(Cause::Backlog), Vec::new()));
                let Some(group) = self.by_tenant.last_mut() else { return Ok(()) };
                group
            }
        };
        group.1.add(last.attributes.execution_status, last.attributes.execution_timestamp, versions);
        group.2.push((last.script_execution_hk, (last.load_date, last.hash_diff)));
        Ok(())
    }

    /// Removes them, each tenant's with its GAP in one step; gives how many versions and bytes left.
    async fn leave<S: Store>(self, tracker: &Tracker<S>) -> Result<(u64, u64)> {
        for (tenant, gap, operations) in self.by_tenant {
            let count = gap.operations;
            if remove(tracker, tenant, operations, &gap).await? {
                tracing::warn!(operations = count, "the backlog was over its limit: operations were dropped");
            }
        }
        Ok((self.versions, self.bytes))
    }
}

/// Removes operations and puts the GAP that says so; false where one of them has changed meanwhile, and nothing left.
pub(super) async fn remove<S: Store>(
    tracker: &Tracker<S>,
    tenant: Tenant,
    operations: Named,
    gap: &Gap,
) -> Result<bool> {
    let next = gap.document(tenant, tracker.now(), tracker.record_source())?;
    let record = Put { next, expect_open: None };
    let change = Change::Remove(Removal { tenant, operations, record });
    let done = tracker.store().commit(vec![Unit { id: UnitId::random()?, change }]).await?;
    Ok(matches!(done.as_slice(), [Outcome::Done(_) | Outcome::Replayed(_)]))
}

/// How many versions of an operation wait, and their bytes.
pub(super) async fn waiting<S: Store>(store: &S, operation: Hash, upto: Position) -> Result<(u64, u64)> {
    let (mut versions, mut bytes) = (0, 0);
    let mut next = Some(Scan::Versions { operation, after: None });
    while let Some(scan) = next {
        let page = store.scan(Scope::All, &scan, PAGE).await?;
        for record in page.records {
            let Record::Version(version) = record else { continue };
            if version.position > upto {
                versions += 1;
                bytes += u64::try_from(weight(&version.attributes)).unwrap_or(u64::MAX);
            }
        }
        next = page.next;
    }
    Ok((versions, bytes))
}
