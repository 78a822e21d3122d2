//! The end of a log, and those who wait for it to move. For stores that assign positions themselves.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use event_listener::Event;
use futures_timer::Delay;

use crate::model::Position;

/// The last readable position of a log; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Tail(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    last: Mutex<Position>,
    moved: Event,
}

impl Tail {
    /// The last position.
    #[must_use]
    pub fn last(&self) -> Position {
        *self.0.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves the end and wakes who waits.
    pub fn advance(&self, to: Position) {
        *self.0.last.lock().unwrap_or_else(PoisonError::into_inner) = to;
        self.0.moved.notify(usize::MAX);
    }

    /// Waits until the end is after `after`, `at_most` so long; gives the end either way.
    pub async fn wait(&self, after: Position, at_most: Duration) -> Position {
        let deadline = Instant::now().checked_add(at_most);
        loop {
            let mut moved = self.0.moved.listen();
            let last = self.last();
            let left = deadline.map_or(Duration::MAX, |end| end.saturating_duration_since(Instant::now()));
            if last > after || left.is_zero() {
                return last;
            }
            // A year is as good as for ever, and does not overflow the timer.
            let mut timer = pin!(Delay::new(left.min(Duration::from_secs(31_536_000))));
            poll_fn(|cx| {
                if std::pin::Pin::new(&mut moved).poll(cx).is_ready() || timer.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(());
                }
                Poll::Pending
            })
            .await;
        }
    }
}
