//! The limits of what may wait for a sync, and what happens at them.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::meter::{Measured, Meter};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Kind, Position, Tenant};
use crate::store::{Scope, Store};
use crate::time::Timestamp;
use crate::tracker::Tracker;

use super::documents;
use super::mark::{Mark, Rows, Side};

/// What happens when the backlog is at its limit and a new operation starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// It is refused (53400), and nothing is lost.
    Refuse,
    /// The oldest operations leave, finished successes first, then failures, then running ones, until the backlog is a
    /// tenth below its limit. A GAP says how many of which time left.
    Drop,
}

/// How much may wait for a sync, in all scopes together. Without any sync so far everything waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Versions, at most.
    pub versions: Option<u64>,
    /// Bytes, at most, roughly: those of their texts.
    pub bytes: Option<u64>,
    /// The age of the oldest version, at most.
    pub age: Option<Duration>,
    /// What happens at a limit.
    pub policy: Policy,
}

/// What is over which limit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Excess {
    /// How many versions are to leave.
    pub(super) versions: u64,
    /// How many bytes are to leave.
    pub(super) bytes: u64,
    /// What is older than this is to leave.
    pub(super) older: Option<Timestamp>,
}

impl Excess {
    pub(super) fn is_any(&self) -> bool {
        self.versions > 0 || self.bytes > 0 || self.older.is_some()
    }
}

impl Limits {
    fn excess(&self, measured: &Measured, now: Timestamp) -> Excess {
        let over = |limit: Option<u64>, value: u64| match limit {
            Some(limit) if value >= limit => value - limit + limit.div_ceil(10),
            _ => 0,
        };
        let cutoff = self.age.map(|age| now.before(age));
        let older = cutoff.filter(|cutoff| measured.oldest.is_some_and(|oldest| oldest < *cutoff));
        Excess { versions: over(self.versions, measured.versions), bytes: over(self.bytes, measured.bytes), older }
    }

    fn refusal(&self, measured: &Measured, now: Timestamp) -> Error {
        let mut over = Vec::new();
        if let Some(limit) = self.versions.filter(|limit| measured.versions >= *limit) {
            over.push(format!("{} versions wait (limit {limit})", measured.versions));
        }
        if let Some(limit) = self.bytes.filter(|limit| measured.bytes >= *limit) {
            over.push(format!("{} bytes wait (limit {limit})", measured.bytes));
        }
        if let (Some(limit), Some(oldest)) = (self.age, measured.oldest)
            && oldest < now.before(limit)
        {
            over.push(format!("the oldest waits since {oldest} (limit {} s)", limit.as_secs()));
        }
        let message = format!(
            "the backlog is full, no new operation is taken: {}; sync with the server, or raise the limit",
            over.join(", ")
        );
        Error::new(ErrorKind::BacklogFull, message)
    }
}

/// A tracker's limits, and what it has measured.
#[derive(Debug)]
pub(crate) struct Backlog {
    limits: Limits,
    /// None while one caller measures: others go by what was measured last.
    meter: Mutex<(Option<Meter>, Measured)>,
}

impl Backlog {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, meter: Mutex::new((Some(Meter::default()), Measured::default())) }
    }

    /// Takes care that one more operation may start.
    pub(crate) async fn make_room<S: Store>(&self, tracker: &Tracker<S>) -> Result<()> {
        let now = tracker.now();
        let (meter, last) = {
            let mut state = self.meter.lock().unwrap_or_else(PoisonError::into_inner);
            (state.0.take(), state.1)
        };
        let Some(mut meter) = meter else {
            let full = self.limits.policy == Policy::Refuse && self.limits.excess(&last, now).is_any();
            return if full { Err(self.limits.refusal(&last, now)) } else { Ok(()) };
        };
        let mut back = Back { backlog: self, meter: Some(Meter::default()), last };
        let measured = meter.measure(tracker.store()).await?;
        back.last = measured;
        let excess = self.limits.excess(&measured, now);
        if excess.is_any() {
            if self.limits.policy == Policy::Refuse {
                back.meter = Some(meter);
                return Err(self.limits.refusal(&measured, now));
            }
            // What is dropped was counted: the next measures anew.
            return super::drop_oldest::drop_oldest(tracker, excess).await;
        }
        back.meter = Some(meter);
        Ok(())
    }
}

/// Gives the meter back, also when the caller is dropped on its way.
struct Back<'a> {
    backlog: &'a Backlog,
    meter: Option<Meter>,
    last: Measured,
}

impl Drop for Back<'_> {
    fn drop(&mut self) {
        let mut state = self.backlog.meter.lock().unwrap_or_else(PoisonError::into_inner);
        *state = (self.meter.take(), self.last);
    }
}

/// What other stores have acknowledged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Acknowledged(Vec<(Rows, Tenant, Position)>);

impl Acknowledged {
    /// Reads the mirrors of all marks. A store that shows only a tenant's rows has no others'.
    pub(super) async fn read<S: Store>(store: &S, scope: Scope) -> Result<Self> {
        match Self::of_scope(store, Scope::All).await {
            Err(error) if error.kind() == ErrorKind::Permission => Self::of_scope(store, scope).await,
            read => read,
        }
    }

    async fn of_scope<S: Store>(store: &S, scope: Scope) -> Result<Self> {
        let mut marks = Vec::new();
        let damaged = documents::each_open(store, scope, Kind::Peer, |document| {
            let mark: Mark = documents::body(&document)?;
            if mark.side == Side::Sender {
                marks.push((mark.rows, document.tenant, mark.settled));
            }
            Ok(())
        })
        .await?;
        match damaged.first() {
            None => Ok(Self(marks)),
            Some(damage) => {
                let message = format!("how far a sync got can't be read: {}: {}", damage.record, damage.reason);
                Err(Error::new(ErrorKind::Corrupt, message))
            }
        }
    }

    /// Whether no sync was ever set up.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Up to where every sync that sends rows of `tenant` got; none where none does.
    pub(super) fn upto(&self, tenant: Tenant) -> Option<Position> {
        let sending = self.0.iter().filter(|(rows, owner, _)| rows.include(*owner, tenant));
        sending.map(|(_, _, position)| *position).min()
    }

    /// Up to where all got.
    pub(super) fn slowest(&self) -> Position {
        self.0.iter().map(|(_, _, position)| *position).min().unwrap_or(Position::START)
    }

    /// Whether a version of `tenant` at `position` waits. Before any sync was set up, all do.
    pub(super) fn waits(&self, tenant: Tenant, position: Position) -> bool {
        self.is_empty() || self.upto(tenant).is_some_and(|upto| position > upto)
    }
}
