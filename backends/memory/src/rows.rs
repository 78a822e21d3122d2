//! What the store holds, and how units change it.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use crate::documents::Documents;
use opledger::model::{Check, UnitId};
use opledger::store::{Change, Key, Outcome, Purged, Record, Removal, Scope, State, Unit, judge};
use opledger::{Hash, Hub, Operation, Position, Tenant, Timestamp, Version};

/// All rows, and the orders they are read in.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(crate) operations: BTreeMap<Hash, Kept>,
    /// By execution_timestamp, then hash key.
    pub(crate) history: BTreeSet<(Timestamp, Hash)>,
    /// Each version's operation, and its place there.
    pub(crate) log: BTreeMap<Position, (Hash, usize)>,
    pub(crate) checks: BTreeMap<Timestamp, (UnitId, Check)>,
    pub(crate) documents: Documents,
    /// How many versions were ever appended.
    appended: u64,
}

/// A hub with its versions, oldest first; there is always one.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) hub: Hub,
    pub(crate) versions: Vec<Version>,
}

impl Kept {
    pub(crate) fn open(&self) -> Option<&Version> {
        self.versions.last()
    }

    pub(crate) fn as_operation(&self) -> Option<Record> {
        let open = self.open()?.clone();
        Some(Record::Operation(Box::new(Operation { hub: self.hub.clone(), open })))
    }
}

impl Rows {
    /// The last position that was ever given out.
    pub(crate) fn last(&self) -> Position {
        Position::new(0, self.appended, 0)
    }

    pub(crate) fn carry_out(&mut self, unit: Unit) -> Outcome {
        match unit.change {
            Change::Start { hub, first } => self.start(unit.id, hub, first),
            Change::Append { operation, tenant, expect_open, next } => {
                self.append(unit.id, operation, tenant, expect_open, next)
            }
            Change::Check(check) => self.check(unit.id, check),
            Change::Put(put) => self.documents.put(unit.id, put, self.last()),
            Change::Remove(removal) => self.remove(unit.id, removal),
        }
    }

    fn remove(&mut self, unit: UnitId, removal: Removal) -> Outcome {
        // The record tells whether this was done before.
        if let Some(outcome) = self.documents.judge(unit, &removal.record, self.last()) {
            return outcome;
        }
        for (hk, expect_open) in &removal.operations {
            let open = self.operations.get(hk).and_then(Kept::open);
            if let Some(outcome) = judge::remove(removal.tenant, *expect_open, open) {
                return outcome;
            }
        }
        for (hk, _) in &removal.operations {
            self.take_out(*hk);
        }
        self.documents.put(unit, removal.record, self.last())
    }

    fn take_out(&mut self, hk: Hash) {
        let Some(kept) = self.operations.remove(&hk) else { return };
        for version in kept.versions {
            self.history.remove(&(version.attributes.execution_timestamp, hk));
            self.log.remove(&version.position);
        }
    }

    fn start(&mut self, unit: UnitId, hub: Hub, first: State) -> Outcome {
        let hk = hub.script_execution_hk;
        let stored = self.operations.get(&hk).and_then(|kept| Some((&kept.hub, kept.versions.first()?)));
        if let Some(outcome) = judge::start(unit, &hub, &first, stored) {
            return outcome;
        }
        self.history.insert((first.attributes.execution_timestamp, hk));
        let tenant = hub.tenant;
        self.operations.insert(hk, Kept { hub, versions: Vec::new() });
        self.add(unit, hk, tenant, first)
    }

    fn append(
        &mut self,
        unit: UnitId,
        hk: Hash,
        tenant: Tenant,
        expect_open: (Timestamp, Hash),
        next: State,
    ) -> Outcome {
        let kept = self.operations.get(&hk);
        let earlier = || {
            let mut versions = kept.into_iter().flat_map(|kept| &kept.versions);
            Ok(versions.find(|version| version.unit == unit).map(|version| (version.position, version.hash_diff)))
        };
        let Ok(judged) = judge::append::<Infallible>(tenant, expect_open, &next, kept.and_then(Kept::open), earlier);
        judged.unwrap_or_else(|| self.add(unit, hk, tenant, next))
    }

    /// Adds a version; the open one ends where it begins.
    fn add(&mut self, unit: UnitId, hk: Hash, tenant: Tenant, state: State) -> Outcome {
        self.appended += 1;
        let position = self.last();
        if let Some(kept) = self.operations.get_mut(&hk) {
            if let Some(open) = kept.versions.last_mut() {
                open.load_end_date = Some(state.load_date);
            }
            self.log.insert(position, (hk, kept.versions.len()));
            kept.versions.push(Version {
                script_execution_hk: hk,
                load_date: state.load_date,
                load_end_date: None,
                hash_diff: state.hash_diff,
                attributes: state.attributes,
                record_source: state.record_source,
                tenant,
                position,
                unit,
            });
        }
        Outcome::Done(position)
    }

    fn check(&mut self, unit: UnitId, check: Check) -> Outcome {
        if self.checks.values().any(|(known, _)| *known == unit) {
            return Outcome::Replayed(self.last());
        }
        self.checks.insert(check.at, (unit, check));
        Outcome::Done(self.last())
    }

    pub(crate) fn get(&self, scope: Scope, key: &Key) -> Option<Record> {
        match key {
            Key::Operation(hk) => self.operations.get(hk).filter(|kept| scope.sees(kept.hub.tenant))?.as_operation(),
            Key::Document(kind, key) => self.documents.get(scope, *kind, *key),
        }
    }

    pub(crate) fn purge(&mut self, scope: Scope, before: Timestamp, limit: usize) -> Purged {
        let mut found = self.history.iter().take_while(|(at, _)| *at < before).copied().filter(|(_, hk)| {
            self.operations.get(hk).is_some_and(|kept| {
                let finished = kept.open().is_some_and(|open| open.attributes.execution_status.is_finished());
                finished && scope.sees(kept.hub.tenant)
            })
        });
        let chosen: Vec<_> = found.by_ref().take(limit).collect();
        let more = found.next().is_some();
        for (_, hk) in &chosen {
            self.take_out(*hk);
        }
        Purged { operations: u64::try_from(chosen.len()).unwrap_or(u64::MAX), more }
    }
}
