//! The model: operations with their versions in a plain list, and what becomes of them.

use std::collections::BTreeMap;
use std::time::Duration;

use opledger::hash::Metadata;
use opledger::model::Check;
use opledger::report::{Tally, rounded_down};
use opledger::store::Activity;
use opledger::{Attributes, Completion, Hash, Scope, Status, Tenant, Timestamp};

const DAY: i64 = 86_400_000_000;

/// An operation, with all that was known of it over time.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) hk: Hash,
    pub(super) tenant: Tenant,
    pub(super) versions: Vec<(Timestamp, Attributes)>,
    metadata: BTreeMap<String, String>,
    since: Duration,
}

impl Known {
    pub(super) fn open(&self) -> &Attributes {
        &self.versions.last().unwrap().1
    }

    fn add(&mut self, now: Timestamp, next: Attributes) {
        let last = self.versions.last().unwrap().0.as_micros();
        self.versions.push((Timestamp::from_micros(now.as_micros().max(last + 1)), next));
    }
}

/// All operations there are, and the keys of all there ever were.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) operations: Vec<Known>,
    keys: Vec<Hash>,
    pub(super) check: Option<Check>,
}

impl Ledger {
    /// A key that was given out, also of an operation that is gone.
    pub(super) fn pick(&self, pick: usize) -> Option<Hash> {
        self.keys.get(pick % self.keys.len().max(1)).copied()
    }

    pub(super) fn find(&self, scope: Scope, hk: Hash) -> Option<&Known> {
        self.operations.iter().find(|known| known.hk == hk && scope.sees(known.tenant))
    }

    /// The operation, or why nothing can be said of it. No scope: by handle.
    fn running(&mut self, scope: Option<Scope>, hk: Hash) -> Result<&mut Known, Completion> {
        let scope = scope.unwrap_or(Scope::All);
        let found = self.operations.iter_mut().find(|known| known.hk == hk && scope.sees(known.tenant));
        let known = found.ok_or(Completion::Unknown)?;
        match known.open().execution_status {
            Status::Running => Ok(known),
            status => Err(Completion::AlreadyFinished(status)),
        }
    }

    pub(super) fn start(
        &mut self,
        hk: Hash,
        tenant: Tenant,
        kind: &str,
        object: Option<&str>,
        now: Timestamp,
        since: Duration,
    ) {
        let first = Attributes {
            script_name: format!("a {kind}"),
            script_type: kind.to_owned(),
            execution_status: Status::Running,
            execution_timestamp: now,
            execution_duration_ms: None,
            db_session_user: Some("tester".to_owned()),
            client_ip: None,
            affected_objects: object.map(|object| vec![Some(object.to_owned())]),
            sql_command: None,
            error_message: None,
            metadata: None,
        };
        self.keys.push(hk);
        self.operations.push(Known { hk, tenant, versions: vec![(now, first)], metadata: BTreeMap::new(), since });
    }

    pub(super) fn finish(
        &mut self,
        scope: Option<Scope>,
        hk: Hash,
        failed: Option<&str>,
        now: Timestamp,
        monotonic: Option<Duration>,
    ) -> Completion {
        let known = match self.running(scope, hk) {
            Ok(known) => known,
            Err(refused) => return refused,
        };
        let mut next = known.open().clone();
        let millis = match monotonic {
            Some(monotonic) => i128::try_from((monotonic - known.since).as_millis()).unwrap(),
            None => i128::from(now.as_micros() - next.execution_timestamp.as_micros()).div_euclid(1000),
        };
        next.execution_duration_ms = Some(i32::try_from(millis.clamp(0, i128::from(i32::MAX))).unwrap());
        next.execution_status = if failed.is_some() { Status::Failed } else { Status::Completed };
        next.error_message = failed.map(str::to_owned);
        known.add(now, next);
        Completion::Recorded
    }

