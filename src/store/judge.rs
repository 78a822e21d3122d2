//! What a store must answer to a unit, as pure functions over what is stored. Every backend that holds
//! its own data calls these; one that lets a database decide must decide the same.

use super::{Outcome, Put, Refusal, State};
use crate::hash::Hash;
use crate::model::{Document, Hub, Position, Tenant, UnitId, Version};
use crate::time::Timestamp;

/// Judges a start against the hub and first version that hold its key, if any. Another unit with the same content is another
/// operation, whose business key happened to be the same: a conflict, and no retry.
/// `None` means: carry it out.
#[must_use]
pub fn start(unit: UnitId, hub: &Hub, first: &State, stored: Option<(&Hub, &Version)>) -> Option<Outcome> {
    let (stored_hub, stored_first) = stored?;
    let same = stored_first.unit == unit
        && stored_hub == hub
        && stored_first.hash_diff == first.hash_diff
        && stored_first.load_date == first.load_date;
    Some(if same {
        Outcome::Replayed(stored_first.position)
    } else {
        let theirs = (stored_hub.tenant == hub.tenant).then_some(stored_first.hash_diff);
        Outcome::Conflict { ours: first.hash_diff, theirs }
    })
}

/// Judges an append against the open version of its operation, if any.
/// `earlier` looks for a version of that operation that the same unit brought. `None` means: carry it out.
///
/// # Errors
/// Gives whatever `earlier` gives.
pub fn append<E>(
    tenant: Tenant,
    expect_open: (Timestamp, Hash),
    next: &State,
    open: Option<&Version>,
    earlier: impl FnOnce() -> Result<Option<(Position, Hash)>, E>,
) -> Result<Option<Outcome>, E> {
    let Some(open) = open.filter(|open| open.tenant == tenant) else {
        return Ok(Some(Outcome::Refused(Refusal::Unknown)));
    };
    if (open.load_date, open.hash_diff) != expect_open {
        if let Some((position, theirs)) = earlier()? {
            return Ok(Some(if theirs == next.hash_diff {
                Outcome::Replayed(position)
            } else {
                Outcome::Conflict { ours: next.hash_diff, theirs: Some(theirs) }
            }));
        }
        let finished = open.attributes.execution_status.is_finished();
        return Ok(Some(Outcome::Refused(if finished { Refusal::Finished } else { Refusal::Moved })));
    }
    if open.attributes.execution_status.is_finished() {
        return Ok(Some(Outcome::Refused(Refusal::Finished)));
    }
    if !open.attributes.same_operation(&next.attributes) {
        return Ok(Some(Outcome::Conflict { ours: next.hash_diff, theirs: Some(open.hash_diff) }));
    }
    if next.load_date <= open.load_date {
        return Ok(Some(Outcome::Refused(Refusal::NotLater)));
    }
    Ok(None)
}

/// Judges a put against the open version of its document, and the unit that brought it, if any. A document has no place
/// in the log: its outcome carries `last`, the end of it. `None` means: carry it out.
#[must_use]
pub fn put(unit: UnitId, put: &Put, open: Option<(&Document, UnitId)>, last: Position) -> Option<Outcome> {
    let next = &put.next;
    let Some((open, brought)) = open else {
        return put.expect_open.map(|_| Outcome::Refused(Refusal::Unknown));
    };
    let is_ours = open.tenant == next.tenant;
    if is_ours && brought == unit && open.hash_diff == next.hash_diff {
        return Some(Outcome::Replayed(last));
    }
    match put.expect_open {
        Some(_) if !is_ours => Some(Outcome::Refused(Refusal::Unknown)),
        Some(_) if brought != unit => {
            if put.expect_open != Some(open.hash_diff) {
                return Some(Outcome::Refused(Refusal::Moved));
            }
            (next.load_date <= open.load_date).then_some(Outcome::Refused(Refusal::NotLater))
        }
        _ => Some(Outcome::Conflict { ours: next.hash_diff, theirs: is_ours.then_some(open.hash_diff) }),
    }
}

/// Judges whether an operation may be removed, by its open version. `None` means: it may.
#[must_use]
pub fn remove(tenant: Tenant, expect_open: (Timestamp, Hash), open: Option<&Version>) -> Option<Outcome> {
    match open.filter(|open| open.tenant == tenant) {
        None => Some(Outcome::Refused(Refusal::Unknown)),
        Some(open) if (open.load_date, open.hash_diff) != expect_open => Some(Outcome::Refused(Refusal::Moved)),
        Some(_) => None,
    }
}
