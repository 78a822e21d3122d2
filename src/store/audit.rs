//! What each version must be by itself, and beside the one before it: for verify, and for stores that go through their
//! log in their own way ([`Plan::Integrity`](super::Plan::Integrity)).

use super::Damage;
use crate::hash::{Hash, hash_key};
use crate::model::Status;
use crate::time::Timestamp;

/// The name of a version in what is found.
#[must_use]
pub fn name(hk: Hash, load_date: Timestamp) -> String {
    format!("version {load_date} of {hk}")
}

/// Whether a version's hash is that of its content.
///
/// # Errors
/// Says that it is not.
pub fn content((hk, load_date): (Hash, Timestamp), stored: Hash, computed: Hash) -> Result<(), Damage> {
    if stored == computed {
        return Ok(());
    }
    let reason = format!("hash_diff is {stored}, its content has {computed}");
    Err(Damage::new(name(hk, load_date), reason))
}

/// Whether an operation's key is the hash of its business key.
///
/// # Errors
/// Says that it is not.
pub fn key(hk: Hash, business_key: &str) -> Result<(), Damage> {
    if hash_key(business_key) == hk {
        return Ok(());
    }
    Err(Damage::new(format!("operation {hk}"), format!("its key is not the hash of {business_key:?}")))
}

/// What is wrong where a version follows another one.
pub fn follows(load_date: Timestamp, before: (Timestamp, Status)) -> impl Iterator<Item = &'static str> {
    let late = (before.0 >= load_date).then_some("its load date is not later than the one before");
    let ended = before.1.is_finished().then_some("it follows a version that had ended");
    late.into_iter().chain(ended)
}
