//! How long to wait before the next try: by chance, so that a fleet does not come back in step.

use std::time::Duration;

use crate::error::Result;
use crate::model::random;

/// The wait of the first try, at most.
const FIRST: Duration = Duration::from_millis(200);

/// Exponential back-off with full jitter: any time up to a bound that doubles with each failure.
#[derive(Debug)]
pub(super) struct Backoff {
    failures: u32,
    longest: Duration,
}

impl Backoff {
    pub(super) fn new(longest: Duration) -> Self {
        Self { failures: 0, longest }
    }

    pub(super) fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// The wait after one more failure.
    pub(super) fn failed(&mut self) -> Result<Duration> {
        let bound = FIRST.saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX)).min(self.longest);
        self.failures = (self.failures + 1).min(30);
        Ok(bound.mul_f64(chance()?))
    }
}

/// A number from 0 to 1, evenly.
pub(super) fn chance() -> Result<f64> {
    Ok(f64::from(u32::from_le_bytes(random()?)) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_differ_and_are_bounded() {
        let mut backoff = Backoff::new(Duration::from_secs(60));
        let waits: Vec<_> = (0..200).map(|_| backoff.failed().unwrap()).collect();
        assert!(waits[0] <= FIRST && waits[1] <= 2 * FIRST, "{waits:?}");
        assert!(waits.iter().all(|wait| *wait <= Duration::from_secs(60)));
        // By chance alone, 190 waits of up to a minute are all above or all below half a minute once in 2^189.
        assert!(waits.iter().any(|wait| *wait > Duration::from_secs(30)));
        assert!(waits.iter().skip(10).any(|wait| *wait < Duration::from_secs(30)));
        backoff.succeeded();
        assert!(backoff.failed().unwrap() <= FIRST);
    }
}
