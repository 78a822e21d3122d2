//! What the documents of users hold. A body has what the satellite's columns have, so that a row of PostgreSQL and a
//! document are the same version.

use crate::error::{Error, ErrorKind, Result};
use crate::hash::json::Json;
use crate::hash::{Hash, Metadata, hash_key};
use crate::model::Document;
use crate::time::Timestamp;

/// The costs of bcrypt that a setting may have.
pub(super) const COSTS: std::ops::RangeInclusive<u32> = 4..=15;

/// The hash key of a user: of the tenant's key in hex, a colon, and the e-mail with ASCII letters in lower case.
///
/// ```
/// use opledger::{hash_key, users::user_key};
/// let tenant = hash_key("acme");
/// assert_eq!(user_key(tenant, "Bob@Example.org"), hash_key(&format!("{tenant}:bob@example.org")));
/// ```
#[must_use]
pub fn user_key(tenant: Hash, email: &str) -> Hash {
    hash_key(&format!("{tenant}:{}", email.to_ascii_lowercase()))
}

pub(super) fn tenant(tenant_id: &str, registered_by: &str) -> Result<Metadata> {
    Ok(Metadata::from_pairs([("tenant_id", tenant_id), ("registered_by", registered_by)])?)
}

pub(super) fn user(email: &str) -> Result<Metadata> {
    Ok(Metadata::from_pairs([("email", email)])?)
}

pub(super) fn email(user: &Document) -> Result<String> {
    text(user, "email")
}

pub(super) fn credential(password_hash: &str) -> Result<Metadata> {
    Ok(Metadata::from_pairs([("password_hash", password_hash)])?)
}

pub(super) fn password_hash(credential: &Document) -> Result<String> {
    text(credential, "password_hash")
}

/// The cost in a bcrypt hash, `$2a$10$…`. One above those that settings allow is refused: a login would take for ever.
pub(super) fn cost(credential: &Document) -> Result<u32> {
    let hash = password_hash(credential)?;
    let cost = hash.strip_prefix("$2a$").and_then(|rest| rest.get(..2)?.parse().ok());
    cost.filter(|cost| COSTS.contains(cost)).ok_or_else(|| damaged(credential, "password_hash"))
}

/// A session's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SessionRow {
    pub(super) user: Hash,
    pub(super) active: bool,
    pub(super) expires_at: Timestamp,
}

impl SessionRow {
    pub(super) fn body(&self) -> Result<Metadata> {
        let Self { user, active, expires_at } = self;
        let status = if *active { "ACTIVE" } else { "REVOKED" };
        let expires_at = expires_at.as_micros();
        let text = format!(r#"{{"user_hk": "{user}", "session_status": "{status}", "expires_at": {expires_at}}}"#);
        Ok(Metadata::parse(&text)?)
    }

    pub(super) fn of(session: &Document) -> Result<Self> {
        let user = text(session, "user_hk")?.parse().map_err(|_| damaged(session, "user_hk"))?;
        let active = text(session, "session_status")? == "ACTIVE";
        let expires_at = session.body.get("expires_at").and_then(|micros| micros.parse().ok());
        let expires_at = Timestamp::from_micros(expires_at.ok_or_else(|| damaged(session, "expires_at"))?);
        Ok(Self { user, active, expires_at })
    }
}

pub(super) fn failures(failed_at: &[Timestamp]) -> Result<Metadata> {
    let times: Vec<String> = failed_at.iter().map(|at| at.as_micros().to_string()).collect();
    Ok(Metadata::parse(&format!(r#"{{"failed_at": [{}]}}"#, times.join(", ")))?)
}

pub(super) fn failed_at(attempts: &Document) -> Result<Vec<Timestamp>> {
    let parse = || {
        let list = attempts.body.get("failed_at")?;
        let list = list.strip_prefix('[')?.strip_suffix(']')?;
        let times = list.split(", ").filter(|time| !time.is_empty());
        times.map(|time| time.parse().ok().map(Timestamp::from_micros)).collect::<Option<Vec<_>>>()
    };
    parse().ok_or_else(|| damaged(attempts, "failed_at"))
}

fn text(document: &Document, key: &str) -> Result<String> {
    let parse = || {
        let value = document.body.get(key)?;
        match Json::parse(&value).ok()? {
            Json::String(text) => Some(text.into_owned()),
            _ => None,
        }
    };
    parse().ok_or_else(|| damaged(document, key))
}

fn damaged(document: &Document, field: &str) -> Error {
    let message = format!("{} {} has no readable {field}", document.kind, document.key);
    Error::new(ErrorKind::Corrupt, message)
}
