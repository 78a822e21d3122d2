//! What a store must answer to a unit, as pure functions over what is stored. Every backend that holds
//! its own data calls these; one that lets a database decide must decide the same.

use super::{Outcome, Refusal, State};
use crate::hash::Hash;
use crate::model::{Hub, Position, Tenant, Version};
use crate::time::Timestamp;

/// Judges a start against the hub and first version that hold its key, if any.
/// `None` means: carry it out.
#[must_use]
pub fn start(hub: &Hub, first: &State, stored: Option<(&Hub, &Version)>) -> Option<Outcome> {
    let (stored_hub, stored_first) = stored?;
    let same =
        stored_hub == hub && stored_first.hash_diff == first.hash_diff && stored_first.load_date == first.load_date;
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
