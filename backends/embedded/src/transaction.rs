//! One group of units on its way to the engine: what is written here is read here, and nowhere else before
//! the engine has it.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use opledger::model::{Hub, UnitId};
use opledger::store::{Change, Damage, Outcome, State, Unit, judge};
use opledger::{Error, Hash, Operation, Position, Result, Tenant, Version};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::{self, HubRow, IndexRow, TailRow, VersionRow};
use crate::counters::Counters;
use crate::engine::{Batch, Engine};
use crate::keys;
use crate::reader;
use crate::shared::Shared;

/// A group of units that becomes one batch.
pub(crate) struct Transaction<'a, E> {
    pub(crate) shared: &'a Shared<E>,
    pub(crate) engine: &'a E,
    /// In key order: neighbours go to the engine together.
    writes: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    pub(crate) counters: &'a mut Counters,
    pub(crate) tail: TailRow,
}

impl<'a, E: Engine> Transaction<'a, E> {
    pub(crate) fn new(shared: &'a Shared<E>, engine: &'a E, counters: &'a mut Counters, tail: TailRow) -> Self {
        Self { shared, engine, writes: BTreeMap::new(), counters, tail }
    }

    /// Carries out one unit, or says why not. On an error nothing of the unit is written.
    pub(crate) fn carry_out(&mut self, unit: Unit) -> Result<Outcome> {
        match unit.change {
            Change::Start { hub, first } => self.start(unit.id, hub, first),
            Change::Append { operation, tenant, expect_open, next } => {
                let stored = self.operation(operation)?;
                let open = stored.as_ref().map(|(_, operation)| &operation.open);
                let verdict = judge::append(tenant, expect_open, &next, open, || {
                    stored.as_ref().map_or(Ok(None), |(row, _)| self.find_unit(row, unit.id))
                })?;
                match (verdict, stored) {
                    (Some(outcome), _) => Ok(outcome),
                    (None, Some((row, current))) => self.append(unit.id, row, &current, next),
                    (None, None) => Ok(Outcome::Refused(opledger::store::Refusal::Unknown)),
                }
            }
            Change::Check(check) => {
                self.put(keys::check(check.at), &check)?;
                Ok(Outcome::Done(self.shared.position(self.tail.last)))
            }
        }
    }

    fn start(&mut self, unit: UnitId, hub: Hub, first: State) -> Result<Outcome> {
        let hk = hub.script_execution_hk;
        let key = keys::hub(hk);
        if let Some(row) = self.load::<HubRow>(&key)? {
            let stored_hub = self.hub(hk, &row)?;
            let (_, stored_first) = self.version(row.first)?;
            if let Some(outcome) = judge::start(&hub, &first, Some((&stored_hub, &stored_first))) {
                return Ok(outcome);
            }
        }
        let place = self.tail.last + 1;
        let tenant = self.tenant_number(hub.tenant)?;
        let script_type = self.type_number(&first.attributes.script_type)?;
        let (started, status) = (first.attributes.execution_timestamp, first.attributes.execution_status);
        let duration_ms = first.attributes.execution_duration_ms;
        self.counters.prepare(self.engine, tenant, script_type, started).map_err(|damage| self.failed(damage))?;
        let row = HubRow {
            first: place,
            open: place,
            tenant,
            load_date: hub.load_date,
            business_key: hub.script_execution_bk,
            record_source: hub.record_source,
        };
        self.put(key, &row)?;
        self.put_version(place, version_row(hk, None, tenant, unit, first))?;
        self.put(keys::index(tenant, status, started, hk), &IndexRow { script_type, duration_ms })?;
        self.counters.started(tenant, script_type, started);
        if status.is_finished() {
            self.counters.finished(tenant, script_type, started, status, duration_ms);
        }
        self.tail = TailRow { last: place, operations: self.tail.operations + 1 };
        Ok(Outcome::Done(self.shared.position(place)))
    }

    fn append(&mut self, unit: UnitId, mut row: HubRow, current: &Operation, next: State) -> Result<Outcome> {
        let hk = current.hub.script_execution_hk;
        let started = current.open.attributes.execution_timestamp;
        let before = current.open.attributes.execution_status;
        let (status, duration_ms) = (next.attributes.execution_status, next.attributes.execution_duration_ms);
        let script_type = self.type_number(&next.attributes.script_type)?;
        self.counters.prepare(self.engine, row.tenant, script_type, started).map_err(|damage| self.failed(damage))?;
        let place = self.tail.last + 1;
        self.put_version(place, version_row(hk, Some(row.open), row.tenant, unit, next))?;
        if before != status {
            self.remove(keys::index(row.tenant, before, started, hk));
            self.put(keys::index(row.tenant, status, started, hk), &IndexRow { script_type, duration_ms })?;
            self.counters.finished(row.tenant, script_type, started, status, duration_ms);
        }
        row.open = place;
        self.put(keys::hub(hk), &row)?;
        self.tail.last = place;
        Ok(Outcome::Done(self.shared.position(place)))
    }

