//! System health: one row a metric, with a word and a sentence.

use serde::{Serialize, Serializer};

use super::{Rating, Ratio, SyncFacts, Tally, sync};
use crate::model::Check;
use crate::store::{Activity, Condition};
use crate::time::Timestamp;

/// One row of the health report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HealthRow {
    /// `PERFORMANCE`, `RELIABILITY`, `LIVENESS`, `INTEGRITY`, `STORAGE`, `CAPTURE`, `LOG` or `SYNC`.
    pub health_category: &'static str,
    /// Which metric.
    pub health_metric: &'static str,
    /// How good it is.
    pub current_status: Rating,
    /// A sentence with the figure.
    pub details: String,
    /// The instant of the report; for INTEGRITY that of the last `verify`.
    #[serde(serialize_with = "as_text")]
    pub last_checked: Timestamp,
}

pub(super) fn as_text<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}

/// What the health report is made from.
#[derive(Debug, Clone)]
pub struct HealthFacts {
    /// What was counted.
    pub activity: Activity,
    /// What the last `verify` found.
    pub check: Option<Check>,
    /// Bytes on disk, where the store keeps any.
    pub size: Option<u64>,
    /// What only the store can say.
    pub conditions: Vec<Condition>,
    /// How the syncs stand, where one was set up.
    pub sync: Option<SyncFacts>,
    /// The instant of the report.
    pub at: Timestamp,
}

/// Makes the health report.
#[must_use]
pub fn health(facts: &HealthFacts) -> Vec<HealthRow> {
    let all = Tally::total(facts.activity.last.values());
    let mut rows = performance(&all);
    rows.extend(reliability(&all));
    rows.push(liveness(&facts.activity));
    rows.extend(integrity(facts.check.as_ref()));
    rows.extend(storage(facts));
    rows.extend(facts.conditions.iter().map(|own| (own.category, own.metric, own.status, own.details.clone())));
    rows.extend(facts.sync.iter().flat_map(|sync| sync::rows(sync, facts.at)));
    let checked = facts.check.as_ref().map_or(facts.at, |check| check.at);
    rows.into_iter()
        .map(|(health_category, health_metric, current_status, details)| HealthRow {
            health_category,
            health_metric,
            current_status,
            details,
            last_checked: if health_category == "INTEGRITY" { checked } else { facts.at },
        })
        .collect()
}

pub(super) type Row = (&'static str, &'static str, Rating, String);

fn performance(all: &Tally) -> Vec<Row> {
    let p95 = all.p95().map(|p95| Ratio::new(i128::from(p95), 1));
    [("average_duration", "average", all.average()), ("p95_duration", "95th percentile", p95)]
        .into_iter()
        .map(|(metric, word, value)| match value {
            Some(value) => {
                let timed = all.timed;
                let details = format!("The {word} of {timed} durations in 24 hours is {} ms.", value.round());
                ("PERFORMANCE", metric, Rating::of_duration(value), details)
            }
            None => ("PERFORMANCE", metric, Rating::Good, "No duration is known in 24 hours.".to_owned()),
        })
        .collect()
}

fn reliability(all: &Tally) -> Vec<Row> {
    let finished = all.finished();
    let (rate, rate_details) = match all.success_rate() {
        Some(rate) => (
            Rating::of_success(rate),
            format!("{} % of {finished} finished operations in 24 hours succeeded.", rate.round()),
        ),
        None => (Rating::Good, "Nothing finished in 24 hours.".to_owned()),
    };
    let failures = match all.failure_rate() {
        Some(rate) if all.failed > 0 => match rate {
            rate if rate < Ratio::from(5) => Rating::Good,
            rate if rate < Ratio::from(20) => Rating::Warning,
            _ => Rating::Poor,
        },
        _ => Rating::Excellent,
    };
    let failed = format!("{} of {finished} finished operations in 24 hours failed.", all.failed);
    vec![("RELIABILITY", "success_rate", rate, rate_details), ("RELIABILITY", "recent_failures", failures, failed)]
}

fn liveness(activity: &Activity) -> Row {
    let rating = match activity.stale {
        0 => Rating::Excellent,
        1..=9 => Rating::Warning,
        _ => Rating::Poor,
    };
    let details = format!("{} of {} running operations started over 24 hours ago.", activity.stale, activity.running);
    ("LIVENESS", "stale_operations", rating, details)
}

/// A metric, its words, and where its count is.
type Counted = (&'static str, &'static str, fn(&Check) -> u64);

fn integrity(check: Option<&Check>) -> Vec<Row> {
    let metrics: [Counted; 3] = [
        ("orphan_versions", "versions without a hub", |check| check.orphan_versions),
        ("open_versions", "hubs without exactly one open version", |check| check.open_versions),
        ("hash_mismatches", "hashes that differ from their content", |check| check.hash_mismatches),
    ];
    metrics
        .into_iter()
        .map(|(metric, words, count)| match check {
            None => ("INTEGRITY", metric, Rating::Good, "Never verified: run verify.".to_owned()),
            Some(check) => {
                let found = count(check);
                let rating = if found == 0 { Rating::Excellent } else { Rating::Poor };
                ("INTEGRITY", metric, rating, format!("The verify of {} found {found} {words}.", check.at))
            }
        })
        .collect()
}

fn storage(facts: &HealthFacts) -> Vec<Row> {
    let size = match facts.size {
        Some(bytes) => format!("The store takes {bytes} bytes on disk."),
        None => "The store keeps nothing on disk.".to_owned(),
    };
    let operations = format!("{} operations are stored.", facts.activity.total);
    vec![("STORAGE", "size", Rating::Excellent, size), ("STORAGE", "operations", Rating::Excellent, operations)]
}