    pub(super) fn annotate(
        &mut self,
        scope: Option<Scope>,
        hk: Hash,
        says: (&str, &str),
        now: Timestamp,
    ) -> Completion {
        let known = match self.running(scope, hk) {
            Ok(known) => known,
            Err(refused) => return refused,
        };
        let mut next = known.open().clone();
        if says.0 == "object" {
            let objects = next.affected_objects.get_or_insert_default();
            let object = Some(says.1.to_owned());
            if !objects.contains(&object) {
                objects.push(object);
            }
        } else {
            known.metadata.insert(says.0.to_owned(), says.1.to_owned());
            next.metadata = Some(Metadata::from_pairs(known.metadata.clone()).unwrap());
        }
        if next != *known.open() {
            known.add(now, next);
        }
        Completion::Recorded
    }

    pub(super) fn cleanup(&mut self, scope: Scope, now: Timestamp, days: i64) -> u64 {
        let before = self.operations.len();
        self.operations.retain(|known| {
            let open = known.open();
            let young = open.execution_timestamp.as_micros() >= now.as_micros() - days * DAY;
            young || open.execution_status == Status::Running || !scope.sees(known.tenant)
        });
        u64::try_from(before - self.operations.len()).unwrap()
    }

    pub(super) fn verified(&mut self, at: Timestamp) {
        if self.check.as_ref().is_none_or(|check| check.at <= at) {
            self.check = Some(Check { at, orphan_versions: 0, open_versions: 0, hash_mismatches: 0, other: 0 });
        }
    }

    /// Moments beside each change of an operation.
    pub(super) fn moments(&self, hk: Hash, micros: i64) -> Vec<Timestamp> {
        let versions = self.find(Scope::All, hk).map_or(&[][..], |known| &known.versions);
        versions.iter().map(|(at, _)| Timestamp::from_micros(at.as_micros() + micros)).collect()
    }

    /// The operations of a scope that started within so many days of `now`, newest first.
    pub(super) fn history(&self, scope: Scope, now: Timestamp, micros: i64) -> Vec<&Known> {
        let key = |known: &Known| (known.open().execution_timestamp, known.hk);
        let since = now.as_micros() - micros;
        let mut found: Vec<_> = self
            .operations
            .iter()
            .filter(|known| scope.sees(known.tenant) && known.open().execution_timestamp.as_micros() > since)
            .collect();
        found.sort_by_key(|known| std::cmp::Reverse(key(known)));
        found
    }

    pub(super) fn activity(&self, scope: Scope, now: Timestamp) -> Activity {
        let mut activity = Activity::default();
        let mut durations: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
        for known in self.operations.iter().filter(|known| scope.sees(known.tenant)) {
            let open = known.open();
            let age = now.as_micros() - open.execution_timestamp.as_micros();
            let running = open.execution_status == Status::Running;
            activity.total += 1;
            activity.running += u64::from(running);
            activity.stale += u64::from(running && age > DAY);
            let tallies = if age < DAY { &mut activity.last } else { &mut activity.before };
            if age < 2 * DAY {
                let tally = tallies.entry(open.script_type.clone()).or_default();
                tally.count(open.execution_status, open.execution_duration_ms);
            }
            if age < DAY {
                durations.entry(&open.script_type).or_default().extend(open.execution_duration_ms);
            }
        }
        for (kind, durations) in durations {
            check_tally(&activity.last[kind], durations);
        }
        activity
    }
}

/// The core's counting of durations, against the plain list of them.
fn check_tally(tally: &Tally, mut durations: Vec<i32>) {
    durations.sort_unstable();
    assert_eq!(tally.timed, u64::try_from(durations.len()).unwrap());
    assert_eq!(tally.duration_max, durations.last().copied());
    assert_eq!(tally.duration_sum, durations.iter().map(|ms| u64::try_from(*ms).unwrap()).sum::<u64>());
    let rank = (durations.len() * 95).div_ceil(100);
    assert_eq!(tally.p95(), rank.checked_sub(1).map(|place| rounded_down(durations[place])));
}
