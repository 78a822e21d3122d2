//! Waiting that ends early: when it took too long, or when it is told to stop.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use event_listener::Event;
use futures_timer::Delay;

use crate::error::{Error, ErrorKind, Result};

/// A year is as good as for ever, and does not overflow the timer.
const YEAR: Duration = Duration::from_secs(31_536_000);

/// How long one call may take, where patience sets no other limit.
const CALL: Duration = Duration::from_secs(60);

/// Tells a sync in the background to end; clones tell the same one.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    set: AtomicBool,
    changed: Event,
}

impl Stop {
    /// Tells it to end. What it sent stays sent; what it did not goes with the next sync.
    pub fn stop(&self) {
        self.0.set.store(true, Ordering::Release);
        self.0.changed.notify(usize::MAX);
    }

    /// Whether it was told to.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.set.load(Ordering::Acquire)
    }

    /// Waits `time`, or until it is told to stop.
    pub(super) async fn sleep(&self, time: Duration) {
        let mut told = self.0.changed.listen();
        let mut timer = pin!(Delay::new(time.min(YEAR)));
        if self.is_set() {
            return;
        }
        poll_fn(|cx| {
            let ended = Pin::new(&mut told).poll(cx).is_ready() || timer.as_mut().poll(cx).is_ready();
            if ended { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// The answer of `work`, unless it takes longer than `limit` or is told to stop. `whom` says who did not answer.
    pub(super) async fn within<T>(
        &self,
        limit: Duration,
        whom: &str,
        work: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        let mut work = pin!(work);
        let mut waited = pin!(self.sleep(limit));
        poll_fn(|cx| match (work.as_mut().poll(cx), waited.as_mut().poll(cx)) {
            (Poll::Ready(answer), _) => Poll::Ready(answer),
            (Poll::Pending, Poll::Ready(())) if self.is_set() => {
                Poll::Ready(Err(Error::new(ErrorKind::Closed, "the sync was told to stop")))
            }
            (Poll::Pending, Poll::Ready(())) => {
                let message = format!("{whom} gave no answer within {:.1} s", limit.as_secs_f64());
                Poll::Ready(Err(Error::new(ErrorKind::Connection, message)))
            }
            (Poll::Pending, Poll::Pending) => Poll::Pending,
        })
        .await
    }
}

/// How long a sync goes on without getting anywhere.
#[derive(Debug)]
pub(super) struct Patience {
    limit: Option<Duration>,
    since: Instant,
}

impl Patience {
    /// None is for ever.
    pub(super) fn new(limit: Option<Duration>) -> Self {
        Self { limit, since: Instant::now() }
    }

    pub(super) fn progressed(&mut self) {
        self.since = Instant::now();
    }

    /// What is left; none where that is for ever.
    pub(super) fn left(&self) -> Option<Duration> {
        self.limit.map(|limit| limit.saturating_sub(self.since.elapsed()))
    }

    /// How long the next call may take. Who has no patience at all tries once, and lets each call take its time.
    pub(super) fn of_a_call(&self) -> Duration {
        match self.limit {
            None | Some(Duration::ZERO) => CALL,
            Some(limit) => limit.saturating_sub(self.since.elapsed()).min(CALL),
        }
    }
}
