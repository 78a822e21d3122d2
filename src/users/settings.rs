//! Settings of users: those of the SQL API, with its defaults.

use super::rows::COSTS;
use crate::error::{Error, ErrorKind, Result};

/// How strict logins are, in stores that do not look after users themselves (PostgreSQL's are
/// `script_tracking.set_setting`). Made into a tracker by [`TrackerBuilder::users`](crate::tracker::TrackerBuilder::users).
///
/// ```
/// use opledger::users::UserSettings;
/// let strict = UserSettings { lockout_failures: 3, ..UserSettings::default() };
/// assert_eq!(strict.session_minutes, 480);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserSettings {
    /// Failed logins in a row that lock a user out: 3 to 100.
    pub lockout_failures: u32,
    /// The minutes that these must fall in, and how long the oldest of them locks: 1 to 1,440.
    pub lockout_minutes: u32,
    /// bcrypt's work factor, 4 to 15: each one more doubles the time. Below 10 is for tests. A user's next login moves the
    /// user to it.
    pub bcrypt_cost: u32,
    /// How many minutes a session lasts: 5 to 43,200.
    pub session_minutes: u32,
    /// Characters that a new password must have: 8 to 24.
    pub password_min_length: u32,
}

impl Default for UserSettings {
    fn default() -> Self {
        Self { lockout_failures: 5, lockout_minutes: 15, bcrypt_cost: 10, session_minutes: 480, password_min_length: 8 }
    }
}

impl UserSettings {
    /// Refuses what is outside the limits, at the call that would use it.
    pub(super) fn check(&self) -> Result<()> {
        let fields = [
            ("lockout_failures", self.lockout_failures, 3, 100),
            ("lockout_minutes", self.lockout_minutes, 1, 1440),
            ("bcrypt_cost", self.bcrypt_cost, *COSTS.start(), *COSTS.end()),
            ("session_minutes", self.session_minutes, 5, 43_200),
            ("password_min_length", self.password_min_length, 8, 24),
        ];
        for (field, value, least, most) in fields {
            if !(least..=most).contains(&value) {
                let message = format!("setting {field} must be from {least} to {most}, not {value}");
                return Err(Error::new(ErrorKind::InvalidValue, message));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_has_its_limits() {
        UserSettings::default().check().unwrap();
        let wrong = [
            UserSettings { lockout_failures: 2, ..UserSettings::default() },
            UserSettings { lockout_minutes: 0, ..UserSettings::default() },
            UserSettings { bcrypt_cost: 16, ..UserSettings::default() },
            UserSettings { session_minutes: 43_201, ..UserSettings::default() },
            UserSettings { password_min_length: 7, ..UserSettings::default() },
        ];
        let names = ["lockout_failures", "lockout_minutes", "bcrypt_cost", "session_minutes", "password_min_length"];
        for (settings, name) in wrong.iter().zip(names) {
            let error = settings.check().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidValue);
            assert!(error.message().contains(name), "{error}");
        }
    }
}
