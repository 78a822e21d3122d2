//! Lock-out: failed logins since the last that succeeded, known user or not. An e-mail that nobody has is counted as well,
//! or lock-out would tell who is a user.

use std::time::Duration;

use super::{UserSettings, rows};
use crate::error::{Error, ErrorKind, Result};
use crate::model::Document;
use crate::time::Timestamp;

/// No setting asks for more.
const KEPT: usize = 100;

pub(super) struct Attempts(Vec<Timestamp>);

impl Attempts {
    pub(super) fn of(open: Option<&Document>) -> Result<Self> {
        Ok(Self(open.map(rows::failed_at).transpose()?.unwrap_or_default()))
    }

    /// Refuses a login while the latest failures, as many as lock out, are all younger than the time they must fall in.
    pub(super) fn check(&self, now: Timestamp, settings: &UserSettings) -> Result<()> {
        let since = now.before(Duration::from_secs(u64::from(settings.lockout_minutes) * 60));
        let needed = usize::try_from(settings.lockout_failures).unwrap_or(usize::MAX);
        let latest = self.0.iter().rev().take(needed);
        if self.0.len() < needed || latest.into_iter().any(|at| *at <= since) {
            return Ok(());
        }
        let message = format!("too many failed logins within {} minutes", settings.lockout_minutes);
        Err(Error::new(ErrorKind::InvalidAuthorization, message).suggest("Log in again later"))
    }

    /// What is to be kept after one more attempt: a success ends the count.
    pub(super) fn after(&self, success: bool, now: Timestamp) -> Vec<Timestamp> {
        if success {
            return Vec::new();
        }
        let kept = self.0.len().saturating_sub(KEPT - 1);
        self.0.iter().skip(kept).copied().chain([now]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_within_so_long_lock_out_until_the_oldest_is_that_old() {
        let settings = UserSettings { lockout_failures: 3, lockout_minutes: 1, ..UserSettings::default() };
        let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000);
        let locked = |failed: &[i64], now: i64| {
            Attempts(failed.iter().copied().map(at).collect()).check(at(now), &settings).is_err()
        };
        assert!(!locked(&[], 1));
        assert!(!locked(&[1, 2], 3));
        assert!(locked(&[1, 2, 3], 3));
        assert!(locked(&[1, 2, 3], 60), "the oldest is 59 seconds old");
        assert!(!locked(&[1, 2, 3], 61));
        assert!(locked(&[1, 2, 3, 20], 61), "only the latest three count");
        let mut attempts = Attempts(Vec::new());
        for n in 0..150 {
            attempts = Attempts(attempts.after(false, at(n)));
        }
        assert_eq!((attempts.0.len(), attempts.0.first().copied()), (100, Some(at(50))));
        assert!(attempts.after(true, at(151)).is_empty());
    }
}
