//! One group of units on its way to the engine: what is written here is known here, and nowhere else before
//! the engine has it.

use std::collections::{BTreeMap, HashMap};
use std::sync::PoisonError;

use opledger::model::{Hub, UnitId};
use opledger::store::{Change, Outcome, Refusal, State, Unit, judge};
use opledger::{Hash, Operation, Position, Result, Scope, Tenant, Version};
use serde::Serialize;

use crate::block;
use crate::codec::{self, CountedRow, FirstRow, HubRow, IndexRow, NextRow, Row};
use crate::counters::{Counted, Staged};
use crate::engine::{Batch, Engine};
use crate::keys;
use crate::known::{Known, Recent};
use crate::pending::Edit;
use crate::reader::Reader;
use crate::shared::{Names, Shared};

/// Places of the log after which indexes and counters are stored again: making them from the log when a store is opened
/// takes milliseconds, and storing them costs more than the versions do.
pub(crate) const SETTLE_EVERY: u64 = 4096;

/// The end of the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct LogEnd {
    /// The last place that was given out.
    pub(crate) last: u64,
    /// How many operations there are.
    pub(crate) operations: u64,
    /// Up to which place indexes and counters are stored.
    pub(crate) settled: u64,
}

/// A group of units that becomes one batch.
pub(crate) struct Transaction<'a, E> {
    pub(crate) shared: &'a Shared<E>,
    pub(crate) engine: &'a E,
    /// In key order: neighbours go to the engine together.
    pub(crate) writes: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    /// The operations of earlier groups that are likely to go on.
    recent: &'a Recent,
    /// The operations of this group.
    known: HashMap<Hash, Known>,
    /// The versions of this group, which stand at the places after the end of the log, and the units that brought them.
    log: Vec<Vec<u8>>,
    units: HashMap<(u64, UnitId), (Position, Hash)>,
    edits: Vec<Edit>,
    pub(crate) staged: Staged,
    pub(crate) end: LogEnd,
    /// Indexes and counters are to be stored with this group.
    pub(crate) settle: bool,
    /// The versions that wait in memory are to be stored with this group.
    pub(crate) flush: bool,
}

