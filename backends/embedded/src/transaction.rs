//! One group of units on its way to the engine: what is written here is known here, and nowhere else before
//! the engine has it.

use std::collections::{BTreeMap, HashMap};
use std::sync::PoisonError;

use opledger::model::{Hub, UnitId};
use opledger::store::{Change, Outcome, Refusal, State, Unit, judge};
use opledger::{Error, Hash, Operation, Position, Result, Scope, Tenant, Version};
use serde::Serialize;

use crate::codec::{self, CountedRow, FirstRow, IndexRow, NextRow};
use crate::counters::{Counted, Staged};
use crate::engine::{Batch, Engine};
use crate::keys::{self, VersionKey};
use crate::known::{Known, Recent};
use crate::reader::Reader;
use crate::shared::{Names, Shared};
use crate::stored;

/// Places of the log after which the counters are stored again: counting them when a store is opened takes
/// milliseconds, and storing them costs more than the versions do.
const COUNTERS_EVERY: u64 = 1024;

/// The end of the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct LogEnd {
    /// The last place that was given out.
    pub(crate) last: u64,
    /// How many operations there are.
    pub(crate) operations: u64,
    /// Up to which place the stored counters count.
    pub(crate) counted: u64,
}

/// A group of units that becomes one batch.
pub(crate) struct Transaction<'a, E> {
    pub(crate) shared: &'a Shared<E>,
    pub(crate) engine: &'a E,
    /// In key order: neighbours go to the engine together.
    writes: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    /// The operations of earlier groups that are likely to go on.
    recent: &'a Recent,
    /// The operations of this group.
    known: HashMap<Hash, Known>,
    /// The versions of this group: what stands at the places after the end of the log, and the units that brought them.
    log: Vec<VersionKey>,
    units: HashMap<(u64, UnitId), (Position, Hash)>,
    pub(crate) staged: Staged,
    pub(crate) end: LogEnd,
    /// The counters are to be stored with this group.
    pub(crate) store_counters: bool,
}

/// What becomes of a transaction.
pub(crate) struct Group {
    pub(crate) batch: Batch,
    pub(crate) known: HashMap<Hash, Known>,
    pub(crate) staged: Staged,
    pub(crate) end: LogEnd,
}

impl<'a, E: Engine> Transaction<'a, E> {
    pub(crate) fn new(shared: &'a Shared<E>, engine: &'a E, recent: &'a Recent, end: LogEnd) -> Self {
        Self {
            shared,
            engine,
            writes: BTreeMap::new(),
            recent,
            known: HashMap::new(),
            log: Vec::new(),
            units: HashMap::new(),
            staged: shared.counters.begin(),
            end,
            store_counters: false,
        }
    }

    /// Carries out one unit, or says why not. On an error nothing of the unit is written.
    pub(crate) fn carry_out(&mut self, unit: Unit) -> Result<Outcome> {
        match unit.change {
            Change::Start { hub, first } => self.start(unit.id, hub, first),
            Change::Append { operation, tenant, expect_open, next } => {
                let known = self.known(operation)?;
                let open = known.as_ref().map(|known| &known.operation.open);
                let verdict = judge::append(tenant, expect_open, &next, open, || {
                    known.as_ref().map_or(Ok(None), |known| self.find_unit(known, unit.id))
                })?;
                match (verdict, known) {
                    (Some(outcome), _) => Ok(outcome),
                    (None, Some(known)) => self.append(unit.id, known, next),
                    (None, None) => Ok(Outcome::Refused(Refusal::Unknown)),
                }
            }
            Change::Check(check) => {
                self.put(keys::check(check.at), &check)?;
                Ok(Outcome::Done(self.shared.position(self.end.last)))
            }
        }
    }

