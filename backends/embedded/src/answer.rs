//! Push-down: reports from counters and, at the edges of a window, from a slice of small index entries.

use std::collections::BTreeMap;
use std::time::Duration;

use opledger::report::Tally;
use opledger::store::{Activity, Damage};
use opledger::{Result, Status, Timestamp};

use crate::codec::{self, CounterRow, IndexRow};
use crate::engine::Engine;
use crate::keys::{self, CounterKey, Step};
use crate::reader::Reader;

type ByType = BTreeMap<u32, Tally>;

impl<E: Engine> Reader<'_, E> {
    /// The figures behind the reports. A damaged counter is no figure: it is an error, and `verify` names it.
    pub(crate) fn activity(&self, at: Timestamp, window: Duration) -> Result<Activity> {
        let last = at.before(window);
        let before = at.before(window.saturating_mul(2));
        let mut activity = Activity::default();
        for tenant in self.shared.tenants(self.scope) {
            let mut recent = ByType::new();
            let mut earlier = ByType::new();
            self.tally(tenant, last.next(), Timestamp::MAX, &mut recent)?;
            self.tally(tenant, before.next(), last.next(), &mut earlier)?;
            self.name_types(recent, &mut activity.last)?;
            self.name_types(earlier, &mut activity.before)?;
            self.counters(tenant, Step::Total, 0, 1, &mut |_, row| {
                let tally = row.tally();
                activity.total += tally.operations;
                activity.running += tally.operations.saturating_sub(tally.finished());
                Ok(())
            })?;
            let from = keys::index_from(tenant, Status::Running, Timestamp::MIN);
            let to = keys::index_from(tenant, Status::Running, last);
            self.range(&from, &to, false, |_, _| {
                activity.stale += 1;
                true
            })?;
        }
        Ok(activity)
    }

    fn name_types(&self, numbered: ByType, named: &mut BTreeMap<String, Tally>) -> Result<()> {
        for (number, tally) in numbered.into_iter().filter(|(_, tally)| tally.operations > 0) {
            let name = self.shared.type_name(number).ok_or_else(|| {
                self.shared.corrupt(&Damage::new(format!("type number {number}"), "its name is missing"))
            })?;
            named.entry(name).or_default().merge(&tally);
        }
        Ok(())
    }

    /// Counts what started in `[from, to)`: whole hours, ten minutes, minutes, and entries at the edges.
    fn tally(&self, tenant: u32, from: Timestamp, to: Timestamp, into: &mut ByType) -> Result<()> {
        self.tally_by(tenant, &[Step::Hour, Step::TenMinutes, Step::Minute], from.as_micros(), to.as_micros(), into)
    }

    fn tally_by(&self, tenant: u32, steps: &[Step], from: i64, to: i64, into: &mut ByType) -> Result<()> {
        if from >= to {
            return Ok(());
        }
        let Some((step, finer)) = steps.split_first() else { return self.tally_entries(tenant, None, from, to, into) };
        let width = step.width().unwrap_or(1);
        let (first, end) = (round_up(from, width), round_down(to, width));
        if first >= end {
            return self.tally_by(tenant, finer, from, to, into);
        }
        self.tally_by(tenant, finer, from, first, into)?;
        let mut uncertain = Vec::new();
        self.counters(tenant, *step, first, end, &mut |key, row| {
            if row.max_is_gone {
                uncertain.push(key);
            } else {
                row.add_to(into.entry(key.script_type).or_default());
            }
            Ok(())
        })?;
        for key in uncertain {
            let end = key.bucket.saturating_add(width);
            self.tally_entries(tenant, Some(key.script_type), key.bucket, end, into)?;
        }
        self.tally_by(tenant, finer, end, to, into)
    }

    fn tally_entries(&self, tenant: u32, only: Option<u32>, from: i64, to: i64, into: &mut ByType) -> Result<()> {
        for status in Status::ALL {
            let start = keys::index_from(tenant, status, Timestamp::from_micros(from));
            let end = keys::index_from(tenant, status, Timestamp::from_micros(to));
            let mut damaged = None;
            self.range(&start, &end, false, |key, value| match codec::decode::<IndexRow>(key, value) {
                Ok(row) => {
                    if only.is_none_or(|only| only == row.script_type) {
                        into.entry(row.script_type).or_default().count(status, row.duration_ms);
                    }
                    true
                }
                Err(damage) => {
                    damaged = Some(damage);
                    false
                }
            })?;
            if let Some(damage) = damaged {
                return Err(self.shared.corrupt(&damage));
            }
        }
        Ok(())
    }

    /// Visits the counters of a step with `from <= bucket < to`.
    pub(crate) fn counters(
        &self,
        tenant: u32,
        step: Step,
        from: i64,
        to: i64,
        visit: &mut dyn FnMut(CounterKey, CounterRow) -> Result<()>,
    ) -> Result<()> {
        let start = keys::counters_from(tenant, step, from);
        let end = keys::counters_from(tenant, step, to);
        let mut failed = Ok(());
        self.range(&start, &end, false, |key, value| {
            let Some(parsed) = keys::parse_counter(key) else { return true };
            failed = match codec::decode::<CounterRow>(key, value) {
                Ok(row) => visit(parsed, row),
                Err(damage) => Err(self.shared.corrupt(&damage)),
            };
            failed.is_ok()
        })?;
        failed
    }
}

fn round_down(value: i64, width: i64) -> i64 {
    value.checked_sub(value.rem_euclid(width)).unwrap_or(i64::MIN)
}

fn round_up(value: i64, width: i64) -> i64 {
    let down = round_down(value, width);
    if down == value { value } else { down.saturating_add(width) }
}
