//! What the server said of a statement, in full.

use std::error::Error as _;

use opledger::migrate::DatabaseError;
use opledger::{Error, ErrorKind};
use tokio_postgres::error::ErrorPosition;

use crate::error::Reported;

pub(super) fn said(cause: &Error, is_english: bool) -> DatabaseError {
    let is_lost = matches!(cause.kind(), ErrorKind::Connection | ErrorKind::Closed);
    let Some(Reported(db)) = cause.source().and_then(|source| source.downcast_ref()) else {
        return DatabaseError {
            message: cause.message().to_owned(),
            is_lost,
            is_english: true,
            ..DatabaseError::default()
        };
    };
    let position = match db.position() {
        Some(ErrorPosition::Original(place)) => usize::try_from(*place).ok(),
        // A place in a statement that a function made is no place in the file.
        _ => None,
    };
    DatabaseError {
        sqlstate: Some(db.code().code().to_owned()),
        message: db.message().to_owned(),
        detail: db.detail().map(str::to_owned),
        hint: db.hint().map(str::to_owned),
        context: db.where_().map(str::to_owned),
        position,
        is_lost,
        is_english,
    }
}
