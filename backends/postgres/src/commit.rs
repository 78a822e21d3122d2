//! Writing: commits that wait are carried out together, and again when the answer was lost.

mod columns;
mod steps;

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use futures_channel::oneshot;
use opledger::store::{Change, Outcome, Unit};
use opledger::{Error, ErrorKind, Hash, Result};
use tokio::sync::Notify;

use self::steps::{outcome, place, steps};
use crate::connect::Connection;
use crate::pool::pause;
use crate::runtime::Executor;
use crate::shared::Shared;

/// Units in one group, unless a single commit has more.
const MAX_UNITS: usize = 512;

/// Groups under way at a time: while one waits for the server's disk, the next is judged. With more, groups get smaller.
const LANES: usize = 2;

/// Units that may wait for the server; with more, a commit is refused at once.
const MAX_QUEUED: usize = 100_000;

/// A commit that waits.
struct Job {
    units: Vec<Unit>,
    reply: oneshot::Sender<Result<Vec<Outcome>>>,
}

/// Carries out commits. What waits goes together; commits on one operation or document keep their order.
pub(crate) struct Committer {
    shared: Arc<Shared>,
    executor: Executor,
    state: Mutex<State>,
    /// Told when nothing is under way any more.
    idle: Notify,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    /// What the groups under way are about.
    busy: HashSet<Hash>,
    lanes: usize,
    /// Units that wait or are under way.
    units: usize,
    closed: bool,
}

impl State {
    fn is_idle(&self) -> bool {
        self.lanes == 0 && self.waiting.is_empty()
    }
}

