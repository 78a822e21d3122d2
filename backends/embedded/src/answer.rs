//! Push-down: reports from counters and, at the edges of a window, from a slice of small index entries.

use std::collections::BTreeMap;
use std::time::Duration;

use opledger::report::Tally;
use opledger::store::{Activity, Damage};
use opledger::{Result, Status, Timestamp};

use crate::codec::{self, IndexRow};
use crate::counters::{VisitCounter, Window};
use crate::engine::Engine;
use crate::keys::{self, Step};
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
            let mut exact = ByType::new();
            self.tally(tenant, last.next(), Timestamp::MAX, &mut recent)?;
            self.tally(tenant, before.next(), last.next(), &mut earlier)?;
            let mut total = Tally::default();
            self.count(tenant, Step::Total, (0, 1), &mut |_, counter| total.merge(&counter.tally))?;
            activity.total += total.operations;
            let running = total.operations.saturating_sub(total.finished());
            activity.running += running;
            // Stale is what runs and did not start in the window, nor at its very beginning.
            let (edge, next) = (last.as_micros(), last.next().as_micros());
            self.tally_entries(tenant, None, (edge, next), &mut exact)?;
            let young: u64 =
                recent.values().chain(exact.values()).map(|tally| tally.operations - tally.finished()).sum();
            activity.stale += running.saturating_sub(young);
            self.name_types(recent, &mut activity.last)?;
            self.name_types(earlier, &mut activity.before)?;
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
        let steps = [Step::Hour, Step::TenMinutes, Step::Minute];
        self.tally_by(tenant, &steps, (from.as_micros(), to.as_micros()), into)
    }

    fn tally_by(&self, tenant: u32, steps: &[Step], (from, to): (i64, i64), into: &mut ByType) -> Result<()> {
        if from >= to {
            return Ok(());
        }
        let Some((step, finer)) = steps.split_first() else {
            return self.tally_entries(tenant, None, (from, to), into);
        };
        let width = step.width().unwrap_or(1);
        let (first, end) = (round_up(from, width), round_down(to, width));
        if first >= end {
            return self.tally_by(tenant, finer, (from, to), into);
        }
        self.tally_by(tenant, finer, (from, first), into)?;
        let mut uncertain = Vec::new();
        self.count(tenant, *step, (first, end), &mut |key, counter| {
            if counter.max_is_gone {
                uncertain.push(key);
            } else {
                into.entry(key.script_type).or_default().merge(&counter.tally);
            }
        })?;
        for key in uncertain {
            let end = key.bucket.saturating_add(width);
            self.tally_entries(tenant, Some(key.script_type), (key.bucket, end), into)?;
        }
        self.tally_by(tenant, finer, (end, to), into)
    }

    fn tally_entries(&self, tenant: u32, only: Option<u32>, (from, to): (i64, i64), into: &mut ByType) -> Result<()> {
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

    /// Visits the counters of a step whose bucket begins in `[from, to)`.
    fn count(&self, tenant: u32, step: Step, (from, to): (i64, i64), visit: &mut VisitCounter<'_>) -> Result<()> {
        let mut damaged = None;
        let window = Window { tenant, step, from, to };
        let visited = self.shared.counters.visit(self.engine, window, &mut |key, counter| match &counter.damage {
            Some(damage) => damaged = Some(damage.clone()),
            None => visit(key, counter),
        });
        self.engine(visited)?;
        damaged.map_or(Ok(()), |damage| Err(self.shared.corrupt(&damage)))
    }
}

fn round_down(value: i64, width: i64) -> i64 {
    value.checked_sub(value.rem_euclid(width)).unwrap_or(i64::MIN)
}

fn round_up(value: i64, width: i64) -> i64 {
    let down = round_down(value, width);
    if down == value { value } else { down.saturating_add(width) }
}
