//! Reading records back: operations, versions, pages of a scan.

mod documents;
mod history;
mod lists;
mod log;

use std::ops::ControlFlow;

use opledger::model::{Hub, UnitId, Version};
use opledger::store::{Damage, Key, Page, Record, Scan};
use opledger::{Hash, Operation, Position, Result, Scope};

use crate::block::{self, VisitBytes};
use crate::block_cache::BlockCache;
use crate::codec::{self, FirstRow, HubRow, NextRow, Row};
use crate::engine::{Engine, EngineResult};
use crate::keys;
use crate::known::Known;
use crate::shared::Shared;

pub(crate) use documents::read as read_document;

/// Reads of one answer, all on one state of the engine.
pub(crate) struct Reader<'a, E> {
    pub(crate) shared: &'a Shared<E>,
    pub(crate) engine: &'a E,
    pub(crate) scope: Scope,
    blocks: BlockCache,
}

impl<'a, E: Engine> Reader<'a, E> {
    pub(crate) fn new(shared: &'a Shared<E>, engine: &'a E, scope: Scope) -> Self {
        Self { shared, engine, scope, blocks: BlockCache::default() }
    }

    pub(crate) fn get(&self, keys: &[Key]) -> Result<Vec<Option<Record>>> {
        keys.iter()
            .map(|key| match key {
                Key::Operation(hk) => match self.operation(*hk)? {
                    Ok(operation) => Ok(operation.map(|operation| Record::Operation(Box::new(operation)))),
                    Err(damage) => Err(self.shared.corrupt(&damage).on(*hk)),
                },
                Key::Document(kind, key) => self.document(*kind, *key),
            })
            .collect()
    }

    pub(crate) fn scan(&self, scan: &Scan, limit: usize) -> Result<Page> {
        let limit = limit.max(1);
        match scan {
            Scan::Versions { operation, after } => self.versions(*operation, *after, limit),
            Scan::History { .. } => self.history(scan, limit),
            Scan::Operations { after } => self.operations(*after, limit),
            Scan::Log { after } => self.log(*after, limit),
            Scan::Documents { kind, after } => self.documents(*kind, *after, limit),
            // What was found in the store is not for one tenant to see.
            Scan::Checks { .. } if matches!(self.scope, Scope::Tenant(_)) => Ok(Page::default()),
            Scan::Checks { before } => self.checks(*before, limit),
        }
    }

    pub(crate) fn value(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.engine(self.shared.pending().get(self.engine, key))
    }

    /// The operation `hk`, where this scope sees it.
    pub(crate) fn operation(&self, hk: Hash) -> Result<Result<Option<Operation>, Damage>> {
        Ok(self.known(hk)?.map(|known| known.map(|known| known.operation).filter(|found| self.sees(&found.hub))))
    }

    /// The operation `hk`, whoever it belongs to.
    pub(crate) fn known(&self, hk: Hash) -> Result<Result<Option<Known>, Damage>> {
        match self.places(hk)? {
            Ok(Some(places)) => {
                // Half a hash key led here.
                let known = self.known_at(places)?;
                Ok(known.map(|known| Some(known).filter(|known| known.operation.hub.script_execution_hk == hk)))
            }
            Ok(None) => Ok(Ok(None)),
            Err(damage) => Ok(Err(damage)),
        }
    }

    /// The operation whose versions are at these places, with its open version.
    pub(crate) fn known_at(&self, places: HubRow) -> Result<Result<Known, Damage>> {
        let row = match self.first_row(places.first)? {
            Ok(row) => row,
            Err(damage) => return Ok(Err(damage)),
        };
        let (tenant, script_type) = (row.tenant, row.script_type);
        let (hub, first) = match self.first(places.first, row) {
            Ok(read) => read,
            Err(damage) => return Ok(Err(damage)),
        };
        let open = places.open();
        if open == places.first {
            let operation = Operation { hub, open: first };
            return Ok(Ok(Known { places, tenant, script_type, operation, first: None }));
        }
        Ok(self.next_row(open)?.and_then(|row| self.next(open, row, places.first, &first)).map(|open| {
            let operation = Operation { hub, open };
            Known { places, tenant, script_type, operation, first: Some(Box::new(first)) }
        }))
    }

    /// Hub and first version of the operation `hk`, whoever it belongs to; also of another one whose hash key begins
    /// with the same half.
    pub(crate) fn first_of(&self, hk: Hash) -> Result<Result<Option<(Hub, Version)>, Damage>> {
        let place = match self.places(hk)? {
            Ok(Some(places)) => places.first,
            Ok(None) => return Ok(Ok(None)),
            Err(damage) => return Ok(Err(damage)),
        };
        Ok(self.first_row(place)?.and_then(|row| self.first(place, row)).map(Some))
    }

    pub(super) fn first_row(&self, place: u64) -> Result<Result<FirstRow, Damage>> {
        Ok(self.row(place)?.and_then(|row| block::as_first(place, row)))
    }

    pub(super) fn next_row(&self, place: u64) -> Result<Result<NextRow, Damage>> {
        Ok(self.row(place)?.and_then(|row| block::as_next(place, row)))
    }

