//! What each version must be by itself, and what it must be beside the one before it.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher};

use super::Verification;
use crate::hash::Hash;
use crate::model::{Position, Status, Version};
use crate::store::{Damage, Entry, audit};
use crate::time::Timestamp;

/// Operations that run, kept at hand: one that is forgotten is read when its next version comes.
const AT_HAND: usize = 100_000;

/// A version as the fold needs it, and what is wrong with it by itself.
pub(super) struct Seen {
    hk: Hash,
    position: Position,
    load_date: Timestamp,
    status: Status,
    /// A hash of what never changes within an operation.
    identity: u64,
    is_first: bool,
    is_orphan: bool,
    mismatches: Vec<Damage>,
    others: Vec<Damage>,
}

impl Seen {
    /// Checks a version by itself: its hashes, and whether it is its hub's.
    pub(super) fn of(entry: &Entry) -> Self {
        let version = &entry.version;
        let mut seen = Self {
            hk: version.script_execution_hk,
            position: version.position,
            load_date: version.load_date,
            status: version.attributes.execution_status,
            identity: identity(version),
            is_first: false,
            is_orphan: entry.hub.is_none(),
            mismatches: Vec::new(),
            others: Vec::new(),
        };
        let named = (version.script_execution_hk, version.load_date);
        seen.mismatches.extend(audit::content(named, version.hash_diff, version.attributes.hash_diff()).err());
        let Some(hub) = &entry.hub else { return seen };
        seen.is_first = hub.load_date == version.load_date;
        if seen.is_first {
            seen.mismatches.extend(audit::key(hub.script_execution_hk, &hub.script_execution_bk).err());
        }
        if version.script_execution_hk != hub.script_execution_hk || version.tenant != hub.tenant {
            seen.others.push(Damage::new(name_of(version), "its hash key or tenant is not that of its hub"));
        }
        seen
    }
}

/// What of an operation the next version is compared with.
struct Open {
    load_date: Timestamp,
    identity: u64,
}

/// The versions of the log so far, folded.
pub(super) struct Fold {
    pub(super) operations: u64,
    pub(super) versions: u64,
    last: Position,
    running: HashMap<Hash, Open>,
}

impl Default for Fold {
    fn default() -> Self {
        Self { operations: 0, versions: 0, last: Position::START, running: HashMap::new() }
    }
}

impl Fold {
    /// Takes the next version; gives its operation where that has to be read, because the version before it is not at
    /// hand.
    pub(super) fn add(&mut self, seen: Seen, found: &mut Verification) -> Option<Hash> {
        let Seen { hk, position, load_date, status, identity, is_first, is_orphan, mismatches, others } = seen;
        let record = || audit::name(hk, load_date);
        self.versions += 1;
        for damage in mismatches {
            found.mismatch(damage.record, damage.reason);
        }
        for damage in others {
            found.other(damage.record, damage.reason);
        }
        if position <= self.last {
            found.other(record(), format!("position {position} follows {} in the log", self.last));
        }
        self.last = position;
        if is_orphan {
            found.check.orphan_versions += 1;
            found.findings.push(Damage::new(record(), "its hub is missing: an orphan"));
            return None;
        }
        let before = self.running.remove(&hk);
        let is_known = before.is_some();
        if let Some(before) = before {
            check_pair((before.load_date, Status::Running, before.identity), (load_date, identity), &record, found);
        } else if is_first {
            self.operations += 1;
        }
        if !status.is_finished() {
            if self.running.len() >= AT_HAND {
                self.running.clear();
            }
            self.running.insert(hk, Open { load_date, identity });
        }
        (!is_known && !is_first).then_some(hk)
    }
}

fn check_pair(
    (load_date, status, identity): (Timestamp, Status, u64),
    later: (Timestamp, u64),
    record: &dyn Fn() -> String,
    found: &mut Verification,
) {
    for reason in audit::follows(later.0, (load_date, status)) {
        found.other_once(record(), reason);
    }
    if identity != later.1 {
        found.other_once(record(), "its name, type or time differs from that of its operation");
    }
}

/// The versions of one operation, each beside the one before it.
pub(super) fn check_chain(versions: &[Version], found: &mut Verification) {
    for pair in versions.windows(2) {
        if let [earlier, later] = pair {
            let before = (earlier.load_date, earlier.attributes.execution_status, identity(earlier));
            check_pair(before, (later.load_date, identity(later)), &|| name_of(later), found);
        }
    }
}

fn identity(version: &Version) -> u64 {
    let attributes = &version.attributes;
    let mut hasher = DefaultHasher::new();
    let started = attributes.execution_timestamp.as_micros();
    (&attributes.script_name, &attributes.script_type, started).hash(&mut hasher);
    hasher.finish()
}

pub(super) fn name_of(version: &Version) -> String {
    audit::name(version.script_execution_hk, version.load_date)
}