impl Committer {
    pub(crate) fn new(shared: Arc<Shared>, executor: Executor) -> Arc<Self> {
        Arc::new(Self { shared, executor, state: Mutex::default(), idle: Notify::new() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a commit over: it is carried out whether its answer is waited for or not. Where there is a lane for it, it is on its
    /// way when this returns.
    pub(crate) fn hand_over(self: &Arc<Self>, units: Vec<Unit>) -> Result<oneshot::Receiver<Result<Vec<Outcome>>>> {
        let (reply, outcomes) = oneshot::channel();
        {
            let mut state = self.state();
            if state.closed {
                return Err(self.shared.closed_error());
            }
            let (waiting, count) = (state.units, units.len());
            if waiting > 0 && waiting + count > MAX_QUEUED {
                let message = format!("{waiting} units wait for the server already; the limit is {MAX_QUEUED}");
                return Err(Error::new(ErrorKind::Overloaded, message));
            }
            state.units += count;
            state.waiting.push_back(Job { units, reply });
        }
        self.advance();
        Ok(outcomes)
    }

    /// Starts what may go.
    fn advance(self: &Arc<Self>) {
        let next = || {
            let mut state = self.state();
            if state.lanes >= LANES {
                return None;
            }
            let State { waiting, busy, .. } = &mut *state;
            let (group, keys) = next_group(waiting, busy)?;
            busy.extend(keys.iter().copied());
            state.lanes += 1;
            let units = group.iter().map(|job| job.units.len()).sum();
            let lane = Lane { committer: Arc::clone(self), keys, units, done: false };
            Some((group, lane))
        };
        // Not under the lock: where the runtime is gone, the lane is dropped here.
        while let Some((group, lane)) = next() {
            drop(self.executor.spawn(lane.run(group)));
        }
    }

    /// Takes no more, and waits for what was handed over. False where that was said before.
    pub(crate) async fn close(&self) -> bool {
        if std::mem::replace(&mut self.state().closed, true) {
            return false;
        }
        loop {
            let idle = self.idle.notified();
            let is_idle = self.state().is_idle();
            if is_idle {
                return true;
            }
            idle.await;
        }
    }
}

/// The way of one group.
struct Lane {
    committer: Arc<Committer>,
    keys: Vec<Hash>,
    units: usize,
    done: bool,
}

impl Lane {
    async fn run(mut self, group: Vec<Job>) {
        carry_out(&self.committer.shared, group).await;
        self.done = true;
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        let mut state = self.committer.state();
        for key in &self.keys {
            state.busy.remove(key);
        }
        state.lanes -= 1;
        state.units -= self.units;
        // A lane that did not come to its end was dropped with its runtime: nothing more is carried out there, and who waits is told.
        let goes_on = self.done || std::thread::panicking();
        let lost = if goes_on { VecDeque::new() } else { std::mem::take(&mut state.waiting) };
        state.units -= lost.iter().map(|job| job.units.len()).sum::<usize>();
        let is_idle = state.is_idle();
        drop(state);
        drop(lost);
        if is_idle {
            self.committer.idle.notify_waiters();
        } else if goes_on {
            self.committer.advance();
        }
    }
}

/// Takes what may go now, and its keys: nothing on what is busy, or on what something before it waits for.
fn next_group(waiting: &mut VecDeque<Job>, busy: &HashSet<Hash>) -> Option<(Vec<Job>, Vec<Hash>)> {
    let (mut group, mut keys, mut count) = (Vec::new(), Vec::new(), 0);
    let mut blocked = HashSet::new();
    let mut left = VecDeque::new();
    while let Some(job) = waiting.pop_front() {
        let its: Vec<Hash> = job.units.iter().flat_map(keys_of).collect();
        let may_go = count == 0 || count + job.units.len() <= MAX_UNITS;
        if may_go && !its.iter().any(|key| busy.contains(key) || blocked.contains(key)) {
            count += job.units.len();
            keys.extend(its);
            group.push(job);
        } else {
            blocked.extend(its);
            left.push_back(job);
        }
        if count >= MAX_UNITS {
            break;
        }
    }
    left.append(waiting);
    *waiting = left;
    (!group.is_empty()).then_some((group, keys))
}

fn keys_of(unit: &Unit) -> Vec<Hash> {
    match &unit.change {
        Change::Start { hub, .. } => vec![hub.script_execution_hk],
        Change::Append { operation, .. } => vec![*operation],
        Change::Check(_) => Vec::new(),
        Change::Put(put) => vec![put.next.key],
        Change::Remove(removal) => {
            removal.operations.iter().map(|(hk, _)| *hk).chain([removal.record.next.key]).collect()
        }
    }
}

async fn carry_out(shared: &Shared, group: Vec<Job>) {
    let units: Vec<&Unit> = group.iter().flat_map(|job| &job.units).collect();
    let done = commit(shared, &units).await;
    shared.appended.notify_waiters();
    match done {
        Ok(outcomes) => {
            let mut outcomes = outcomes.into_iter();
            for Job { units, reply } in group {
                // Who dropped the future does not want to know.
                let _ = reply.send(Ok(outcomes.by_ref().take(units.len()).collect()));
            }
        }
        // One commit's bad input is no other's: each for itself.
        Err(error) if group.len() > 1 && !error.is_retryable() => {
            for Job { units, reply } in group {
                let _ = reply.send(commit(shared, &units.iter().collect::<Vec<_>>()).await);
            }
        }
        Err(error) => {
            for Job { reply, .. } in group {
                let _ = reply.send(Err(Error::new(error.kind(), error.message())));
            }
        }
    }
}

/// Commits, and commits again where the server was not reached, or it is not known whether it was: units that were
/// carried out the first time are replayed.
async fn commit(shared: &Shared, units: &[&Unit]) -> Result<Vec<Outcome>> {
    let began = Instant::now();
    let mut attempt = 0;
    let mut in_doubt = false;
    loop {
        let error = match try_commit(shared, units, &mut in_doubt).await {
            Ok(outcomes) => return Ok(outcomes),
            Err(error) => error,
        };
        if !may_pass(error.kind()) || began.elapsed() >= shared.config.retry_timeout {
            return Err(if in_doubt { doubtful(&error) } else { error });
        }
        tracing::debug!(%error, attempt, "a commit is tried again");
        tokio::time::sleep(pause(attempt)).await;
        attempt += 1;
    }
}

/// Whether the same statement may succeed in a moment, here or on another host.
pub(crate) fn may_pass(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Connection | ErrorKind::Serialization | ErrorKind::Overloaded | ErrorKind::ReadOnly)
}

/// The answer to one attempt was lost, and no later one was answered.
fn doubtful(error: &Error) -> Error {
    let message = format!(
        "{}; whether it was recorded is not known: sent again as the same unit, it is recorded once",
        error.message()
    );
    Error::new(error.kind(), message)
}

/// Commits once; `in_doubt` is set where the server may have done it without saying so.
async fn try_commit(shared: &Shared, units: &[&Unit], in_doubt: &mut bool) -> Result<Vec<Outcome>> {
    let steps = steps(units)?;
    if steps.is_empty() {
        return Ok(Vec::new());
    }
    let connection = shared.pool.get().await?;
    let mut outcomes = vec![None; units.len()];
    let is_transaction = steps.len() > 1;
    let work = async {
        if is_transaction {
            connection.run("BEGIN ISOLATION LEVEL READ COMMITTED").await?;
        }
        let epoch = connection.epoch().await?;
        for step in &steps {
            let rows = connection.query(step.call.sql, &step.call.parameters()).await?;
            for row in &rows {
                let Some(Some(at)) = step.places.get(place(row)?) else { continue };
                if let (Some(unit), Some(slot)) = (units.get(*at), outcomes.get_mut(*at)) {
                    *slot = Some(outcome(row, unit, epoch)?);
                }
            }
        }
        if is_transaction {
            connection.run("COMMIT").await?;
        }
        Ok::<_, Error>(())
    };
    if let Err(error) = work.await {
        *in_doubt |= error.kind() == ErrorKind::Connection;
        give_back(&connection, is_transaction, error.kind()).await;
        return Err(error);
    }
    outcomes.into_iter().collect::<Option<_>>().ok_or_else(|| {
        Error::new(
            ErrorKind::MissingDependency,
            "store_commit did not answer for each unit: the schema is of another version",
        )
    })
}

/// Leaves a connection as it was found, or for nobody.
async fn give_back(connection: &Connection, in_transaction: bool, kind: ErrorKind) {
    // Another host may be the primary by now.
    if kind == ErrorKind::ReadOnly || (in_transaction && connection.run("ROLLBACK").await.is_err()) {
        connection.abandon();
    }
}
