//! The operation that records a login or registration: its outcome, and of the e-mail the user's hash key only.

use std::time::Duration;

use super::documents::is_done;
use crate::error::{Error, ErrorKind, Result};
use crate::hash::{Hash, Metadata, hash_key};
use crate::model::{Attributes, Hub, KEY_TRIES, Status, UnitId, business_key};
use crate::store::{Change, Outcome, State, Store, Unit};
use crate::time::Timestamp;
use crate::tracker::Tracker;

/// A login or registration that is going on.
pub(super) struct Going {
    name: &'static str,
    at: Timestamp,
    began: Duration,
    /// Known once the input is known to be right.
    pub(super) user: Option<Hash>,
}

/// Whether an error is an answer, which is recorded: the others say that nothing could be judged.
pub(super) fn is_answer(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::TooLong
            | ErrorKind::MissingValue
            | ErrorKind::InvalidValue
            | ErrorKind::Conflict
            | ErrorKind::Permission
            | ErrorKind::MissingDependency
            | ErrorKind::InvalidPassword
            | ErrorKind::InvalidAuthorization
    )
}

impl<S: Store> Tracker<S> {
    pub(super) fn begin(&self, name: &'static str) -> Going {
        Going { name, at: self.now(), began: self.monotonic(), user: None }
    }

    /// Commits `units` and the operation, in one step; gives its key.
    pub(super) async fn record(&self, going: &Going, units: Vec<Unit>, refused: Option<&Error>) -> Result<Hash> {
        let mut before = units;
        for _ in 0..KEY_TRIES {
            let (hk, operation) = self.authentication(going, refused)?;
            let place = before.len();
            let outcomes = self.store().commit(before.drain(..).chain(operation).collect()).await?;
            match outcomes.get(place) {
                started if is_done(started) => return Ok(hk),
                // Six hex digits in one microsecond: rare. What came before it is done.
                Some(Outcome::Conflict { .. }) => {}
                other => {
                    let message = format!("the store broke its contract: a start was answered with {other:?}");
                    return Err(Error::new(ErrorKind::Corrupt, message));
                }
            }
        }
        Err(Error::new(ErrorKind::Serialization, "each business key of the operation was taken"))
    }

    /// Records a refusal; gives it with the operation's key, or what kept it from being recorded.
    pub(super) async fn refuse(&self, going: &Going, error: Error) -> Error {
        if !is_answer(&error) {
            return error;
        }
        match self.record(going, Vec::new(), Some(&error)).await {
            Ok(operation) => error.on(operation),
            Err(unrecorded) => unrecorded,
        }
    }

    /// The units of an operation that has ended: both versions at once, as SQL writes them.
    fn authentication(&self, going: &Going, refused: Option<&Error>) -> Result<(Hash, [Unit; 2])> {
        let now = self.now().max(going.at);
        let business_key = business_key(going.name, going.at)?;
        let (hk, tenant) = (hash_key(&business_key), self.scope().tenant());
        let user = going.user.map(|user| ("user_hk", user.to_string()));
        let code = refused.map(|error| ("error_code", error.kind().sqlstate().to_owned()));
        let running = Attributes {
            script_name: going.name.to_owned(),
            script_type: "AUTHENTICATION".to_owned(),
            execution_status: Status::Running,
            execution_timestamp: going.at,
            execution_duration_ms: None,
            db_session_user: self.user().map(str::to_owned),
            client_ip: None,
            affected_objects: None,
            sql_command: None,
            error_message: None,
            metadata: Some(Metadata::from_pairs(user.into_iter().chain(code))?),
        };
        let took = self.monotonic().saturating_sub(going.began).as_millis();
        let ended = Attributes {
            execution_status: if refused.is_none() { Status::Completed } else { Status::Failed },
            execution_duration_ms: Some(i32::try_from(took).unwrap_or(i32::MAX)),
            error_message: refused.map(|error| error.message().to_owned()),
            ..running.clone()
        };
        let source = self.record_source().to_owned();
        let first = State::new(now, running, source.clone());
        let next = State::new(now.next(), ended, source.clone());
        let expect_open = (first.load_date, first.hash_diff);
        let hub = Hub {
            script_execution_hk: hk,
            script_execution_bk: business_key,
            tenant,
            load_date: now,
            record_source: source,
        };
        let start = Unit { id: UnitId::random()?, change: Change::Start { hub, first } };
        let end = Change::Append { operation: hk, tenant, expect_open, next };
        Ok((hk, [start, Unit { id: UnitId::random()?, change: end }]))
    }
}
