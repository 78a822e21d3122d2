//! Reading by key and in an order.

use opledger::model::{Check, Kind};
use opledger::store::{Key as Wanted, Page, Record, Scan, Scope};
use opledger::{Hash, Result};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::call::Call;
use crate::log;
use crate::rows::{column, damage, document, operation, time, version};
use crate::shared::Shared;
use crate::values::{Key, Moment};

const GET: &str = "SELECT * FROM script_tracking.store_get($1, $2, $3)";
const VERSIONS: &str = "SELECT * FROM script_tracking.store_versions($1, $2, $3, $4, $5)";
const OPERATIONS: &str = "SELECT * FROM script_tracking.store_operations($1, $2, $3, $4)";
const HISTORY: &str = "SELECT * FROM script_tracking.store_history($1, $2, $3, $4, $5, $6, $7, $8, $9)";
const CHECKS: &str = "SELECT * FROM script_tracking.store_checks($1, $2)";
const DOCUMENTS: &str = "SELECT * FROM script_tracking.store_documents($1, $2, $3, $4, $5, $6, $7)";

pub(crate) async fn get(shared: &Shared, scope: Scope, keys: &[Wanted]) -> Result<Vec<Option<Record>>> {
    let operations: Vec<Key> = keys
        .iter()
        .filter_map(|key| match key {
            Wanted::Operation(hk) => Some(Key(*hk)),
            Wanted::Document(..) => None,
        })
        .collect();
    let mut found = std::collections::HashMap::new();
    if !operations.is_empty() {
        let call = Call::new(GET).scope(scope).with(operations, Type::BYTEA_ARRAY);
        for row in shared.query(&call).await? {
            found.insert(column::<Key>(&row, 0)?.0, operation(&row)?);
        }
    }
    let mut records = Vec::with_capacity(keys.len());
    for key in keys {
        records.push(match key {
            Wanted::Operation(hk) => found.get(hk).cloned(),
            Wanted::Document(kind, hk) => open_document(shared, scope, *kind, *hk).await?,
        });
    }
    // Asked for nothing, a closed store says so all the same.
    shared.check_open()?;
    Ok(records)
}

async fn open_document(shared: &Shared, scope: Scope, kind: Kind, key: Hash) -> Result<Option<Record>> {
    let rows = shared.query(&documents(scope, kind, Some(key), None, 1)).await?;
    rows.first().map(|row| Ok(Record::Document(Box::new(document(kind, row)?)))).transpose()
}

fn documents<'a>(
    scope: Scope,
    kind: Kind,
    key: Option<Hash>,
    after: Option<(Hash, opledger::Timestamp)>,
    limit: usize,
) -> Call<'a> {
    Call::new(DOCUMENTS)
        .scope(scope)
        .with(kind.as_str(), Type::TEXT)
        .with(key.map(Key), Type::BYTEA)
        .with(after.map(|(key, _)| Key(key)), Type::BYTEA)
        .with(after.map(|(_, at)| Moment::bound(at)), Type::TIMESTAMPTZ)
        .with(more_than(limit), Type::INT8)
}

/// One more than a page holds tells whether another follows.
pub(crate) fn more_than(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1)
}

pub(crate) async fn scan(shared: &Shared, scope: Scope, scan: &Scan, limit: usize) -> Result<Page> {
    let limit = limit.max(1);
    let count = more_than(limit);
    match scan {
        Scan::Versions { operation, after } => {
            let call = Call::new(VERSIONS)
                .scope(scope)
                .with(Key(*operation), Type::BYTEA)
                .with(after.map(Moment::bound), Type::TIMESTAMPTZ)
                .with(count, Type::INT8);
            let read = |row: &Row| version(row).map(|version| Record::Version(Box::new(version)));
            let resume = |row: &Row| Ok(Scan::Versions { operation: *operation, after: Some(time(row, 5)?) });
            page(&shared.query(&call).await?, limit, read, resume)
        }
        Scan::History { since, until, status, script_type, before } => {
            let call = Call::new(HISTORY)
                .scope(scope)
                .with(since.map(Moment::bound), Type::TIMESTAMPTZ)
                .with(until.map(Moment::bound), Type::TIMESTAMPTZ)
                .with(status.map(|status| status.as_str()), Type::TEXT)
                .with(script_type.as_deref(), Type::TEXT)
                .with(before.map(|(at, _)| Moment::bound(at)), Type::TIMESTAMPTZ)
                .with(before.map(|(_, key)| Key(key)), Type::BYTEA)
                .with(count, Type::INT8);
            let resume = |row: &Row| {
                let before = Some((time(row, 11)?, column::<Key>(row, 0)?.0));
                let (since, until, status, script_type) = (*since, *until, *status, script_type.clone());
                Ok(Scan::History { since, until, status, script_type, before })
            };
            page(&shared.query(&call).await?, limit, operation, resume)
        }
        Scan::Operations { after } => {
            let call = Call::new(OPERATIONS).scope(scope).with(after.map(Key), Type::BYTEA).with(count, Type::INT8);
            let resume = |row: &Row| Ok(Scan::Operations { after: Some(column::<Key>(row, 0)?.0) });
            page(&shared.query(&call).await?, limit, operation, resume)
        }
        Scan::Log { after } => log::read(shared, scope, *after, limit).await,
        Scan::Documents { kind, after } => {
            let call = documents(scope, *kind, None, *after, limit);
            let read = |row: &Row| document(*kind, row).map(|found| Record::Document(Box::new(found)));
            let resume =
                |row: &Row| Ok(Scan::Documents { kind: *kind, after: Some((column::<Key>(row, 0)?.0, time(row, 2)?)) });
            page(&shared.query(&call).await?, limit, read, resume)
        }
        // What was found in the store is not for one tenant to see.
        Scan::Checks { .. } if matches!(scope, Scope::Tenant(_)) => shared.check_open().map(|()| Page::default()),
        Scan::Checks { before } => {
            let call = Call::new(CHECKS).with(before.map(Moment::bound), Type::TIMESTAMPTZ).with(count, Type::INT8);
            let resume = |row: &Row| Ok(Scan::Checks { before: Some(time(row, 0)?) });
            page(&shared.query(&call).await?, limit, check, resume)
        }
    }
}

fn check(row: &Row) -> Result<Record> {
    let count = |place| column::<i64>(row, place).map(|count| u64::try_from(count).unwrap_or_default());
    Ok(Record::Check(Check {
        at: time(row, 0)?,
        orphan_versions: count(1)?,
        open_versions: count(2)?,
        hash_mismatches: count(3)?,
        other: count(4)?,
    }))
}

/// The first `limit` rows; when there are more, the scan that goes on after the last of them.
pub(crate) fn page(
    rows: &[Row],
    limit: usize,
    read: impl Fn(&Row) -> Result<Record>,
    resume: impl Fn(&Row) -> Result<Scan>,
) -> Result<Page> {
    let mut page = Page::default();
    for row in rows.iter().take(limit) {
        match read(row) {
            Ok(record) => page.records.push(record),
            Err(error) => page.damaged.push(damage(row, &error)),
        }
    }
    if rows.len() > limit {
        page.next = rows.get(limit - 1).map(resume).transpose()?;
    }
    Ok(page)
}
