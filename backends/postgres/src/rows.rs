//! Columns of a row.

use opledger::{Error, ErrorKind, Result};
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

/// A column's value.
///
/// # Errors
/// Gives XX001 naming the column when it holds another type.
pub(crate) fn column<'a, T: FromSql<'a>>(row: &'a Row, place: usize) -> Result<T> {
    row.try_get(place).map_err(|cause| {
        let name = row.columns().get(place).map_or("?", tokio_postgres::Column::name);
        Error::new(ErrorKind::Corrupt, format!("the column {name} can't be read: {}", crate::error::chain(&cause)))
            .caused_by(cause)
    })
}