    fn start(&mut self, unit: UnitId, hub: Hub, first: State) -> Result<Outcome> {
        let hk = hub.script_execution_hk;
        if let Some((stored_hub, stored_first)) = self.first_of(hk)?
            && let Some(outcome) = judge::start(&hub, &first, Some((&stored_hub, &stored_first)))
        {
            return Ok(outcome);
        }
        let place = self.end.last + 1;
        let tenant = self.tenant_number(hub.tenant)?;
        let script_type = self.type_number(&first.attributes.script_type)?;
        let (started, status) = (first.attributes.execution_timestamp, first.attributes.execution_status);
        let duration_ms = first.attributes.execution_duration_ms;
        let counted = Counted { tenant, script_type, started };
        let from = (&self.shared.counters, self.engine);
        self.staged.started(from, counted).map_err(|error| self.shared.engine_failed(error))?;
        if status.is_finished() {
            self.staged
                .finished(from, counted, status, duration_ms)
                .map_err(|error| self.shared.engine_failed(error))?;
        }
        self.put(keys::hub(hk), &place)?;
        let key = VersionKey::first(place);
        let row = FirstRow::new(&hub, &first, unit, tenant, script_type);
        let length = self.put_version(key, &row)?;
        self.put(keys::index(tenant, status, started, hk), &IndexRow { first: place, script_type, duration_ms })?;
        let position = self.log_version(key, unit, first.hash_diff);
        self.end.operations += 1;
        let open = version(&hub, unit, first, position);
        let operation = Operation { hub, open };
        self.known.insert(hk, Known { key, tenant, script_type, operation, first: None, length });
        Ok(Outcome::Done(position))
    }

    fn append(&mut self, unit: UnitId, known: Known, next: State) -> Result<Outcome> {
        let Known { key, tenant, script_type, operation: Operation { hub, open }, first, length } = known;
        let hk = hub.script_execution_hk;
        let started = open.attributes.execution_timestamp;
        let before = open.attributes.execution_status;
        let (status, duration_ms) = (next.attributes.execution_status, next.attributes.execution_duration_ms);
        let Some(number) = key.number.checked_add(1) else {
            return Err(Error::new(
                opledger::ErrorKind::TooLong,
                format!("operation {hk} has {} versions; that is the limit", u16::MAX),
            ));
        };
        let first = first.unwrap_or_else(|| Box::new(open));
        let key = VersionKey { first: key.first, number };
        let row = NextRow::new(&first, key.first, self.end.last + 1, unit, &next);
        if before != status {
            let counted = Counted { tenant, script_type, started };
            let from = (&self.shared.counters, self.engine);
            self.staged
                .finished(from, counted, status, duration_ms)
                .map_err(|error| self.shared.engine_failed(error))?;
            self.remove(keys::index(tenant, before, started, hk));
            let index = IndexRow { first: key.first, script_type, duration_ms };
            self.put(keys::index(tenant, status, started, hk), &index)?;
        }
        let length = length + self.put_version(key, &row)?;
        let position = self.log_version(key, unit, next.hash_diff);
        let open = version(&hub, unit, next, position);
        let operation = Operation { hub, open };
        self.known.insert(hk, Known { key, tenant, script_type, operation, first: Some(first), length });
        Ok(Outcome::Done(position))
    }

    /// Gives a version the next place.
    fn log_version(&mut self, key: VersionKey, unit: UnitId, hash_diff: Hash) -> Position {
        self.end.last += 1;
        self.log.push(key);
        let position = self.shared.position(self.end.last);
        self.units.insert((key.first, unit), (position, hash_diff));
        position
    }

    /// The operation `hk` as it stands in this group.
    pub(crate) fn known(&self, hk: Hash) -> Result<Option<Known>> {
        match self.known.get(&hk).or_else(|| self.recent.get(hk)) {
            Some(known) => Ok(Some(known.clone())),
            None => self.reader().known(hk)?.map_err(|damage| self.shared.corrupt(&damage)),
        }
    }

    fn first_of(&self, hk: Hash) -> Result<Option<(Hub, Version)>> {
        match self.known.get(&hk).or_else(|| self.recent.get(hk)) {
            Some(known) => {
                let Operation { hub, open } = &known.operation;
                Ok(Some((hub.clone(), known.first.as_deref().unwrap_or(open).clone())))
            }
            None => self.reader().first_of(hk)?.map_err(|damage| self.shared.corrupt(&damage)),
        }
    }

