//! Time: microseconds since 1970 in UTC, and the clocks that tell it.

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind};

/// A moment: microseconds since 1970-01-01 in UTC, as PostgreSQL's `timestamptz` holds it.
///
/// ```
/// use opledger::Timestamp;
/// let t: Timestamp = "2024-01-15T14:30:25.123456Z".parse()?;
/// assert_eq!(t.as_micros(), 1_705_329_025_123_456);
/// assert_eq!(t.to_string(), "2024-01-15T14:30:25.123456Z");
/// # Ok::<(), opledger::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The earliest moment that can be held.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest moment that can be held.
    pub const MAX: Self = Self(i64::MAX);

    /// The moment `micros` microseconds after 1970.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// The moment one microsecond later (the latest one stays).
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The moment `duration` earlier, or the earliest one.
    #[must_use]
    pub fn before(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }

    /// The moment `duration` later, or the latest one.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }

    /// The moment `days` days of 24 hours earlier.
    #[must_use]
    pub fn days_before(self, days: u32) -> Self {
        self.before(Duration::from_secs(u64::from(days) * 86_400))
    }

    /// Whole milliseconds from `earlier` to this moment; 0 when it is not earlier.
    #[must_use]
    pub fn millis_since(self, earlier: Self) -> i32 {
        let micros = self.0.saturating_sub(earlier.0).max(0);
        i32::try_from(micros / 1000).unwrap_or(i32::MAX)
    }

    /// RFC 3339 with whole seconds, as in `2024-01-15T14:30:25Z`.
    #[must_use]
    pub fn to_seconds_text(self) -> String {
        self.text("%Y-%m-%dT%H:%M:%SZ")
    }

    /// The form inside a business key: `2024-01-15_14:30:25.123456`.
    #[must_use]
    pub fn to_key_text(self) -> String {
        match jiff::Timestamp::from_microsecond(self.0).map(|time| jiff::tz::Offset::UTC.to_datetime(time)) {
            // Written by hand: each business key has one, and the general way takes a microsecond.
            Ok(time) if time.year() >= 0 => {
                let mut text = String::with_capacity(KEY_TEXT);
                digits(&mut text, 1000, time.year().unsigned_abs().into());
                for (before, part) in [
                    ('-', time.month()),
                    ('-', time.day()),
                    ('_', time.hour()),
                    (':', time.minute()),
                    (':', time.second()),
                ] {
                    text.push(before);
                    digits(&mut text, 10, part.unsigned_abs().into());
                }
                text.push('.');
                digits(&mut text, 100_000, time.subsec_nanosecond().unsigned_abs() / 1000);
                text
            }
            _ => self.text("%Y-%m-%d_%H:%M:%S.%6f"),
        }
    }

    fn text(self, format: &str) -> String {
        // Outside the years -9999 to 9999 there is no RFC 3339 form.
        jiff::Timestamp::from_microsecond(self.0)
            .map_or_else(|_| format!("{} µs", self.0), |t| t.strftime(format).to_string())
    }
}

/// The length of [`Timestamp::to_key_text`], as a rule.
const KEY_TEXT: usize = "2024-01-15_14:30:25.123456".len();

/// Writes a number with all its digits, the first of which counts `unit`s.
fn digits(text: &mut String, unit: u32, number: u32) {
    let mut unit = unit;
    while unit > 0 {
        text.extend(char::from_digit(number / unit % 10, 10));
        unit /= 10;
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text("%Y-%m-%dT%H:%M:%S.%6fZ"))
    }
}

impl FromStr for Timestamp {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let time: jiff::Timestamp = text.trim().parse().map_err(|cause| {
            let message = format!("{text:?} is not a time in RFC 3339, such as 2024-01-15T14:30:25Z");
            Error::new(ErrorKind::InvalidText, message).caused_by(cause)
        })?;
        Ok(Self(time.as_microsecond()))
    }
}

/// Where a tracker gets its time from.
pub trait Clock: Send + Sync + 'static {
    /// The wall clock's time; it may jump in both directions.
    fn now(&self) -> Timestamp;
    /// Time since some fixed moment of this process; never goes back.
    fn monotonic(&self) -> Duration;
}

/// The machine's clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp(jiff::Timestamp::now().as_microsecond())
    }

    fn monotonic(&self) -> Duration {
        static START: OnceLock<Instant> = OnceLock::new();
        START.get_or_init(Instant::now).elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_key_is_what_the_general_way_writes() {
        for micros in
            [0, 1, -1, 1_705_329_025_123_456, 951_827_696_000_009, -62_167_219_200_000_000, 253_402_300_799_999_999]
        {
            let time = Timestamp::from_micros(micros);
            assert_eq!(time.to_key_text(), time.text("%Y-%m-%d_%H:%M:%S.%6f"));
        }
    }
}
