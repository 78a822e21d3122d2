//! Reading records back: operations, versions, pages of a scan.

mod history;
mod lists;

use std::ops::ControlFlow;

use opledger::model::{Hub, UnitId, Version};
use opledger::store::{Damage, Key, Page, Record, Scan};
use opledger::{Hash, Operation, Position, Result, Scope};

use crate::codec::{self, FirstRow, NextRow};
use crate::engine::{Engine, EngineResult};
use crate::keys::{self, VersionKey};
use crate::known::Known;
use crate::shared::Shared;
use crate::stored;

/// Reads of one answer, all on one state of the engine.
pub(crate) struct Reader<'a, E> {
    pub(crate) shared: &'a Shared<E>,
    pub(crate) engine: &'a E,
    pub(crate) scope: Scope,
}

impl<E: Engine> Reader<'_, E> {
    pub(crate) fn get(&self, keys: &[Key]) -> Result<Vec<Option<Record>>> {
        keys.iter()
            .map(|Key::Operation(hk)| match self.operation(*hk)? {
                Ok(operation) => Ok(operation.map(|operation| Record::Operation(Box::new(operation)))),
                Err(damage) => Err(self.shared.corrupt(&damage).on(*hk)),
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
            // What was found in the store is not for one tenant to see.
            Scan::Checks { .. } if matches!(self.scope, Scope::Tenant(_)) => Ok(Page::default()),
            Scan::Checks { before } => self.checks(*before, limit),
        }
    }

    pub(crate) fn value(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.engine.get(key).map_err(|error| self.shared.engine_failed(error))
    }

    /// The operation `hk`, where this scope sees it.
    pub(crate) fn operation(&self, hk: Hash) -> Result<Result<Option<Operation>, Damage>> {
        Ok(self.known(hk)?.map(|known| known.map(|known| known.operation).filter(|found| self.sees(&found.hub))))
    }

    /// The operation `hk`, whoever it belongs to.
    pub(crate) fn known(&self, hk: Hash) -> Result<Result<Option<Known>, Damage>> {
        match self.place(hk)? {
            Ok(Some(first)) => {
                // Half a hash key led here.
                let known = self.known_at(first)?;
                Ok(known.map(|known| Some(known).filter(|known| known.operation.hub.script_execution_hk == hk)))
            }
            Ok(None) => Ok(Ok(None)),
            Err(damage) => Ok(Err(damage)),
        }
    }

    /// The operation whose first version stands at a place, with its open version.
    pub(crate) fn known_at(&self, place: u64) -> Result<Result<Known, Damage>> {
        let missing = || Damage::new(keys::describe(&keys::version(VersionKey::first(place))), "it is missing");
        let Some((key, bytes)) = self.engine(stored::last(self.engine, place))? else { return Ok(Err(missing())) };
        let first = if key.number == 0 {
            self.engine(stored::join::<E, FirstRow>(self.engine, key, &bytes))?
        } else {
            self.engine(stored::first(self.engine, place))?.and_then(|row| row.ok_or_else(missing))
        };
        let row = match first {
            Ok(row) => row,
            Err(damage) => return Ok(Err(damage)),
        };
        let (tenant, script_type) = (row.tenant, row.script_type);
        let (hub, first) = match self.first(place, row) {
            Ok(read) => read,
            Err(damage) => return Ok(Err(damage)),
        };
        let length = bytes.len();
        if key.number == 0 {
            let operation = Operation { hub, open: first };
            return Ok(Ok(Known { key, tenant, script_type, operation, first: None, length }));
        }
        let row = self.engine(stored::join::<E, NextRow>(self.engine, key, &bytes))?;
        Ok(row.and_then(|row| self.next(key, row, &first)).map(|open| {
            let operation = Operation { hub, open };
            Known { key, tenant, script_type, operation, first: Some(Box::new(first)), length }
        }))
    }

    /// Hub and first version of the operation `hk`, whoever it belongs to; also of another one whose hash key begins
    /// with the same half.
    pub(crate) fn first_of(&self, hk: Hash) -> Result<Result<Option<(Hub, Version)>, Damage>> {
        let place = match self.place(hk)? {
            Ok(Some(place)) => place,
            Ok(None) => return Ok(Ok(None)),
            Err(damage) => return Ok(Err(damage)),
        };
        let missing = || Damage::new(keys::describe(&keys::version(VersionKey::first(place))), "it is missing");
        let row = self.engine(stored::first(self.engine, place))?.and_then(|row| row.ok_or_else(missing));
        Ok(row.and_then(|row| self.first(place, row)).map(Some))
    }

    /// The version of an operation that a unit brought.
    pub(crate) fn find_unit(&self, first: u64, unit: UnitId) -> Result<Option<(Position, Hash)>> {
        let (from, to) = keys::versions_of(first);
        let mut found = Ok(None);
        let mut place = first;
        let visited = self.engine.range(&from, &to, false, &mut |key, value| {
            let Some(key) = keys::parse_version(key) else { return ControlFlow::Continue(()) };
            let read = if key.number == 0 {
                stored::join::<E, FirstRow>(self.engine, key, value)
                    .map(|row| row.map(|row| (first, row.unit, row.hash_diff)))
            } else {
                stored::join::<E, NextRow>(self.engine, key, value)
                    .map(|row| row.map(|row| (row.place(first), row.unit, row.hash_diff)))
            };
            match read {
                Ok(Ok((at, brought, hash_diff))) if brought == unit => {
                    place = at;
                    found = Ok(Some(hash_diff));
                    ControlFlow::Break(())
                }
                Ok(Ok(_)) => ControlFlow::Continue(()),
                Ok(Err(damage)) => {
                    found = Err(self.shared.corrupt(&damage));
                    ControlFlow::Break(())
                }
                Err(error) => {
                    found = Err(self.shared.engine_failed(error));
                    ControlFlow::Break(())
                }
            }
        });
        self.engine(visited)?;
        Ok(found?.map(|hash_diff| (self.shared.position(place), hash_diff)))
    }

    /// Where the operation `hk` begins in the log.
    pub(crate) fn place(&self, hk: Hash) -> Result<Result<Option<u64>, Damage>> {
        let key = keys::hub(hk);
        Ok(match self.value(&key)? {
            Some(bytes) => codec::decode::<u64>(&key, &bytes).map(Some),
            None => Ok(None),
        })
    }

    /// Hub and first version as the model has them.
    pub(crate) fn first(&self, place: u64, row: FirstRow) -> Result<(Hub, Version), Damage> {
        let record = || keys::describe(&keys::version(VersionKey::first(place)));
        let tenant = self.shared.tenant(row.tenant);
        let tenant = tenant.ok_or_else(|| Damage::new(record(), format!("its tenant {} is unknown", row.tenant)))?;
        let name = self.shared.type_name(row.script_type);
        let name = name.ok_or_else(|| Damage::new(record(), format!("its type {} is unknown", row.script_type)))?;
        Ok(row.into_model(tenant, name, self.shared.position(place)))
    }

    /// A later version as the model has it.
    pub(crate) fn next(&self, key: VersionKey, row: NextRow, first: &Version) -> Result<Version, Damage> {
        let position = self.shared.position(row.place(key.first));
        row.into_model(first, position).map_err(|reason| Damage::new(keys::describe(&keys::version(key)), reason))
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
        self.engine(self.engine.range(from, to, reverse, &mut step))
    }
}
