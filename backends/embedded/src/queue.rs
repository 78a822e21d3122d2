//! The bounded queue between callers and the committer.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_channel::oneshot;
use opledger::store::{Outcome, Purged, Unit};
use opledger::{Result, Scope, Timestamp};

/// Units that may wait; a caller that would add more is held until there is room.
const ROOM: usize = 4096;
/// Units that become one group.
const GROUP: usize = 256;

/// Where an answer goes; whoever waits may have gone.
pub(crate) type Reply<T> = oneshot::Sender<Result<T>>;

/// Something for the committer to do.
pub(crate) enum Job {
    Commit(Vec<Unit>, Reply<Vec<Outcome>>),
    Purge { scope: Scope, before: Timestamp, limit: usize, reply: Reply<Purged> },
    Fold(Reply<()>),
    Close(Reply<()>),
}

impl Job {
    fn weight(&self) -> usize {
        match self {
            Self::Commit(units, _) => units.len().max(1),
            _ => 1,
        }
    }
}

/// The queue.
#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    filled: Condvar,
    drained: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    weight: usize,
    closed: bool,
}

impl Queue {
    /// Hands a job over; gives it back when the store is closed.
    pub(crate) fn push(&self, job: Job) -> std::result::Result<(), Job> {
        let mut state = self.lock();
        while state.weight >= ROOM && !state.closed {
            state = self.drained.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.closed {
            return Err(job);
        }
        state.closed = matches!(job, Job::Close(_));
        state.weight += job.weight();
        state.jobs.push_back(job);
        self.filled.notify_one();
        Ok(())
    }

    /// Waits until something is there, `at_most` so long.
    pub(crate) fn wait(&self, at_most: Duration) {
        let deadline = Instant::now() + at_most;
        let mut state = self.lock();
        while state.jobs.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self.filled.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lock().jobs.is_empty()
    }

    /// Takes what waits, up to a group.
    pub(crate) fn take(&self) -> Vec<Job> {
        let mut state = self.lock();
        let mut taken = Vec::new();
        let mut weight = 0;
        while weight < GROUP {
            let Some(job) = state.jobs.pop_front() else { break };
            weight += job.weight();
            taken.push(job);
        }
        state.weight = state.weight.saturating_sub(weight);
        drop(state);
        self.drained.notify_all();
        taken
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
