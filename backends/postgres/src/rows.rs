//! What rows hold.

use std::net::IpAddr;

use opledger::hash::Metadata;
use opledger::model::{Document, Kind, UnitId};
use opledger::store::{Damage, Record};
use opledger::{Attributes, Error, ErrorKind, Hash, Hub, Operation, Result, Timestamp, Version};
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use crate::values::{Key, Moment, Uuid, position};

/// A column's value.
///
/// # Errors
/// Gives XX001 naming the column when it holds another type, or nothing where something must be.
pub(crate) fn column<'a, T: FromSql<'a>>(row: &'a Row, place: usize) -> Result<T> {
    row.try_get(place).map_err(|cause| {
        let name = row.columns().get(place).map_or("?", tokio_postgres::Column::name);
        Error::new(ErrorKind::Corrupt, format!("the column {name} can't be read: {}", crate::error::chain(&cause)))
            .caused_by(cause)
    })
}

/// The hub of a `store_row`; none where the version is an orphan.
pub(crate) fn hub(row: &Row) -> Result<Option<Hub>> {
    let Some(script_execution_bk) = column::<Option<String>>(row, 1)? else { return Ok(None) };
    Ok(Some(Hub {
        script_execution_hk: column::<Key>(row, 0)?.0,
        script_execution_bk,
        tenant: column::<Option<Key>>(row, 2)?.map(|key| key.0),
        load_date: time(row, 3)?,
        record_source: column(row, 4)?,
    }))
}

/// The version of a `store_row`.
pub(crate) fn version(row: &Row) -> Result<Version> {
    let script_execution_hk = column::<Key>(row, 0)?.0;
    let load_date = time(row, 5)?;
    Ok(Version {
        script_execution_hk,
        load_date,
        load_end_date: column::<Option<Moment>>(row, 6)?.map(Moment::timestamp),
        hash_diff: column::<Key>(row, 7)?.0,
        attributes: attributes(row)?,
        record_source: column(row, 19)?,
        tenant: column::<Option<Key>>(row, 20)?.map(|key| key.0),
        position: position(column(row, 21)?, column(row, 22)?, column(row, 23)?),
        unit: match column::<Option<Uuid>>(row, 24)? {
            Some(unit) => unit.0,
            None => unit_of(script_execution_hk, load_date),
        },
    })
}

fn attributes(row: &Row) -> Result<Attributes> {
    let corrupt = |cause: Box<dyn std::error::Error + Send + Sync>| {
        Error::new(ErrorKind::Corrupt, cause.to_string()).caused_by(cause)
    };
    Ok(Attributes {
        script_name: column(row, 8)?,
        script_type: column(row, 9)?,
        execution_status: column::<&str>(row, 10)?.parse().map_err(|cause| corrupt(Box::new(cause)))?,
        execution_timestamp: time(row, 11)?,
        execution_duration_ms: column(row, 12)?,
        db_session_user: column(row, 13)?,
        client_ip: column::<Option<IpAddr>>(row, 14)?,
        affected_objects: column(row, 15)?,
        sql_command: column(row, 16)?,
        error_message: column(row, 17)?,
        metadata: metadata(column(row, 18)?)?,
    })
}

fn metadata(text: Option<&str>) -> Result<Option<Metadata>> {
    let parsed = text.map(Metadata::parse).transpose();
    parsed.map_err(|cause| Error::new(ErrorKind::Corrupt, format!("metadata: {cause}")).caused_by(cause))
}

/// An operation as it stands: a `store_row` with a hub.
pub(crate) fn operation(row: &Row) -> Result<Record> {
    let hub = hub(row)?.ok_or_else(|| Error::new(ErrorKind::Corrupt, "the version has no hub"))?;
    Ok(Record::Operation(Box::new(Operation { hub, open: version(row)? })))
}

/// A document: a row of `store_documents`.
pub(crate) fn document(kind: Kind, row: &Row) -> Result<Document> {
    let body = metadata(Some(column(row, 4)?))?.unwrap_or_else(Metadata::empty);
    Ok(Document {
        kind,
        key: column::<Key>(row, 0)?.0,
        tenant: column::<Option<Key>>(row, 1)?.map(|key| key.0),
        load_date: time(row, 2)?,
        hash_diff: column::<Key>(row, 3)?.0,
        body,
        record_source: column(row, 5)?,
    })
}

/// A moment that is there.
pub(crate) fn time(row: &Row, place: usize) -> Result<Timestamp> {
    column::<Moment>(row, place).map(Moment::timestamp)
}

/// A row that can't be read, by its key.
pub(crate) fn damage(row: &Row, error: &Error) -> Damage {
    let key = row.try_get::<_, Key>(0).map_or_else(|_| "of unreadable key".to_owned(), |key| key.0.to_string());
    Damage::new(format!("operation {key}"), error.message())
}

/// The unit of a version that no store brought but the SQL API: always the same for the same version.
fn unit_of(hk: Hash, load_date: Timestamp) -> UnitId {
    let hash = Hash::of(&format!("{hk} {}", load_date.as_micros()));
    let mut id = [0; 16];
    id.iter_mut().zip(hash.as_bytes()).for_each(|(ours, theirs)| *ours = *theirs);
    UnitId(id)
}
