//! Reading records back: hubs, versions in one piece or several, pages of a scan.

mod history;
mod lists;

use opledger::model::{Hub, Version};
use opledger::store::{Damage, Key, Page, Record, Scan};
use opledger::{Hash, Operation, Result, Scope};

use crate::codec::{self, HubRow, VersionRow};
use crate::engine::Engine;
use crate::keys;
use crate::shared::Shared;

/// The longest value; longer versions are split. sled moves a page of over 128 KiB into a file of its own, and
/// splits pages by their count of entries: 16 neighbours of this size still fit.
const PIECE: usize = 7 << 10;

/// The entries that hold an encoded version.
pub(crate) fn pieces(place: u64, bytes: &[u8]) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> + '_ {
    bytes.chunks(PIECE).enumerate().map(move |(number, piece)| {
        let number = u16::try_from(number).unwrap_or(u16::MAX);
        let key = if number == 0 { keys::version(place) } else { keys::piece(place, number) };
        (key, piece.to_vec())
    })
}

/// The version at `place`, put together from its pieces; the inner error is damage of that record alone.
pub(crate) fn version_row(
    place: u64,
    get: impl Fn(&[u8]) -> Result<Option<Vec<u8>>>,
) -> Result<Result<Option<VersionRow>, Damage>> {
    let key = keys::version(place);
    let Some(mut bytes) = get(&key)? else { return Ok(Ok(None)) };
    let mut number = 1;
    let mut full = bytes.len() == PIECE;
    // Only a full piece has another one after it.
    while full {
        let Some(piece) = get(&keys::piece(place, number))? else { break };
        full = piece.len() == PIECE;
        bytes.extend(piece);
        number += 1;
    }
    Ok(codec::decode(&key, &bytes).map(Some))
}

/// A hub as the model has it.
pub(crate) fn hub<E: Engine>(shared: &Shared<E>, hk: Hash, row: HubRow) -> Result<Hub, Damage> {
    let tenant = shared
        .tenant(row.tenant)
        .ok_or_else(|| Damage::new(format!("operation {hk}"), format!("its tenant {} is unknown", row.tenant)))?;
    Ok(Hub {
        script_execution_hk: hk,
        script_execution_bk: row.business_key,
        tenant,
        load_date: row.load_date,
        record_source: row.record_source,
    })
}

/// A version as the model has it, open.
pub(crate) fn version<E: Engine>(shared: &Shared<E>, place: u64, row: VersionRow) -> Result<Version, Damage> {
    let record = || keys::describe(&keys::version(place));
    let tenant = shared
        .tenant(row.tenant)
        .ok_or_else(|| Damage::new(record(), format!("its tenant {} is unknown", row.tenant)))?;
    Ok(Version {
        script_execution_hk: row.operation,
        load_date: row.load_date,
        load_end_date: None,
        hash_diff: row.hash_diff,
        attributes: row.attributes.into(),
        record_source: row.record_source,
        tenant,
        position: shared.position(place),
        unit: row.unit,
    })
}

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

    pub(crate) fn hub_row(&self, hk: Hash) -> Result<Result<Option<HubRow>, Damage>> {
        let key = keys::hub(hk);
        Ok(match self.value(&key)? {
            Some(bytes) => codec::decode::<HubRow>(&key, &bytes).map(Some),
            None => Ok(None),
        })
    }

    /// The operation `hk`, where this scope sees it.
    pub(crate) fn operation(&self, hk: Hash) -> Result<Result<Option<Operation>, Damage>> {
        match self.hub_row(hk)? {
            Ok(Some(row)) => self.operation_of(hk, row),
            Ok(None) => Ok(Ok(None)),
            Err(damage) => Ok(Err(damage)),
        }
    }

    pub(crate) fn operation_of(&self, hk: Hash, row: HubRow) -> Result<Result<Option<Operation>, Damage>> {
        let open = row.open;
        let hub = match hub(self.shared, hk, row) {
            Ok(hub) if self.scope.sees(hub.tenant) => hub,
            Ok(_) => return Ok(Ok(None)),
            Err(damage) => return Ok(Err(damage)),
        };
        Ok(self.version_at(open)?.map(|(_, open)| Some(Operation { hub, open })))
    }

    /// The version at `place`, which must be there, and the place of the one before it.
    pub(crate) fn version_at(&self, place: u64) -> Result<Result<(Option<u64>, Version), Damage>> {
        let missing = || Damage::new(keys::describe(&keys::version(place)), "it is missing");
        let row = match version_row(place, |key| self.value(key))? {
            Ok(Some(row)) => row,
            Ok(None) => return Ok(Err(missing())),
            Err(damage) => return Ok(Err(damage)),
        };
        let previous = row.previous;
        Ok(version(self.shared, place, row).map(|version| (previous, version)))
    }
}
