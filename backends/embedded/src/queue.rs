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

/// What the first job that waits may wait for: so many in all, and how long.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Company {
    pub(crate) jobs: usize,
    pub(crate) at_most: Duration,
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
    /// How many jobs there must be before the committer is woken.
    wanted: usize,
    /// Something waits that is no commit: nobody is waited for.
    is_urgent: bool,
}

impl State {
    fn is_enough(&self) -> bool {
        self.is_urgent || self.jobs.len() >= self.wanted
    }
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
        state.is_urgent |= !matches!(job, Job::Commit(..));
        state.jobs.push_back(job);
        if state.is_enough() {
            self.filled.notify_one();
        }
        Ok(())
    }

    /// Waits until something is there, `at_most` so long, and then for its company.
    pub(crate) fn wait(&self, at_most: Duration, company: Company) {
        let state = self.wait_for(self.lock(), 1, at_most);
        if !state.jobs.is_empty() {
            drop(self.wait_for(state, company.jobs, company.at_most));
        }
    }

    fn wait_for<'a>(&self, mut state: MutexGuard<'a, State>, jobs: usize, at_most: Duration) -> MutexGuard<'a, State> {
        let deadline = Instant::now() + at_most;
        state.wanted = jobs;
        while !state.is_enough() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.filled.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state
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
        state.is_urgent = state.jobs.iter().any(|job| !matches!(job, Job::Commit(..)));
        drop(state);
        self.drained.notify_all();
        taken
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    const LONG: Duration = Duration::from_secs(600);

    fn commit() -> Job {
        Job::Commit(Vec::new(), oneshot::channel().0)
    }

    fn push(queue: &Queue, job: Job) {
        assert!(queue.push(job).is_ok());
    }

    #[test]
    fn who_comes_first_waits_for_as_many_as_there_were() {
        let queue = Queue::default();
        thread::scope(|scope| {
            (0..3).for_each(|_| drop(scope.spawn(|| push(&queue, commit()))));
            queue.wait(LONG, Company { jobs: 3, at_most: LONG });
        });
        assert_eq!(queue.take().len(), 3);
    }

    #[test]
    fn who_stays_alone_is_not_kept() {
        let queue = Queue::default();
        push(&queue, commit());
        queue.wait(LONG, Company { jobs: 3, at_most: Duration::ZERO });
        assert_eq!(queue.take().len(), 1);
    }

    #[test]
    fn who_closes_waits_for_nobody() {
        let queue = Queue::default();
        thread::scope(|scope| {
            scope.spawn(|| {
                push(&queue, commit());
                push(&queue, Job::Close(oneshot::channel().0));
            });
            queue.wait(LONG, Company { jobs: 3, at_most: LONG });
        });
        assert_eq!(queue.take().len(), 2);
    }
}
