//! Questions that the server answers itself.

use std::time::Duration;

use opledger::report::{Rating, Tally};
use opledger::store::{Activity, Answer, Condition, Plan, Purged, Scope};
use opledger::{Hash, Result, Status, Timestamp};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::call::Call;
use crate::rows::{column, time, version};
use crate::shared::Shared;
use crate::values::{Key, Moment};

const ACTIVITY: &str = "SELECT * FROM script_tracking.store_activity($1, $2, $3, $4)";
const AS_OF: &str = "SELECT * FROM script_tracking.store_as_of($1, $2, $3, $4)";
const SIZE: &str = "SELECT script_tracking.store_size()";
const CLOCK: &str = "SELECT pg_catalog.clock_timestamp()";
const HEALTH: &str =
    "SELECT health_category, health_metric, current_status, details FROM script_tracking.store_health()";
const PURGE: &str = "SELECT operations, more FROM script_tracking.store_purge($1, $2, $3, $4)";

pub(crate) async fn answer(shared: &Shared, scope: Scope, plan: &Plan) -> Result<Option<Answer>> {
    shared.check_open()?;
    Ok(match plan {
        Plan::Activity { at, window, compared } => {
            let windows = if *compared { 2 } else { 1 };
            Some(Answer::Activity(Box::new(activity(shared, scope, *at, *window, windows).await?)))
        }
        Plan::AsOf { operation, at } => as_of(shared, scope, *operation, *at).await?,
        Plan::Size => {
            let rows = shared.query(&Call::new(SIZE)).await?;
            rows.first().map(|row| count(row, 0)).transpose()?.map(Answer::Size)
        }
        Plan::Clock => {
            let rows = shared.query(&Call::new(CLOCK)).await?;
            rows.first().map(|row| time(row, 0)).transpose()?.map(Answer::Clock)
        }
        Plan::Health => {
            let rows = shared.query(&Call::new(HEALTH)).await?;
            Some(Answer::Health(rows.iter().filter_map(|row| condition(row).transpose()).collect::<Result<_>>()?))
        }
        _ => None,
    })
}

async fn as_of(shared: &Shared, scope: Scope, operation: Hash, at: Timestamp) -> Result<Option<Answer>> {
    let call =
        Call::new(AS_OF).scope(scope).with(Key(operation), Type::BYTEA).with(Moment::bound(at), Type::TIMESTAMPTZ);
    let rows = shared.query(&call).await?;
    let Some(row) = rows.first() else { return Ok(Some(Answer::AsOf(None))) };
    // What can't be read is left out by who reads all versions.
    Ok(version(row).ok().map(|version| Answer::AsOf(Some(Box::new(version)))))
}

/// The rows of the health report that this release knows.
const CONDITIONS: [(&str, &str); 3] =
    [("CAPTURE", "event_triggers"), ("CAPTURE", "capture_failures"), ("LOG", "horizon")];

fn condition(row: &Row) -> Result<Option<Condition>> {
    let (category, metric, word) = (column::<&str>(row, 0)?, column::<&str>(row, 1)?, column::<&str>(row, 2)?);
    let known = CONDITIONS.into_iter().find(|known| *known == (category, metric));
    let status =
        [Rating::Excellent, Rating::Good, Rating::Warning, Rating::Poor].into_iter().find(|r| r.as_str() == word);
    let (Some((category, metric)), Some(status)) = (known, status) else {
        tracing::warn!(
            category,
            metric,
            status = word,
            "the schema is newer: a row of its health report is not known here"
        );
        return Ok(None);
    };
    Ok(Some(Condition { category, metric, status, details: column(row, 3)? }))
}

/// Counts `windows` of them, the last and those before: each costs the server its rows.
async fn activity(shared: &Shared, scope: Scope, at: Timestamp, window: Duration, windows: u32) -> Result<Activity> {
    let (last, before) = (at.before(window), at.before(window.saturating_mul(windows)));
    let call = Call::new(ACTIVITY)
        .scope(scope)
        .with(Moment::bound(last), Type::TIMESTAMPTZ)
        .with(Moment::bound(before), Type::TIMESTAMPTZ);
    let mut activity = Activity::default();
    for row in shared.query(&call).await? {
        let operations = count(&row, 4)?;
        match column::<&str>(&row, 0)? {
            "total" => activity.total = operations,
            "running" => activity.running = operations,
            "stale" => activity.stale = operations,
            "last" => tally(activity.last.entry(column(&row, 1)?).or_default(), &row, operations)?,
            _ => tally(activity.before.entry(column(&row, 1)?).or_default(), &row, operations)?,
        }
    }
    Ok(activity)
}

/// Adds operations of one type, status and (rounded) duration.
fn tally(tally: &mut Tally, row: &Row, operations: u64) -> Result<()> {
    tally.operations += operations;
    match column::<&str>(row, 2)? {
        status if status == Status::Completed.as_str() => tally.completed += operations,
        status if status == Status::Failed.as_str() => tally.failed += operations,
        _ => return Ok(()),
    }
    if let Some(duration) = column::<Option<i32>>(row, 3)? {
        tally.timed += operations;
        tally.duration_sum += count(row, 5)?;
        tally.duration_max = tally.duration_max.max(column(row, 6)?);
        tally.durations.add_times(duration, operations);
    }
    Ok(())
}

pub(crate) async fn purge(shared: &Shared, scope: Scope, before: Timestamp, limit: usize) -> Result<Purged> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX - 1);
    let call = Call::new(PURGE).scope(scope).with(Moment::bound(before), Type::TIMESTAMPTZ).with(limit, Type::INT8);
    // Once: what a lost answer removed is not counted again.
    let rows = shared.query_once(&call).await?;
    match rows.first() {
        Some(row) => Ok(Purged { operations: count(row, 0)?, more: column(row, 1)? }),
        None => Ok(Purged { operations: 0, more: false }),
    }
}

fn count(row: &Row, place: usize) -> Result<u64> {
    column::<i64>(row, place).map(|count| u64::try_from(count).unwrap_or_default())
}
