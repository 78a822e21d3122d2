//! What the server or the network said, as an error of the ledger. Decided by SQLSTATE, never by text.

use opledger::{Error, ErrorKind};
use tokio_postgres::error::{DbError, SqlState};

/// The error for what tokio-postgres gave; `location` is without secrets.
pub(crate) fn convert(cause: tokio_postgres::Error, location: &str) -> Error {
    let Some(db) = cause.as_db_error() else {
        return Error::new(ErrorKind::Connection, format!("the connection to {location} failed: {}", chain(&cause)))
            .caused_by(cause);
    };
    let kind = kind(db.code());
    let mut message = format!("{location}: {}", db.message());
    for more in [db.detail(), db.hint(), advice(db.code())].into_iter().flatten() {
        message.push_str("; ");
        message.push_str(more.trim_end_matches('.'));
    }
    Error::new(kind, message).caused_by(Reported(db.clone()))
}

/// What the server reported, for who needs its parts. As a text it is short: the error's message has all of it.
#[derive(Debug, thiserror::Error)]
#[error("SQLSTATE {}", .0.code().code())]
pub(crate) struct Reported(pub(crate) DbError);

/// The kind that a SQLSTATE belongs to: its own, else that of its class.
fn kind(code: &SqlState) -> ErrorKind {
    // Raised, these are about the login of the connection; a user's login is answered.
    if code.code().starts_with("28") {
        return ErrorKind::Permission;
    }
    if let Some(kind) = ErrorKind::from_sqlstate(code.code()) {
        return kind;
    }
    let state = code.code();
    match state {
        "40P01" => ErrorKind::Serialization,
        "3D000" | "3F000" | "42P01" | "42703" | "42704" => ErrorKind::MissingDependency,
        // Shut down, crashed, starting up, or dropped: another moment or another host may do.
        "57P01" | "57P02" | "57P03" | "57P04" | "57P05" | "25P03" => ErrorKind::Connection,
        "XX002" => ErrorKind::Corrupt,
        _ => match state.get(..2) {
            Some("08") => ErrorKind::Connection,
            Some("22" | "23") => ErrorKind::InvalidValue,
            Some("40") => ErrorKind::Serialization,
            Some("53") => ErrorKind::Overloaded,
            _ => ErrorKind::Io,
        },
    }
}

/// What to do next, where the server gives no hint.
fn advice(code: &SqlState) -> Option<&'static str> {
    Some(match code.code() {
        "3F000" | "42883" | "42P01" | "42703" => {
            "the schema is missing or of another version: run `opledger install` or `opledger upgrade`"
        }
        "25006" => "this server takes no writes: name the primary, or all hosts with target_session_attrs=read-write",
        "53300" => "raise max_connections, lower pool_size, or put a pooler between",
        "53100" => "make room on the server's disk, then retry",
        "55P03" => "another session holds a lock: retry, or raise lock_timeout",
        "57014" => "it took longer than statement_timeout, or was cancelled: retry, or raise the limit",
        "42501" => "the login needs script_tracking_writer (or _reader), or another tenant's binding: see bind_login",
        "28P01" | "28000" => "check user, password and the server's pg_hba.conf",
        _ => return None,
    })
}

/// Whether a connection that gave this error can't be used again.
pub(crate) fn is_fatal(cause: &tokio_postgres::Error) -> bool {
    cause.as_db_error().is_none_or(|db| kind(db.code()) == ErrorKind::Connection)
}

/// An error and those below it, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut below = error.source();
    while let Some(cause) = below {
        let more = cause.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        below = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlstates_have_their_kinds() {
        for (state, expected, retry) in [
            ("40P01", ErrorKind::Serialization, true),
            ("53300", ErrorKind::Overloaded, true),
            ("53200", ErrorKind::Overloaded, true),
            ("53100", ErrorKind::DiskFull, true),
            ("57P01", ErrorKind::Connection, true),
            ("57014", ErrorKind::Timeout, true),
            ("25006", ErrorKind::ReadOnly, true),
            ("28P01", ErrorKind::Permission, false),
            ("42P01", ErrorKind::MissingDependency, false),
            ("22023", ErrorKind::InvalidValue, false),
            ("22008", ErrorKind::InvalidValue, false),
            ("XX002", ErrorKind::Corrupt, false),
        ] {
            let kind = kind(&SqlState::from_code(state));
            assert_eq!((kind, kind.is_retryable()), (expected, retry), "{state}");
        }
    }
}