/// What becomes of a transaction.
pub(crate) struct Group {
    /// None where its versions wait in memory.
    pub(crate) batch: Option<Batch>,
    /// The versions that are to wait.
    pub(crate) held: Vec<Vec<u8>>,
    pub(crate) known: HashMap<Hash, Known>,
    pub(crate) edits: Vec<Edit>,
    pub(crate) staged: Staged,
    pub(crate) end: LogEnd,
    /// Indexes and counters are in the batch, too.
    pub(crate) settled: bool,
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
            edits: Vec::new(),
            staged: shared.counters.begin(),
            end,
            settle: false,
            flush: false,
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
            Change::Put(put) => self.put_document(unit.id, put),
            Change::Remove(removal) => self.remove_operations(unit.id, removal),
        }
    }

    fn start(&mut self, unit: UnitId, hub: Hub, first: State) -> Result<Outcome> {
        let hk = hub.script_execution_hk;
        if let Some((stored_hub, stored_first)) = self.first_of(hk)?
            && let Some(outcome) = judge::start(unit, &hub, &first, Some((&stored_hub, &stored_first)))
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
        let row = FirstRow::new(&hub, &first, unit, tenant, script_type);
        let places = HubRow::new(place, place);
        self.edits.push(Edit::Add(keys::hub(hk), self.encode(&places)?));
        let index = self.encode(&IndexRow { script_type, duration_ms })?;
        self.edits.push(Edit::Add(keys::index(tenant, status, started, hk), index));
        self.log_version(&Row::First(Box::new(row)))?;
        let position = self.note_unit(place, unit, first.hash_diff);
        self.end.operations += 1;
        let open = version(&hub, unit, first, position);
        let operation = Operation { hub, open };
        self.known.insert(hk, Known { places, tenant, script_type, operation, first: None });
        Ok(Outcome::Done(position))
    }

    fn append(&mut self, unit: UnitId, known: Known, next: State) -> Result<Outcome> {
        let Known { places, tenant, script_type, operation: Operation { hub, open }, first } = known;
        let hk = hub.script_execution_hk;
        let started = open.attributes.execution_timestamp;
        let before = open.attributes.execution_status;
        let (status, duration_ms) = (next.attributes.execution_status, next.attributes.execution_duration_ms);
        let first = first.unwrap_or_else(|| Box::new(open));
        let place = self.end.last + 1;
        let row = NextRow::new(&first, (places.first, places.open()), place, unit, &next);
        if before != status {
            let counted = Counted { tenant, script_type, started };
            let from = (&self.shared.counters, self.engine);
            self.staged
                .finished(from, counted, status, duration_ms)
                .map_err(|error| self.shared.engine_failed(error))?;
            self.edits.push(Edit::Remove(keys::index(tenant, before, started, hk)));
            let index = self.encode(&IndexRow { script_type, duration_ms })?;
            self.edits.push(Edit::Add(keys::index(tenant, status, started, hk), index));
        }
        let places = HubRow::new(places.first, place);
        self.edits.push(Edit::Put(keys::hub(hk), self.encode(&places)?));
        self.log_version(&Row::Next(Box::new(row)))?;
        let position = self.note_unit(places.first, unit, next.hash_diff);
        let open = version(&hub, unit, next, position);
        let operation = Operation { hub, open };
        self.known.insert(hk, Known { places, tenant, script_type, operation, first: Some(first) });
        Ok(Outcome::Done(position))
    }

    /// Gives a version the next place.
    fn log_version(&mut self, row: &Row) -> Result<()> {
        self.log.push(codec::encode_part(row).map_err(|damage| self.shared.corrupt(&damage))?);
        self.end.last += 1;
        Ok(())
    }

    /// Notes which unit brought the version at the end of the log.
    fn note_unit(&mut self, first: u64, unit: UnitId, hash_diff: Hash) -> Position {
        let position = self.shared.position(self.end.last);
        self.units.insert((first, unit), (position, hash_diff));
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
        match self.units.get(&(known.places.first, unit)) {
            Some(found) => Ok(Some(*found)),
            // What this group added is not there to be read, and was looked at before.
            None => self.reader().find_unit(known.operation.hub.script_execution_hk, unit),
        }
    }

    pub(crate) fn reader(&self) -> Reader<'_, E> {
        Reader::new(self.shared, self.engine, Scope::All)
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
        let bytes = self.encode(row)?;
        self.put_bytes(key, bytes);
        Ok(())
    }

    pub(crate) fn put_bytes(&mut self, key: Vec<u8>, bytes: Vec<u8>) {
        self.writes.insert(key, Some(bytes));
    }

    fn encode<T: Serialize>(&self, row: &T) -> Result<Vec<u8>> {
        codec::encode(row).map_err(|damage| self.shared.corrupt(&damage))
    }

    pub(crate) fn remove(&mut self, key: Vec<u8>) {
        self.writes.insert(key, None);
    }

    /// The group as one batch: its versions, those that waited, and, now and then, indexes and counters; or as versions
    /// that wait, where they may.
    pub(crate) fn into_group(mut self, may_wait: bool) -> Result<Option<Group>> {
        let mut rows = std::mem::take(&mut self.log);
        if self.writes.is_empty() && rows.is_empty() && !self.settle && !self.flush {
            return Ok(None);
        }
        let settled = self.settle || self.end.last - self.end.settled >= SETTLE_EVERY;
        let held = self.shared.held();
        if may_wait && !settled && self.writes.is_empty() && held.has_room(rows.len()) {
            let Self { known, edits, staged, end, .. } = self;
            return Ok(Some(Group { batch: None, held: rows, known, edits, staged, end, settled }));
        }
        rows.splice(..0, held.rows().iter().cloned());
        drop(held);
        let first = self.end.last + 1 - u64::try_from(rows.len()).unwrap_or(0);
        for (key, value) in block::blocks(first, &rows) {
            self.put_bytes(key, value);
        }
        if settled {
            // A copy: readers must not see what is not in the engine.
            let mut pending = self.shared.pending().clone();
            std::mem::take(&mut self.edits).into_iter().for_each(|edit| pending.apply(edit));
            self.writes.extend(pending.into_entries());
            for (key, row) in self.shared.counters.to_store(&self.staged) {
                match row {
                    Some(row) => self.put(keys::counter(key), &row)?,
                    None => self.remove(keys::counter(key)),
                }
            }
            self.end.settled = self.end.last;
            self.put(keys::COUNTED.to_vec(), &CountedRow { place: self.end.settled })?;
        }
        let Self { writes, known, edits, staged, end, .. } = self;
        let batch = Some(Batch { entries: writes.into_iter().collect() });
        Ok(Some(Group { batch, held: Vec::new(), known, edits, staged, end, settled }))
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
