//! How far the agent's clock is from the server's. It is recorded, and no time is ever changed by it.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::store::{Answer, Plan, Store};
use crate::time::Timestamp;
use crate::tracker::Tracker;

/// The agent's clock against the server's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockOffset {
    /// How far the agent's clock is ahead, in microseconds; behind where negative. Right to half of the round trip.
    pub ahead_us: i64,
    /// How long the question and its answer took, in microseconds.
    pub round_trip_us: u64,
    /// When it was measured, by the agent's clock.
    pub at: Timestamp,
}

/// Asks a store for its time; none where it is in this process and has the same clock.
pub(super) async fn measure<S: Store, R: Store>(tracker: &Tracker<S>, remote: &R) -> Result<Option<ClockOffset>> {
    let (at, began) = (tracker.now(), tracker.monotonic());
    let answer = remote.answer(tracker.scope(), &Plan::Clock).await?;
    let round_trip = tracker.monotonic().saturating_sub(began);
    let Some(Answer::Clock(theirs)) = answer else { return Ok(None) };
    let ours = at.after(round_trip / 2);
    let ahead_us = ours.as_micros().saturating_sub(theirs.as_micros());
    let round_trip_us = u64::try_from(round_trip.as_micros()).unwrap_or(u64::MAX);
    Ok(Some(ClockOffset { ahead_us, round_trip_us, at }))
}