    /// The version at a place, where there must be one.
    fn row(&self, place: u64) -> Result<Result<Row, Damage>> {
        if let Some(row) = self.shared.held().get(place) {
            return Ok(row);
        }
        Ok(self.engine(self.blocks.row(self.engine, place))?.and_then(|row| row.ok_or_else(|| missing(place))))
    }

    /// Visits the log from `place` on, without decoding it.
    pub(crate) fn visit_log(&self, place: u64, visit: &mut VisitBytes<'_>) -> Result<()> {
        let mut stopped = ControlFlow::Continue(());
        self.engine(block::log_bytes(self.engine, place, &mut |at, bytes| {
            stopped = visit(at, bytes);
            stopped
        }))?;
        if stopped.is_continue() {
            let _stopped = self.shared.held().from(place).try_for_each(|(at, bytes)| visit(at, Ok(bytes)));
        }
        Ok(())
    }

    /// The version of the operation `hk` that a unit brought.
    pub(crate) fn find_unit(&self, hk: Hash, unit: UnitId) -> Result<Option<(Position, Hash)>> {
        let places = match self.places(hk)? {
            Ok(Some(places)) => places,
            Ok(None) => return Ok(None),
            Err(damage) => return Err(self.shared.corrupt(&damage)),
        };
        let mut place = places.open();
        loop {
            let row = self.row(place)?.map_err(|damage| self.shared.corrupt(&damage))?;
            let (brought, hash_diff, previous) = match &row {
                Row::First(row) => (row.unit, row.hash_diff, None),
                Row::Next(row) => (row.unit, row.hash_diff, Some(row.previous(place))),
            };
            if brought == unit {
                return Ok(Some((self.shared.position(place), hash_diff)));
            }
            match previous {
                Some(previous) => place = previous,
                None => return Ok(None),
            }
        }
    }

    /// The places of an operation's versions, the last one first; none where one can't be read.
    pub(crate) fn chain(&self, places: HubRow) -> Result<Option<Vec<u64>>> {
        chain(places, |place| Ok(self.row(place)?.ok()))
    }

    /// Where the versions of the operation `hk` are.
    pub(crate) fn places(&self, hk: Hash) -> Result<Result<Option<HubRow>, Damage>> {
        self.places_at(&keys::hub(hk))
    }

    /// Where the versions of an operation are, by the key of its hub.
    pub(crate) fn places_at(&self, key: &[u8]) -> Result<Result<Option<HubRow>, Damage>> {
        Ok(match self.value(key)? {
            Some(bytes) => codec::decode::<HubRow>(key, &bytes).map(Some),
            None => Ok(None),
        })
    }

    /// Hub and first version as the model has them.
    pub(crate) fn first(&self, place: u64, row: FirstRow) -> Result<(Hub, Version), Damage> {
        let record = || keys::version_name(place);
        let tenant = self.shared.tenant(row.tenant);
        let tenant = tenant.ok_or_else(|| Damage::new(record(), format!("its tenant {} is unknown", row.tenant)))?;
        let name = self.shared.type_name(row.script_type);
        let name = name.ok_or_else(|| Damage::new(record(), format!("its type {} is unknown", row.script_type)))?;
        Ok(row.into_model(tenant, name, self.shared.position(place)))
    }

    /// A later version as the model has it, with the operation's first one and its place.
    pub(crate) fn next(&self, place: u64, row: NextRow, first_place: u64, first: &Version) -> Result<Version, Damage> {
        let damage = |reason: &str| Damage::new(keys::version_name(place), reason);
        if row.first(place) != first_place {
            return Err(damage("it is another operation's"));
        }
        row.into_model(first, self.shared.position(place)).map_err(|reason| damage(&reason))
    }

    pub(crate) fn sees(&self, hub: &Hub) -> bool {
        self.scope.sees(hub.tenant)
    }

    /// An engine's failure as an error of the store.
    pub(crate) fn engine<T>(&self, result: EngineResult<T>) -> Result<T> {
        result.map_err(|error| self.shared.engine_failed(error))
    }

    /// Visits a range until `visit` says no.
    pub(crate) fn range(
        &self,
        from: &[u8],
        to: &[u8],
        reverse: bool,
        mut visit: impl FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<()> {
        if from >= to {
            return Ok(());
        }
        let mut step = |key: &[u8], value: &[u8]| {
            if visit(key, value) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        self.engine(self.shared.pending().range(self.engine, (from, to), reverse, &mut step))
    }
}

/// The places of an operation's versions, the last one first, by a reader of rows; none where one can't be read, or does
/// not lead to the first.
pub(crate) fn chain(places: HubRow, mut read: impl FnMut(u64) -> Result<Option<Row>>) -> Result<Option<Vec<u64>>> {
    let mut chain = Vec::new();
    let mut place = places.open();
    loop {
        chain.push(place);
        match read(place)? {
            Some(Row::First(_)) => return Ok((place == places.first).then_some(chain)),
            Some(Row::Next(row)) if row.previous(place) >= places.first => place = row.previous(place),
            _ => return Ok(None),
        }
    }
}

/// The damage of a version that is not there.
pub(crate) fn missing(place: u64) -> Damage {
    Damage::new(keys::version_name(place), "it is missing")
}
