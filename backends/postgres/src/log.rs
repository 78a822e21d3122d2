//! The log: what no transaction in progress can precede, in an order that a reader can resume from.

use std::time::{Duration, Instant};

use opledger::store::{Entry, Page, Record, Scan, Scope};
use opledger::{Position, Result, Version};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::call::Call;
use crate::read::{more_than, page};
use crate::rows::{column, hub, version};
use crate::shared::Shared;
use crate::values::{Xid, place, position};

/// What is held back comes first: it is looked for before the log is read.
const LOG: &str = "SELECT l.*, h.held_back, h.horizon FROM script_tracking.store_held_back() AS h \
    LEFT JOIN LATERAL script_tracking.store_log($1, $2, $3, $4, $5, $6) AS l ON true";
const HELD_BACK: &str = "SELECT held_back, horizon FROM script_tracking.store_held_back()";
const LAST: &str = "SELECT l.epoch, l.log_xid, l.version_number, h.held_back, h.horizon FROM script_tracking.store_held_back() AS h \
    LEFT JOIN LATERAL script_tracking.store_last($1, $2, $3) AS l ON true";

/// The places of `held_back` and `horizon` after the columns of a `store_row`.
const HELD: (usize, usize) = (25, 26);

/// How long who waits sleeps between two looks, at least and at most. A look is one query of some hundred microseconds; being told
/// (NOTIFY) would make all commits of the server wait for one another.
const POLL: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(100));

/// Reads a page. Versions that are committed but come after one that may still appear are waited for, as long as
/// `log_wait` says: so a reader sees what was acknowledged before it asked. After that it gets what is before them.
pub(crate) async fn read(shared: &Shared, scope: Scope, after: Position, limit: usize) -> Result<Page> {
    let rows = rows(shared, scope, after, limit).await?;
    let held = rows.first().map(|row| held_back(row, HELD)).transpose()?.flatten();
    let found = entries(rows);
    match held {
        Some(last) if found.len() <= limit && wait_for_horizon(shared, last).await? => {
            let rows = entries(self::rows(shared, scope, after, limit).await?);
            page_of(&rows, limit)
        }
        _ => page_of(&found, limit),
    }
}

async fn rows(shared: &Shared, scope: Scope, after: Position, limit: usize) -> Result<Vec<Row>> {
    let (epoch, xid, number) = place(after);
    let call = Call::new(LOG)
        .scope(scope)
        .with(epoch, Type::INT8)
        .with(xid, Type::XID8)
        .with(number, Type::INT8)
        .with(more_than(limit), Type::INT8);
    shared.query(&call).await
}

/// Where the log gives nothing, there is one row that says only what is held back.
fn entries(mut rows: Vec<Row>) -> Vec<Row> {
    rows.retain(|row| row.try_get::<_, Option<i64>>(23).is_ok_and(|number| number.is_some()));
    rows
}

fn page_of(rows: &[Row], limit: usize) -> Result<Page> {
    page(rows, limit, entry, |row| Ok(Scan::Log { after: position_of(row)? }))
}

fn entry(row: &Row) -> Result<Record> {
    // As it was appended: open.
    let version = Version { load_end_date: None, ..version(row)? };
    Ok(Record::Entry(Box::new(Entry { hub: hub(row)?, version })))
}

fn position_of(row: &Row) -> Result<Position> {
    Ok(position(column(row, 21)?, column(row, 22)?, column(row, 23)?))
}

fn held_back(row: &Row, (held, horizon): (usize, usize)) -> Result<Option<Xid>> {
    let (held, horizon) = (column::<Option<Xid>>(row, held)?, column::<Xid>(row, horizon)?);
    Ok(held.filter(|held| *held >= horizon))
}

/// Waits until every transaction up to `last` has ended; whether it came to that.
async fn wait_for_horizon(shared: &Shared, last: Xid) -> Result<bool> {
    let (began, mut pause) = (Instant::now(), Duration::from_millis(1));
    loop {
        let rows = shared.query(&Call::new(HELD_BACK)).await?;
        let horizon = rows.first().map(|row| column::<Xid>(row, 1)).transpose()?;
        if horizon.is_none_or(|horizon| horizon > last) {
            return Ok(true);
        }
        if began.elapsed() >= shared.config.log_wait {
            tracing::warn!(
                transaction = last.0,
                "the log is held back by a transaction that is open for long: see pg_stat_activity.backend_xid"
            );
            return Ok(false);
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

/// Waits for something after `after`; the end of the log either way.
pub(crate) async fn wait(shared: &Shared, after: Position, at_most: Duration) -> Result<Position> {
    let began = Instant::now();
    let mut pause = POLL.0;
    loop {
        let appended = shared.appended.notified();
        let mut appended = std::pin::pin!(appended);
        // Before looking, so that nothing is missed in between.
        appended.as_mut().enable();
        let mut found = last(shared, after).await?;
        let left = at_most.saturating_sub(began.elapsed());
        // Whoever is given the end of the log is given all that was acknowledged before it asked, as far as `log_wait` allows.
        if let (true, Some(held)) = (found.0.is_some() || left.is_zero(), found.1)
            && wait_for_horizon(shared, held).await?
        {
            found = last(shared, after).await?;
        }
        match found.0 {
            Some(last) => return Ok(last),
            None if left.is_zero() => return Ok(last(shared, Position::START).await?.0.unwrap_or_default()),
            None => {}
        }
        tokio::select! {
            () = appended => pause = POLL.0,
            () = tokio::time::sleep(pause.min(left)) => pause = (pause * 2).min(POLL.1),
        }
    }
}

/// The last position, when it is after `after`; and what is held back, which was looked for first.
async fn last(shared: &Shared, after: Position) -> Result<(Option<Position>, Option<Xid>)> {
    let (epoch, xid, number) = place(after);
    let call = Call::new(LAST).with(epoch, Type::INT8).with(xid, Type::XID8).with(number, Type::INT8);
    let rows = shared.query(&call).await?;
    let Some(row) = rows.first() else { return Ok((None, None)) };
    let last = match column::<Option<i64>>(row, 0)? {
        Some(epoch) => Some(position(epoch, column(row, 1)?, column(row, 2)?)),
        None => None,
    };
    Ok((last, held_back(row, (3, 4))?))
}
