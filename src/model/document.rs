//! Documents: what a ledger keeps beside operations, version by version.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::limits::{MAX_USER, check_chars};
use super::record::Tenant;
use crate::error::{Error, ErrorKind, Result};
use crate::hash::{Hash, Metadata};
use crate::time::Timestamp;

/// The longest body of a document, in bytes (32 KiB).
pub const MAX_BODY: usize = 32 << 10;

/// What a document is about; a closed list that every store knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// How far a peer's log was taken over, or ours by a peer.
    Peer,
    /// A version of a peer's that has other content here.
    Conflict,
    /// Operations that were dropped before a peer had them.
    Gap,
    /// A tenant that users can be registered in.
    Tenant,
    /// A tenant's user, by e-mail.
    User,
    /// A user's password, as bcrypt.
    Credential,
    /// A session that a login opened.
    Session,
    /// Failed logins since the last that succeeded.
    Attempts,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Peer,
        Self::Conflict,
        Self::Gap,
        Self::Tenant,
        Self::User,
        Self::Credential,
        Self::Session,
        Self::Attempts,
    ];

    /// Its name, in lower case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Peer => "peer",
            Self::Conflict => "conflict",
            Self::Gap => "gap",
            Self::Tenant => "tenant",
            Self::User => "user",
            Self::Credential => "credential",
            Self::Session => "session",
            Self::Attempts => "attempts",
        }
    }

    /// Whether each of its versions is kept. A peer's mark says where a reader stands, and attempts are a count: only
    /// the last one matters.
    #[must_use]
    pub fn keeps_versions(self) -> bool {
        !matches!(self, Self::Peer | Self::Attempts)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One version of a document; the last one is the open one.
#[derive(Clone, PartialEq, Eq)]
pub struct Document {
    /// What it is about.
    pub kind: Kind,
    /// Its hash key.
    pub key: Hash,
    /// Who it belongs to.
    pub tenant: Tenant,
    /// Since when this is known.
    pub load_date: Timestamp,
    /// The hash of the body.
    pub hash_diff: Hash,
    /// What is known: a canonical JSON object.
    pub body: Metadata,
    /// Who wrote it.
    pub record_source: String,
}

impl fmt::Debug for Document {
    /// Leaves the body out: what it holds is nobody's who reads a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document")
            .field("kind", &self.kind)
            .field("key", &self.key)
            .field("tenant", &self.tenant)
            .field("load_date", &self.load_date)
            .field("hash_diff", &self.hash_diff)
            .field("record_source", &self.record_source)
            .finish_non_exhaustive()
    }
}

impl Document {
    /// A version with the hash of its body.
    ///
    /// # Errors
    /// Gives 22001 when the body or the record source is over its limit, 22023 when a text holds a NUL.
    pub fn new(
        (kind, key): (Kind, Hash),
        tenant: Tenant,
        load_date: Timestamp,
        body: Metadata,
        record_source: impl Into<String>,
    ) -> Result<Self> {
        let record_source = record_source.into();
        check_chars("record_source", &record_source, MAX_USER)?;
        let length = body.as_str().len();
        if length > MAX_BODY {
            let message = format!("the body of a {kind} is {length} bytes long; the limit is {MAX_BODY}");
            return Err(Error::new(ErrorKind::TooLong, message));
        }
        let hash_diff = Hash::of(body.as_str());
        Ok(Self { kind, key, tenant, load_date, hash_diff, body, record_source })
    }
}
