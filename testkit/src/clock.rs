//! A clock that a test sets.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opledger::{Clock, Timestamp};

/// A clock that only moves when it is told to; its two times are moved apart. Clones share them.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<Mutex<(Timestamp, Duration)>>);

impl ManualClock {
    /// A clock whose wall time is `now`.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self(Arc::new(Mutex::new((now, Duration::ZERO))))
    }

    /// Sets the wall time, also to an earlier one.
    pub fn set(&self, now: Timestamp) {
        self.change(|times| times.0 = now);
    }

    /// Moves the wall time by so many microseconds, also backward; the monotonic time stays.
    pub fn jump(&self, micros: i64) {
        self.change(|times| times.0 = Timestamp::from_micros(times.0.as_micros().saturating_add(micros)));
    }

    /// Moves the monotonic time; the wall time stays.
    pub fn run(&self, time: Duration) {
        self.change(|times| times.1 += time);
    }

    /// Moves both, as time does.
    pub fn elapse(&self, time: Duration) {
        self.change(|times| *times = (times.0.after(time), times.1 + time));
    }

    fn change(&self, change: impl FnOnce(&mut (Timestamp, Duration))) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    fn monotonic(&self) -> Duration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1
    }
}
