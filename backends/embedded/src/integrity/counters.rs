//! Counters against the index entries, which were compared with the log: an hour at a time.

use std::collections::BTreeMap;

use opledger::report::Tally;
use opledger::store::Damage;
use opledger::{Result, Scope, Status, Timestamp};

use crate::codec::{self, IndexRow};
use crate::counters::{Counter, Window, keys_of};
use crate::engine::Engine;
use crate::keys::{self, CounterKey, Step};
use crate::reader::Reader;

type Tallies = BTreeMap<CounterKey, Tally>;

impl<E: Engine> Reader<'_, E> {
    pub(super) fn check_counters(&self) -> Result<Vec<Damage>> {
        let found = &mut Vec::new();
        for tenant in self.shared.tenants(Scope::All) {
            let mut totals = Tallies::new();
            let mut checked = i64::MIN;
            while let Some(at) = self.next_entry(tenant, checked)? {
                let hour = Step::Hour.bucket(Timestamp::from_micros(at));
                let end = hour.saturating_add(Step::Hour.width().unwrap_or(1));
                self.compare(tenant, (checked, hour), Tallies::new(), found)?;
                let tallies = self.tally_hour(tenant, (hour, end), &mut totals)?;
                self.compare(tenant, (hour, end), tallies, found)?;
                if end == i64::MAX {
                    break;
                }
                checked = end;
            }
            self.compare(tenant, (checked, i64::MAX), Tallies::new(), found)?;
            self.compare_step(tenant, Step::Total, (0, 1), &mut totals, found)?;
            missing(totals, found);
        }
        Ok(std::mem::take(found))
    }

    /// The time of a tenant's first entry at `from` or later.
    fn next_entry(&self, tenant: u32, from: i64) -> Result<Option<i64>> {
        let mut first: Option<i64> = None;
        for status in Status::ALL {
            let start = keys::index_from(tenant, status, Timestamp::from_micros(from));
            self.range(&start, &keys::index_end(tenant, status), false, |key, _| match keys::parse_index(key) {
                Some(key) => {
                    let at = key.at.as_micros();
                    first = Some(first.map_or(at, |first| first.min(at)));
                    false
                }
                None => true,
            })?;
        }
        Ok(first)
    }

    /// What the counters of an hour should say. What a minute counts is counted once, and the wider buckets from that.
    fn tally_hour(&self, tenant: u32, (from, to): (i64, i64), totals: &mut Tallies) -> Result<Tallies> {
        let mut minutes = BTreeMap::<(i64, u32), Tally>::new();
        for status in Status::ALL {
            let start = keys::index_from(tenant, status, Timestamp::from_micros(from));
            let end = keys::index_from(tenant, status, Timestamp::from_micros(to));
            self.range(&start, &end, false, |key, value| {
                // One that can't be read was named before.
                if let (Some(key), Ok(row)) = (keys::parse_index(key), codec::decode::<IndexRow>(key, value)) {
                    let minute = (Step::Minute.bucket(key.at), row.script_type);
                    minutes.entry(minute).or_default().count(status, row.duration_ms);
                }
                true
            })?;
        }
        let mut tallies = Tallies::new();
        for ((minute, script_type), tally) in minutes {
            for key in keys_of(tenant, script_type, Timestamp::from_micros(minute)) {
                if key.step == Step::Total {
                    // A total knows no durations.
                    let Tally { operations, completed, failed, .. } = tally;
                    let total = totals.entry(key).or_default();
                    total.merge(&Tally { operations, completed, failed, ..Tally::default() });
                } else {
                    tallies.entry(key).or_default().merge(&tally);
                }
            }
        }
        Ok(tallies)
    }

    /// Compares the counters of the buckets in `[from, to)`.
    fn compare(&self, tenant: u32, range: (i64, i64), mut counted: Tallies, found: &mut Vec<Damage>) -> Result<()> {
        for step in [Step::Hour, Step::TenMinutes, Step::Minute] {
            self.compare_step(tenant, step, range, &mut counted, found)?;
        }
        missing(counted, found);
        Ok(())
    }

    fn compare_step(
        &self,
        tenant: u32,
        step: Step,
        (from, to): (i64, i64),
        counted: &mut Tallies,
        found: &mut Vec<Damage>,
    ) -> Result<()> {
        let window = Window { tenant, step, from, to };
        let visited = self.shared.counters.pass(self.engine, window, &mut |key, counter| {
            found.extend(differs(key, counter, counted.remove(&key).unwrap_or_default()));
        });
        self.engine(visited)
    }
}

fn differs(key: CounterKey, counter: &Counter, mut recount: Tally) -> Option<Damage> {
    if let Some(damage) = &counter.damage {
        return Some(damage.clone());
    }
    if counter.max_is_gone {
        recount.duration_max = counter.tally.duration_max;
    }
    (counter.tally != recount).then(|| {
        let reason = format!("it says {}, counted again it is {}", figures(&counter.tally), figures(&recount));
        Damage::new(keys::describe(&keys::counter(key)), reason)
    })
}

fn missing(counted: Tallies, found: &mut Vec<Damage>) {
    found.extend(counted.into_keys().map(|key| Damage::new(keys::describe(&keys::counter(key)), "it is missing")));
}

fn figures(tally: &Tally) -> String {
    let Tally { operations, completed, failed, timed, duration_sum, .. } = tally;
    format!("{operations} operations, {completed} completed, {failed} failed, {timed} timed, {duration_sum} ms in all")
}
