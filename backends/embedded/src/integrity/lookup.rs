//! Where the sums differ, or something can't be read: each version and operation is looked up, to name what is wrong.

use std::ops::ControlFlow;

use opledger::hash::hash_key;
use opledger::store::{Damage, Integrity};
use opledger::{Hash, Result};

use super::print::Prints;
use crate::block;
use crate::codec::{self, HubRow, IndexRow, Row};
use crate::engine::Engine;
use crate::keys;
use crate::reader::Reader;

impl<E: Engine> Reader<'_, E> {
    pub(super) fn look_up_all(&self, log: &Prints, indexes: &Prints, found: &mut Integrity) -> Result<()> {
        let mut failed = Ok(());
        self.visit_log(0, &mut |place, bytes| {
            let looked_up = match bytes.and_then(|bytes| block::parse(place, bytes)) {
                Ok(Row::First(_)) => self.look_up_operation(place, found),
                Ok(Row::Next(row)) => self.look_up_version(place, row.first(place), found),
                // Named before.
                Err(_) => Ok(()),
            };
            match looked_up {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failed = Err(error);
                    ControlFlow::Break(())
                }
            }
        })?;
        failed?;
        for (entries, what) in [(indexes.operations, "operations"), (indexes.entries, "index entries")] {
            if entries != log.operations {
                let reason = format!("there are {entries} {what} for {} operations", log.operations);
                found.damaged.push(Damage::new("index", reason));
            }
        }
        if log != indexes && found.is_sound() {
            let reason = "it does not follow from the log, and no operation shows where";
            found.damaged.push(Damage::new("index", reason));
        }
        Ok(())
    }

    /// Checks the operation that begins at `place`.
    fn look_up_operation(&self, place: u64, found: &mut Integrity) -> Result<()> {
        let (hub, first) = match self.first_row(place)?.and_then(|row| self.first(place, row)) {
            Ok(read) => read,
            Err(damage) => {
                note(found, damage);
                return Ok(());
            }
        };
        let hk = hub.script_execution_hk;
        let Some(places) = self.look_up_hub(hk, &hub.script_execution_bk, place, found)? else { return Ok(()) };
        if self.chain(places)?.is_none() {
            let reason = "the versions of its operation are no whole chain";
            found.damaged.push(Damage::new(keys::version_name(place), reason));
        }
        let known = match self.known_at(places)? {
            Ok(known) => known,
            Err(damage) => {
                note(found, damage);
                return Ok(());
            }
        };
        let open = &known.operation.open.attributes;
        // What an operation is found by while it runs was written with its first version.
        let stands = if open.execution_status.is_finished() { open } else { &first.attributes };
        let duration_ms = stands.execution_duration_ms;
        let expected = IndexRow { script_type: known.script_type, duration_ms };
        let started = first.attributes.execution_timestamp;
        let index = keys::index(known.tenant, open.execution_status, started, hk);
        match self.value(&index)?.map(|bytes| codec::decode::<IndexRow>(&index, &bytes)) {
            Some(Ok(entry)) if entry == expected => {}
            Some(Ok(_)) => found.damaged.push(Damage::new(keys::describe(&index), "it differs from its operation")),
            Some(Err(damage)) => note(found, damage),
            None => found.damaged.push(Damage::new(keys::describe(&index), "it is missing")),
        }
        Ok(())
    }

    /// Where the hub says that the versions of the operation at `place` are, if it does.
    fn look_up_hub(&self, hk: Hash, bk: &str, place: u64, found: &mut Integrity) -> Result<Option<HubRow>> {
        let record = keys::describe(&keys::hub(hk));
        if hash_key(bk) != hk {
            let reason = "its key is not that of its business key";
            found.damaged.push(Damage::new(format!("operation {hk}"), reason));
        }
        match self.places(hk)? {
            Ok(Some(places)) if places.first == place => return Ok(Some(places)),
            Ok(Some(_)) => {
                found.damaged.push(Damage::new(record, "it names other places than those of its versions"));
            }
            Ok(None) => found.orphans.push(Damage::new(record, format!("its hub is missing; it begins at {place}"))),
            Err(damage) => note(found, damage),
        }
        Ok(None)
    }

    /// Checks a later version: the operation that begins at `first` must lead to it.
    fn look_up_version(&self, place: u64, first: u64, found: &mut Integrity) -> Result<()> {
        let hk = match self.first_row(first)? {
            Ok(row) => row.hash_key(),
            Err(damage) => {
                note(found, damage);
                return Ok(());
            }
        };
        let record = keys::version_name(place);
        match self.places(hk)? {
            Ok(Some(places)) if places.first == first => {
                // A chain that breaks before it gets here is named with its operation.
                if self.chain(places)?.is_some_and(|chain| !chain.contains(&place)) {
                    let reason = "its operation does not lead to it";
                    found.damaged.push(Damage::new(record, reason));
                }
            }
            // Named with the operation.
            Ok(Some(_)) => {}
            Ok(None) => found.orphans.push(Damage::new(record, "its hub is missing: an orphan")),
            Err(damage) => note(found, damage),
        }
        Ok(())
    }
}

fn note(found: &mut Integrity, damage: Damage) {
    if !found.damaged.contains(&damage) {
        found.damaged.push(damage);
    }
}
