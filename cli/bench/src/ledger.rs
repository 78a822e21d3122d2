//! What a workload runs on: a store of ours, or a baseline.

use opledger::store::{Outcome, Record, Scan, Store, Unit};
use opledger::{Clock, Timestamp};
use opledger::{Error, ErrorKind, Hash, History, Result, Scope, Status, SystemClock, Tracker};
use pollster::block_on;

use crate::content;

/// Where operations go. Every call is over when it returns, as durable as the ledger was opened for.
pub trait Ledger: Send + Sync {
    /// Starts and completes the `n`th operation, two acknowledged writes; gives its hash key.
    ///
    /// # Errors
    /// Gives the ledger's error.
    fn pair(&self, n: u64) -> Result<Hash>;

    /// Writes many units in one step.
    ///
    /// # Errors
    /// Gives the ledger's error.
    fn write(&self, units: Vec<Unit>) -> Result<()>;

    /// Reading, where the ledger has indexes to read by.
    fn reader(&self) -> Option<&dyn Reader>;

    /// Reads all that is stored and checks it in the ledger's own way: tells each operation's number and status as it
    /// stands, and gives how many versions there are.
    ///
    /// # Errors
    /// Gives XX001 when something stored is not what was written.
    fn recount(&self, each: &mut dyn FnMut(Option<u64>, Status)) -> Result<u64>;

    /// Finishes what is under way and lets go of the files.
    ///
    /// # Errors
    /// Gives the ledger's error where the last writes failed.
    fn close(self: Box<Self>) -> Result<()>;
}

/// Reads of a ledger.
pub trait Reader {
    /// One operation as it stands; none where it is unknown.
    ///
    /// # Errors
    /// Gives the ledger's error.
    fn look_up(&self, key: Hash) -> Result<Option<Status>>;

    /// The newest operations of the last 7 days, up to `limit`; gives how many.
    ///
    /// # Errors
    /// Gives the ledger's error.
    fn history(&self, limit: usize) -> Result<usize>;

    /// The figures of the last 24 hours, and how things stand.
    ///
    /// # Errors
    /// Gives the ledger's error.
    fn figures(&self, at: Timestamp) -> Result<Figures>;

    /// Makes the dashboard as a user sees it.
    ///
    /// # Errors
    /// Gives the ledger's error.
    fn dashboard(&self) -> Result<()>;

    /// Removes finished operations that started over `days` ago; gives how many.
    ///
    /// # Errors
    /// Gives the ledger's error.
    fn cleanup(&self, days: u32) -> Result<u64>;
}

/// The figures behind the dashboard.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Operations of the last 24 hours.
    pub operations: u64,
    /// Those that ended well.
    pub completed: u64,
    /// Those that failed.
    pub failed: u64,
    /// The nearest-rank 95th percentile of their durations, in milliseconds.
    pub p95_ms: Option<i32>,
    /// Those of the type `DDL_AUTO`.
    pub ddl: u64,
    /// What runs.
    pub running: u64,
    /// What has run for over 24 hours.
    pub stale: u64,
    /// All operations.
    pub total: u64,
}

/// A store of ours, by the calls that a user makes.
#[derive(Debug)]
pub struct Ours<S>(Tracker<S>);

impl<S: Store> Ours<S> {
    /// A ledger on `store`.
    pub fn new(store: S) -> Self {
        Self(Tracker::new(store))
    }

    pub(crate) fn into_tracker(self) -> Tracker<S> {
        self.0
    }
}

impl<S: Store> Ledger for Ours<S> {
    fn pair(&self, n: u64) -> Result<Hash> {
        let handle = block_on(self.0.start(content::new_operation(n)?))?;
        let key = handle.hash_key();
        if block_on(handle.finish(content::outcome(n), content::additions(n)?))?.is_recorded() {
            return Ok(key);
        }
        Err(Error::new(ErrorKind::Conflict, "the end of an operation that runs was not recorded").on(key))
    }

    fn write(&self, units: Vec<Unit>) -> Result<()> {
        let outcomes = block_on(self.0.store().commit(units))?;
        match outcomes.iter().find(|outcome| !matches!(outcome, Outcome::Done(_))) {
            None => Ok(()),
            Some(other) => Err(Error::new(ErrorKind::Conflict, format!("a new unit was answered with {other:?}"))),
        }
    }

    fn reader(&self) -> Option<&dyn Reader> {
        Some(self)
    }

    fn recount(&self, each: &mut dyn FnMut(Option<u64>, Status)) -> Result<u64> {
        let mut next = Some(Scan::Operations { after: None });
        while let Some(scan) = next {
            let page = block_on(self.0.store().scan(Scope::All, &scan, 1000))?;
            if let Some(damage) = page.damaged.first() {
                return Err(Error::new(ErrorKind::Corrupt, format!("{}: {}", damage.record, damage.reason)));
            }
            for record in page.records {
                if let Record::Operation(operation) = record {
                    let said = &operation.open.attributes;
                    each(content::number(said.sql_command.as_deref()), said.execution_status);
                }
            }
            next = page.next;
        }
        let found = block_on(self.0.for_all().verify())?;
        match found.findings.first() {
            None => Ok(found.versions),
            Some(first) => Err(Error::new(
                ErrorKind::Corrupt,
                format!("verify found {} faults: {}: {}", found.findings.len(), first.record, first.reason),
            )),
        }
    }

    fn close(self: Box<Self>) -> Result<()> {
        block_on(self.0.close())
    }
}

impl<S: Store> Reader for Ours<S> {
    fn look_up(&self, key: Hash) -> Result<Option<Status>> {
        Ok(block_on(self.0.operation(key))?.map(|operation| operation.open.attributes.execution_status))
    }

    fn history(&self, limit: usize) -> Result<usize> {
        let listing = block_on(self.0.execution_history(&History { limit: Some(limit), ..History::default() }))?;
        Ok(listing.rows.len())
    }

    fn figures(&self, at: Timestamp) -> Result<Figures> {
        let activity = block_on(self.0.activity(at))?;
        let last = opledger::report::Tally::total(activity.last.values());
        Ok(Figures {
            operations: last.operations,
            completed: last.completed,
            failed: last.failed,
            p95_ms: last.p95(),
            ddl: activity.last.get("DDL_AUTO").map_or(0, |tally| tally.operations),
            running: activity.running,
            stale: activity.stale,
            total: activity.total,
        })
    }

    fn dashboard(&self) -> Result<()> {
        block_on(self.0.enterprise_dashboard()).map(drop)
    }

    fn cleanup(&self, days: u32) -> Result<u64> {
        Ok(block_on(self.0.cleanup_old_data(days.into()))?.operations)
    }
}

/// What both of [`Ours`] and the baselines take as now.
#[must_use]
pub fn now() -> Timestamp {
    SystemClock.now()
}
