//! Whether indexes, counters and files agree with the records: everything is counted again.

use std::collections::BTreeMap;

use opledger::report::Tally;
use opledger::store::Damage;
use opledger::{Attributes, Result, Status, Timestamp};

use crate::codec::{self, CounterRow, HubRow, IndexRow, TailRow};
use crate::counters::keys_of;
use crate::engine::Engine;
use crate::keys::{self, CounterKey, Step};
use crate::reader::{Reader, version_row};

impl<E: Engine> Reader<'_, E> {
    /// What does not agree, in all of the store.
    pub(crate) fn integrity(&self) -> Result<Vec<Damage>> {
        let mut found = Vec::new();
        let mut counted: BTreeMap<CounterKey, Tally> = BTreeMap::new();
        let hubs = self.check_hubs(&mut counted, &mut found)?;
        self.check_index(hubs, &mut found)?;
        self.check_counters(counted, &mut found)?;
        if let Some(bytes) = self.value(keys::TAIL)? {
            match codec::decode::<TailRow>(keys::TAIL, &bytes) {
                Ok(tail) if tail.operations != hubs => {
                    let reason = format!("it counts {} operations, there are {hubs}", tail.operations);
                    found.push(Damage::new("end of the log", reason));
                }
                Ok(_) => {}
                Err(damage) => found.push(damage),
            }
        }
        found.extend(self.shared.found.iter().map(|damage| Damage::new("engine", damage.clone())));
        if self.shared.head_was_damaged {
            found.push(Damage::new("file HEAD", "a copy of the last acknowledged position was damaged"));
        }
        self.check_aside(&mut found);
        Ok(found)
    }

    fn check_hubs(&self, counted: &mut BTreeMap<CounterKey, Tally>, found: &mut Vec<Damage>) -> Result<u64> {
        let (from, to) = keys::kind(b'h');
        let mut hubs = 0;
        let mut failed = Ok(());
        self.range(&from, &to, false, |key, value| {
            hubs += 1;
            match codec::decode::<HubRow>(key, value) {
                Ok(row) => failed = self.check_hub(key, &row, counted, found),
                Err(damage) => found.push(damage),
            }
            failed.is_ok()
        })?;
        failed.map(|()| hubs)
    }

    fn check_hub(
        &self,
        key: &[u8],
        row: &HubRow,
        counted: &mut BTreeMap<CounterKey, Tally>,
        found: &mut Vec<Damage>,
    ) -> Result<()> {
        let open = match version_row(row.open, |key| self.value(key))? {
            Ok(Some(open)) => open,
            Ok(None) => {
                found.push(Damage::new(keys::describe(&keys::version(row.open)), "it is missing"));
                return Ok(());
            }
            Err(damage) => {
                found.push(damage);
                return Ok(());
            }
        };
        let hk = open.operation;
        if key.get(1..) != Some(hk.as_bytes().as_slice()) {
            found.push(Damage::new(keys::describe(key), "its open version is another operation's"));
        }
        let attributes: Attributes = open.attributes.into();
        let (status, started) = (attributes.execution_status, attributes.execution_timestamp);
        let Some(script_type) = self.shared.type_number(&attributes.script_type) else {
            found.push(Damage::new(format!("type {:?}", attributes.script_type), "its number is missing"));
            return Ok(());
        };
        let expected = IndexRow { script_type, duration_ms: attributes.execution_duration_ms };
        let index = keys::index(row.tenant, status, started, hk);
        match self.value(&index)?.map(|bytes| codec::decode::<IndexRow>(&index, &bytes)) {
            Some(Ok(entry)) if entry == expected => {}
            Some(Ok(_)) => found.push(Damage::new(keys::describe(&index), "it differs from its operation")),
            Some(Err(damage)) => found.push(damage),
            None => found.push(Damage::new(keys::describe(&index), "it is missing")),
        }
        count(counted, row.tenant, script_type, started, status, expected.duration_ms);
        Ok(())
    }

    fn check_index(&self, hubs: u64, found: &mut Vec<Damage>) -> Result<()> {
        let (from, to) = keys::kind(b't');
        let mut entries = 0;
        self.range(&from, &to, false, |_, _| {
            entries += 1;
            true
        })?;
        if entries != hubs {
            found.push(Damage::new("index", format!("it has {entries} entries for {hubs} operations")));
        }
        Ok(())
    }

    fn check_counters(&self, mut counted: BTreeMap<CounterKey, Tally>, found: &mut Vec<Damage>) -> Result<()> {
        let (from, to) = keys::kind(b'c');
        self.range(&from, &to, false, |key, value| {
            let row = codec::decode::<CounterRow>(key, value);
            match (keys::parse_counter(key), row) {
                (Some(parsed), Ok(row)) => {
                    let mut recount = counted.remove(&parsed).unwrap_or_default();
                    let max_is_gone = row.max_is_gone;
                    let stored = row.tally();
                    if max_is_gone {
                        recount.duration_max = stored.duration_max;
                    }
                    if stored != recount {
                        let reason = format!("it says {stored:?}, counted again it is {recount:?}");
                        found.push(Damage::new(keys::describe(key), reason));
                    }
                }
                (_, Err(damage)) => found.push(damage),
                (None, Ok(_)) => found.push(Damage::new(keys::describe(key), "its key does not parse")),
            }
            true
        })?;
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

fn count(
    counted: &mut BTreeMap<CounterKey, Tally>,
    tenant: u32,
    script_type: u32,
    started: Timestamp,
    status: Status,
    duration_ms: Option<i32>,
) {
    for key in keys_of(tenant, script_type, started) {
        counted.entry(key).or_default().count(status, duration_ms.filter(|_| key.step != Step::Total));
    }
}