    pub(crate) fn find_unit(&self, known: &Known, unit: UnitId) -> Result<Option<(Position, Hash)>> {
        match self.units.get(&(known.key.first, unit)) {
            Some(found) => Ok(Some(*found)),
            None => self.reader().find_unit(known.key.first, unit),
        }
    }

    pub(crate) fn reader(&self) -> Reader<'_, E> {
        Reader { shared: self.shared, engine: self.engine, scope: Scope::All }
    }

    fn put_version<T: Serialize>(&mut self, key: VersionKey, row: &T) -> Result<usize> {
        let bytes = codec::encode(row).map_err(|damage| self.shared.corrupt(&damage))?;
        self.writes.extend(stored::pieces(key, &bytes).map(|(key, piece)| (key, Some(piece))));
        Ok(bytes.len())
    }

    fn tenant_number(&mut self, tenant: Tenant) -> Result<u32> {
        let Some(hash) = tenant else { return Ok(0) };
        let known = self.shared.names.read().unwrap_or_else(PoisonError::into_inner).tenants.get(&hash).copied();
        match known {
            Some(number) => Ok(number),
            None => self.new_name(keys::tenant(hash), Names::next_tenant),
        }
    }

    fn type_number(&mut self, name: &str) -> Result<u32> {
        match self.shared.type_number(name) {
            Some(number) => Ok(number),
            None => self.new_name(keys::script_type(name), Names::next_type),
        }
    }

    /// Numbers a new name. Readers may know it before its group is written: they find nothing under it.
    fn new_name(&mut self, key: Vec<u8>, next: fn(&Names) -> u32) -> Result<u32> {
        let number = {
            let mut names = self.shared.names.write().unwrap_or_else(PoisonError::into_inner);
            let number = next(&names);
            names.insert(&key, number);
            number
        };
        self.put(key, &number)?;
        Ok(number)
    }

    pub(crate) fn put<T: Serialize>(&mut self, key: Vec<u8>, row: &T) -> Result<()> {
        let bytes = codec::encode(row).map_err(|damage| self.shared.corrupt(&damage))?;
        self.writes.insert(key, Some(bytes));
        Ok(())
    }

    pub(crate) fn is_removed(&self, key: &[u8]) -> bool {
        self.writes.get(key).is_some_and(Option::is_none)
    }

    pub(crate) fn remove(&mut self, key: Vec<u8>) {
        self.writes.insert(key, None);
    }

    /// The group as one batch, with its place in the log and, now and then, the counters.
    pub(crate) fn into_group(mut self) -> Result<Option<Group>> {
        if self.writes.is_empty() && !self.store_counters {
            return Ok(None);
        }
        let first = self.end.last + 1 - u64::try_from(self.log.len()).unwrap_or(0);
        let log = std::mem::take(&mut self.log);
        for (key, group) in stored::groups(first, &log) {
            self.put(key, &group)?;
        }
        if self.store_counters || self.end.last - self.end.counted >= COUNTERS_EVERY {
            for (key, row) in self.shared.counters.to_store(&self.staged) {
                match row {
                    Some(row) => self.put(keys::counter(key), &row)?,
                    None => self.remove(keys::counter(key)),
                }
            }
            self.end.counted = self.end.last;
            self.put(keys::COUNTED.to_vec(), &CountedRow { place: self.end.counted })?;
        }
        let batch = Batch { entries: self.writes.into_iter().collect() };
        Ok(Some(Group { batch, known: self.known, staged: self.staged, end: self.end }))
    }
}

fn version(hub: &Hub, unit: UnitId, state: State, position: Position) -> Version {
    Version {
        script_execution_hk: hub.script_execution_hk,
        load_date: state.load_date,
        load_end_date: None,
        hash_diff: state.hash_diff,
        attributes: state.attributes,
        record_source: state.record_source,
        tenant: hub.tenant,
        position,
        unit,
    }
}