    /// The operation `hk` as it stands in this group.
    pub(crate) fn operation(&self, hk: Hash) -> Result<Option<(HubRow, Operation)>> {
        let Some(row) = self.load::<HubRow>(&keys::hub(hk))? else { return Ok(None) };
        let (_, open) = self.version(row.open)?;
        let hub = self.hub(hk, &row)?;
        Ok(Some((row, Operation { hub, open })))
    }

    pub(crate) fn find_unit(&self, row: &HubRow, unit: UnitId) -> Result<Option<(Position, Hash)>> {
        let mut place = Some(row.open);
        while let Some(at) = place {
            let (previous, version) = self.version(at)?;
            if version.unit == unit {
                return Ok(Some((version.position, version.hash_diff)));
            }
            place = previous.filter(|previous| *previous < at);
        }
        Ok(None)
    }

    fn hub(&self, hk: Hash, row: &HubRow) -> Result<Hub> {
        reader::hub(self.shared, hk, row.clone()).map_err(|damage| self.failed(damage))
    }

    fn version(&self, place: u64) -> Result<(Option<u64>, Version)> {
        let key = keys::version(place);
        let row = reader::version_row(place, |key| self.bytes(key))?;
        match row {
            Ok(Some(row)) => {
                let previous = row.previous;
                let version = reader::version(self.shared, place, row).map_err(|damage| self.failed(damage))?;
                Ok((previous, version))
            }
            Ok(None) => Err(self.failed(Damage::new(keys::describe(&key), "it is missing"))),
            Err(damage) => Err(self.failed(damage)),
        }
    }

    fn put_version(&mut self, place: u64, row: VersionRow) -> Result<()> {
        let bytes = codec::encode(&row).map_err(|damage| self.failed(damage))?;
        for (key, piece) in reader::pieces(place, &bytes) {
            self.writes.insert(key, Some(piece));
        }
        Ok(())
    }

    fn tenant_number(&mut self, tenant: Tenant) -> Result<u32> {
        let Some(hash) = tenant else { return Ok(0) };
        let known = self.shared.names.read().unwrap_or_else(PoisonError::into_inner).tenants.get(&hash).copied();
        match known {
            Some(number) => Ok(number),
            None => self.new_name(keys::tenant(hash), crate::shared::Names::next_tenant),
        }
    }

    fn type_number(&mut self, name: &str) -> Result<u32> {
        match self.shared.type_number(name) {
            Some(number) => Ok(number),
            None => self.new_name(keys::script_type(name), crate::shared::Names::next_type),
        }
    }

    /// Numbers a new name. Readers may know it before its group is written: they find nothing under it.
    fn new_name(&mut self, key: Vec<u8>, next: fn(&crate::shared::Names) -> u32) -> Result<u32> {
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
        let bytes = codec::encode(row).map_err(|damage| self.failed(damage))?;
        self.writes.insert(key, Some(bytes));
        Ok(())
    }

    pub(crate) fn remove(&mut self, key: Vec<u8>) {
        self.writes.insert(key, None);
    }

    fn bytes(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        match self.writes.get(key) {
            Some(value) => Ok(value.clone()),
            None => self.engine.get(key).map_err(|error| self.shared.engine_failed(error)),
        }
    }

    pub(crate) fn load<T: DeserializeOwned>(&self, key: &[u8]) -> Result<Option<T>> {
        match self.bytes(key)? {
            Some(bytes) => codec::decode(key, &bytes).map(Some).map_err(|damage| self.failed(damage)),
            None => Ok(None),
        }
    }

    fn failed(&self, damage: Damage) -> Error {
        self.shared.corrupt(&damage)
    }

    /// The group as one batch, with the counters it changed and the new end of the log.
    pub(crate) fn into_batch(mut self) -> Result<(Batch, TailRow)> {
        if !self.writes.is_empty() {
            for (key, row) in self.counters.take_changed() {
                self.put(keys::counter(key), &row)?;
            }
            let tail = self.tail;
            self.put(keys::TAIL.to_vec(), &tail)?;
        }
        Ok((Batch { entries: self.writes.into_iter().collect() }, self.tail))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }
}

fn version_row(operation: Hash, previous: Option<u64>, tenant: u32, unit: UnitId, state: State) -> VersionRow {
    let State { load_date, hash_diff, attributes, record_source } = state;
    let attributes = attributes.into();
    VersionRow { operation, previous, tenant, unit, load_date, hash_diff, record_source, attributes }
}
