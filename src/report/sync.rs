//! The health of syncs: what waits, since when, and what could not be taken over.

use std::time::Duration;

use super::Rating;
use super::health::Row;
use crate::time::Timestamp;

/// What the health report says of the syncs is made from this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyncFacts {
    /// How many versions wait.
    pub waiting: u64,
    /// There are more than were counted.
    pub more: bool,
    /// Since when the oldest of them is known.
    pub oldest: Option<Timestamp>,
    /// When a sync last got to the end.
    pub last: Option<Timestamp>,
    /// When a sync was set up, or last did anything.
    pub since: Timestamp,
    /// How many versions are in conflict.
    pub conflicts: u64,
}

const HOUR: Duration = Duration::from_secs(3600);

/// Under 1 hour EXCELLENT, under 24 hours GOOD, under 7 days WARNING, else POOR.
fn by_age(since: Timestamp, at: Timestamp) -> Rating {
    if since > at.before(HOUR) {
        Rating::Excellent
    } else if since > at.before(24 * HOUR) {
        Rating::Good
    } else if since > at.before(7 * 24 * HOUR) {
        Rating::Warning
    } else {
        Rating::Poor
    }
}

pub(super) fn rows(facts: &SyncFacts, at: Timestamp) -> [Row; 3] {
    let backlog = match facts.oldest {
        None => (Rating::Excellent, "Nothing waits for a sync.".to_owned()),
        Some(oldest) => {
            let over = if facts.more { "over " } else { "" };
            let details = format!("{over}{} versions wait for a sync, the oldest since {oldest}.", facts.waiting);
            (by_age(oldest, at), details)
        }
    };
    let last = match facts.last {
        Some(last) => (by_age(last, at), format!("The last sync got to the end at {last}.")),
        None => (by_age(facts.since, at), "No sync has got to the end yet.".to_owned()),
    };
    let rating = if facts.conflicts == 0 { Rating::Excellent } else { Rating::Poor };
    let conflicts = (rating, format!("{} versions were not taken over.", facts.conflicts));
    [("backlog", backlog), ("last_sync", last), ("conflicts", conflicts)]
        .map(|(metric, (rating, details))| ("SYNC", metric, rating, details))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratings_follow_the_age() {
        let at: Timestamp = "2024-01-15T12:00:00Z".parse().unwrap();
        let micro = Duration::from_micros(1);
        for (age, rating) in [
            (Duration::ZERO, Rating::Excellent),
            (HOUR - micro, Rating::Excellent),
            (HOUR, Rating::Good),
            (24 * HOUR - micro, Rating::Good),
            (24 * HOUR, Rating::Warning),
            (7 * 24 * HOUR - micro, Rating::Warning),
            (7 * 24 * HOUR, Rating::Poor),
        ] {
            let facts = SyncFacts {
                waiting: 3,
                more: false,
                oldest: Some(at.before(age)),
                last: Some(at.before(age)),
                since: at,
                conflicts: 0,
            };
            let rows = rows(&facts, at);
            assert_eq!([rows[0].2, rows[1].2], [rating; 2], "{age:?}");
            assert_eq!(rows[2].2, Rating::Excellent);
        }
        let facts =
            SyncFacts { waiting: 0, more: false, oldest: None, last: None, since: at.before(25 * HOUR), conflicts: 1 };
        assert_eq!(rows(&facts, at).map(|row| row.2), [Rating::Excellent, Rating::Warning, Rating::Poor]);
    }
}
