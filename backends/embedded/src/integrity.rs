//! Whether indexes, log, counters and files agree with the records: everything is counted again.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use opledger::hash::hash_key;
use opledger::report::Tally;
use opledger::store::Damage;
use opledger::{Hash, Result, Status};

use crate::block;
use crate::codec::{self, HubRow, IndexRow, Row};
use crate::counters::{Counted, keys_of};
use crate::engine::Engine;
use crate::keys::{self, CounterKey, Step};
use crate::reader::{Reader, missing};

/// What the versions add up to.
#[derive(Default)]
struct Recount {
    operations: u64,
    counters: BTreeMap<CounterKey, Tally>,
}

impl<E: Engine> Reader<'_, E> {
    /// What does not agree, in all of the store.
    pub(crate) fn integrity(&self) -> Result<Vec<Damage>> {
        let mut found = Vec::new();
        let mut recount = Recount::default();
        let mut places = Vec::new();
        let mut later: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        let visited = block::log(self.engine, 0, &mut |place, row| {
            match row {
                Ok(Row::First(_)) => places.push(place),
                Ok(Row::Next(row)) => later.entry(row.first(place)).or_default().push(place),
                Err(damage) => found.push(damage),
            }
            ControlFlow::Continue(())
        });
        self.engine(visited)?;
        for place in places {
            let others = later.remove(&place).unwrap_or_default();
            self.check_operation(place, &others, &mut recount, &mut found)?;
        }
        found.extend(later.into_keys().map(missing));
        self.check_count(b'h', "operations", recount.operations, &mut found)?;
        self.check_count(b't', "index entries", recount.operations, &mut found)?;
        self.check_counters(recount.counters, &mut found)?;
        let met: Vec<Damage> = self.shared.found.iter().filter(|damage| !found.contains(damage)).cloned().collect();
        found.extend(met);
        if self.shared.head_was_damaged {
            found.push(Damage::new("file HEAD", "a copy of the last acknowledged position was damaged"));
        }
        self.check_aside(&mut found);
        Ok(found)
    }

    /// Checks an operation whose versions are at `place` and `others`.
    fn check_operation(
        &self,
        place: u64,
        others: &[u64],
        recount: &mut Recount,
        found: &mut Vec<Damage>,
    ) -> Result<()> {
        recount.operations += 1;
        let places = HubRow::new(place, others.last().copied().unwrap_or(place));
        let known = match self.known_at(places)? {
            Ok(known) => known,
            Err(damage) => {
                found.push(damage);
                return Ok(());
            }
        };
        // The last one of the chain came first.
        let expected: Vec<u64> = others.iter().rev().copied().chain([place]).collect();
        if self.chain(places)?.is_none_or(|chain| chain != expected) {
            found.push(Damage::new(keys::version_name(place), "the versions of its operation are no whole chain"));
        }
        let (hub, open) = (&known.operation.hub, &known.operation.open);
        let hk = hub.script_execution_hk;
        self.check_hub(hk, &hub.script_execution_bk, places, found)?;
        let (status, started) = (open.attributes.execution_status, open.attributes.execution_timestamp);
        let duration_ms = open.attributes.execution_duration_ms;
        let script_type = known.script_type;
        let expected = IndexRow { script_type, duration_ms };
        let index = keys::index(known.tenant, status, started, hk);
        match self.value(&index)?.map(|bytes| codec::decode::<IndexRow>(&index, &bytes)) {
            Some(Ok(entry)) if entry == expected => {}
            Some(Ok(_)) => found.push(Damage::new(keys::describe(&index), "it differs from its operation")),
            Some(Err(damage)) => found.push(damage),
            None => found.push(Damage::new(keys::describe(&index), "it is missing")),
        }
        count(&mut recount.counters, Counted { tenant: known.tenant, script_type, started }, status, duration_ms);
        Ok(())
    }

    fn check_hub(&self, hk: Hash, bk: &str, places: HubRow, found: &mut Vec<Damage>) -> Result<()> {
        let record = keys::describe(&keys::hub(hk));
        match self.places(hk)? {
            Ok(Some(at)) if at == places => {}
            Ok(Some(_)) => found.push(Damage::new(record, "it names other places than those of its versions")),
            Ok(None) => found.push(Damage::new(record, format!("it is missing; it begins at {}", places.first))),
            Err(damage) => found.push(damage),
        }
        if hash_key(bk) != hk {
            found.push(Damage::new(format!("operation {hk}"), "its key is not that of its business key"));
        }
        Ok(())
    }

    fn check_count(&self, kind: u8, what: &str, operations: u64, found: &mut Vec<Damage>) -> Result<()> {
        let (from, to) = keys::kind(kind);
        let mut entries = 0;
        self.range(&from, &to, false, |_, _| {
            entries += 1;
            true
        })?;
        if entries != operations {
            found.push(Damage::new("index", format!("there are {entries} {what} for {operations} operations")));
        }
        Ok(())
    }

    fn check_counters(&self, mut counted: BTreeMap<CounterKey, Tally>, found: &mut Vec<Damage>) -> Result<()> {
        for tenant in self.shared.tenants(opledger::Scope::All) {
            for step in Step::ALL {
                let visited = self.shared.counters.visit(
                    self.engine,
                    (tenant, step),
                    (i64::MIN, i64::MAX),
                    &mut |key, counter| {
                        let mut recount = counted.remove(&key).unwrap_or_default();
                        if let Some(damage) = &counter.damage {
                            found.push(damage.clone());
                            return;
                        }
                        if counter.max_is_gone {
                            recount.duration_max = counter.tally.duration_max;
                        }
                        if counter.tally != recount {
                            let reason = format!(
                                "it says {}, counted again it is {}",
                                figures(&counter.tally),
                                figures(&recount)
                            );
                            found.push(Damage::new(keys::describe(&keys::counter(key)), reason));
                        }
                    },
                );
                self.engine(visited)?;
            }
        }
        found.extend(counted.into_keys().map(|key| Damage::new(keys::describe(&keys::counter(key)), "it is missing")));
        Ok(())
    }

    /// Intents that came damaged out of the inbox are kept, and stay a finding until a person has looked.
    fn check_aside(&self, found: &mut Vec<Damage>) {
        let folder = self.shared.dir.join("aside").join("damaged");
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            found.push(Damage::new(format!("inbox file {name}"), "it was damaged and is kept in aside/damaged"));
        }
    }
}

fn figures(tally: &Tally) -> String {
    let Tally { operations, completed, failed, timed, duration_sum, .. } = tally;
    format!("{operations} operations, {completed} completed, {failed} failed, {timed} timed, {duration_sum} ms in all")
}

fn count(counters: &mut BTreeMap<CounterKey, Tally>, operation: Counted, status: Status, duration_ms: Option<i32>) {
    for key in keys_of(operation.tenant, operation.script_type, operation.started) {
        counters.entry(key).or_default().count(status, duration_ms.filter(|_| key.step != Step::Total));
    }
}
