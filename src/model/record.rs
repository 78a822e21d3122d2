//! What a store holds: hubs, versions, and what `verify` last found.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Attributes;
use super::name::random;
use crate::error::{Error, ErrorKind, Result};
use crate::hash::Hash;
use crate::time::Timestamp;

/// Who the rows belong to: the hash key of the tenant's own id, or none for the system itself.
pub type Tenant = Option<Hash>;

/// The identity of an operation; written once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hub {
    /// The hash key: SHA-256 of the business key.
    pub script_execution_hk: Hash,
    /// The business key.
    pub script_execution_bk: String,
    /// Who it belongs to.
    pub tenant: Tenant,
    /// When it became known.
    pub load_date: Timestamp,
    /// Who wrote it.
    pub record_source: String,
}

/// One state of an operation, over `[load_date, load_end_date)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The operation.
    pub script_execution_hk: Hash,
    /// Since when this is what was known.
    pub load_date: Timestamp,
    /// Until when; none for the open version.
    pub load_end_date: Option<Timestamp>,
    /// The hash of the attributes.
    pub hash_diff: Hash,
    /// The state.
    pub attributes: Attributes,
    /// Who wrote it.
    pub record_source: String,
    /// Who the operation belongs to.
    pub tenant: Tenant,
    /// Its place in the store's log.
    pub position: Position,
    /// The unit that brought it.
    pub unit: UnitId,
}

/// An operation as it stands: its hub and its open version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Its identity.
    pub hub: Hub,
    /// Its open version.
    pub open: Version,
}

/// What a `verify` found, kept so that the health report can say so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// When it ran.
    pub at: Timestamp,
    /// Versions without a hub.
    pub orphan_versions: u64,
    /// Hubs without exactly one open version.
    pub open_versions: u64,
    /// Versions whose hash_diff is not the hash of their attributes, and hubs whose key is not that of their business key.
    pub hash_mismatches: u64,
    /// Damaged records, and anything else that breaks a rule.
    pub other: u64,
}

/// A version's place in the store's log; compare it, keep it, resume from it, and read nothing else into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Position {
    epoch: u64,
    major: u64,
    minor: u64,
}

impl Position {
    /// Before the first version of every log.
    pub const START: Self = Self { epoch: 0, major: 0, minor: 0 };

    /// For stores: a place in the log `epoch`, ordered by `major`, then `minor`.
    #[must_use]
    pub const fn new(epoch: u64, major: u64, minor: u64) -> Self {
        Self { epoch, major, minor }
    }

    /// For stores: what [`new`](Self::new) was given.
    #[must_use]
    pub const fn parts(self) -> (u64, u64, u64) {
        (self.epoch, self.major, self.minor)
    }

    /// How many places a log has after `earlier` up to this one, where the store numbers them without holes: it counts
    /// in `major`, on through every epoch, and leaves `minor` at 0.
    #[must_use]
    pub const fn places_since(self, earlier: Self) -> Option<u64> {
        match (self.minor, earlier.minor) {
            (0, 0) => self.major.checked_sub(earlier.major),
            _ => None,
        }
    }

    /// A position before this one with none between.
    pub(crate) const fn just_before(self) -> Self {
        match self {
            Self { minor: 1.., .. } => Self { minor: self.minor - 1, ..self },
            Self { major: 1.., .. } => Self { major: self.major - 1, minor: u64::MAX, ..self },
            Self { epoch: 1.., .. } => Self { epoch: self.epoch - 1, major: u64::MAX, minor: u64::MAX },
            _ => self,
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:x}-{:x}-{:x}", self.epoch, self.major, self.minor))
    }
}

impl FromStr for Position {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut parts = text.split('-').map(|part| u64::from_str_radix(part, 16).ok());
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(Some(epoch)), Some(Some(major)), Some(Some(minor)), None) => Ok(Self { epoch, major, minor }),
            _ => Err(Error::new(ErrorKind::InvalidText, format!("{text:?} is no position, such as 0-2a-0"))),
        }
    }
}

/// The name of one change, chosen by the caller, by which a retry is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnitId(pub [u8; 16]);

impl fmt::Display for UnitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
    }
}

impl UnitId {
    /// A new one.
    ///
    /// # Errors
    /// Gives 58030 when the operating system has no random bytes.
    pub fn random() -> Result<Self> {
        Ok(Self(random()?))
    }
}
