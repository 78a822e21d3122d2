//! The committer: one thread that owns every change. It takes what waits, makes one batch of it, applies and
//! syncs it once, and then answers all of it: group commit. Where what is acknowledged may wait for its sync, it may wait
//! for the engine as well, and a caller that finds nobody at work makes its own group, in memory, without the thread.

mod fold;
mod recovery;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use opledger::store::{Change, Outcome, Purged, Unit};
use opledger::{Error, ErrorKind, Result, Scope, Timestamp};

use crate::engine::Engine;
use crate::head::Head;
use crate::inbox::Inbox;
use crate::known::Recent;
use crate::lock::Lock;
use crate::options::Durability;
use crate::purge::Swept;
use crate::queue::{Company, Job, Queue, Reply};
use crate::shared::{Names, Shared};
use crate::transaction::{LogEnd, SETTLE_EVERY, Transaction};

/// How often an idle committer looks into the inbox, and a broken store is tried again.
const LOOK: Duration = Duration::from_millis(100);
/// How often HEAD is synced while there is work.
const HEAD_SYNC: Duration = Duration::from_secs(1);

/// Callers that were answered together come back one after another. Who comes first waits for as many as there were, for at most
/// this part of the time that their sync took: or half of them would wait for two syncs.
const COMPANY: u32 = 4;

/// What the committer's thread owns.
pub(crate) struct Committer<E> {
    pub(crate) shared: Arc<Shared<E>>,
    pub(crate) inbox: Inbox,
    pub(crate) head: Head,
    pub(crate) durability: Durability,
    pub(crate) end: LogEnd,
    pub(crate) recent: Recent,
    /// Since when something applied is not synced.
    pub(crate) unsynced: Option<Instant>,
    pub(crate) head_synced: Instant,
    /// How far retention has come.
    pub(crate) swept: Swept,
    /// How many entries were removed.
    pub(crate) removed: usize,
    /// The callers of the last group, and what it may be worth to have as many in the next.
    pub(crate) company: Company,
    pub(crate) _lock: Lock,
}

/// So many entries removed are worth that closing gives their room back.
const MUCH: usize = 10_000;

/// Where the committer sits: its thread works here, and a caller may where nothing has to be waited for.
pub(crate) struct Seat<E> {
    pub(crate) queue: Queue,
    /// None once the store was closed.
    pub(crate) committer: Mutex<Option<Committer<E>>>,
}

impl<E: Engine> Committer<E> {
    /// Does what waits; who asked to close is given back.
    fn work(&mut self, jobs: Vec<Job>) -> Option<Reply<()>> {
        if jobs.is_empty() {
            self.idle();
        }
        let mut commits = Vec::new();
        for job in jobs {
            match job {
                Job::Commit(units, reply) if units.iter().any(is_removal) => {
                    self.commit(std::mem::take(&mut commits));
                    answer(reply, self.commit_with_removals(units));
                }
                Job::Commit(units, reply) => commits.push((units, reply)),
                Job::Purge { scope, before, limit, reply } => {
                    self.commit(std::mem::take(&mut commits));
                    answer(reply, self.purge(scope, before, limit));
                }
                Job::Fold(reply) => {
                    self.commit(std::mem::take(&mut commits));
                    let folded = self.fold();
                    answer(reply, folded);
                }
                Job::Close(reply) => {
                    self.commit(commits);
                    return Some(reply);
                }
            }
        }
        self.commit(commits);
        if let Err(error) = self.sync_when_due() {
            tracing::error!(%error, "what was acknowledged within the interval may be lost");
        }
        None
    }

    /// Whether units change nothing but what waits in memory.
    fn needs_no_engine(&self, units: &[Unit]) -> bool {
        let versions = u64::try_from(units.len()).unwrap_or(u64::MAX);
        let known = |unit: &Unit| match &unit.change {
            Change::Start { hub, first } => self.shared.has_names(hub.tenant, &first.attributes.script_type),
            Change::Append { .. } => true,
            _ => false,
        };
        self.durability != Durability::Immediate
            && self.shared.loss.is_none()
            && self.shared.is_in_service()
            && self.shared.held().has_room(units.len())
            && self.end.last.saturating_sub(self.end.settled).saturating_add(versions) < SETTLE_EVERY
            && units.iter().all(known)
    }

    fn patience(&self) -> Duration {
        match (self.durability, self.unsynced) {
            (Durability::Interval(interval), Some(since)) => LOOK.min(interval.saturating_sub(since.elapsed())),
            // A caller may carry out what has to be synced then, and wakes nobody.
            (Durability::Interval(interval), None) => LOOK.min(interval),
            _ => LOOK,
        }
    }

    fn idle(&mut self) {
        if let Err(error) = self.flush() {
            tracing::error!(%error, "what was acknowledged lately is not stored yet");
        }
        if self.shared.loss.is_none()
            && self.inbox.has_any()
            && let Err(error) = self.fold()
        {
            tracing::warn!(%error, "the inbox could not be folded in; it is tried again");
        }
        if self.head_synced.elapsed() >= HEAD_SYNC {
            self.sync_head();
            // Readers wait for it, too, and they hand nothing over.
            if let Err(error) = self.come_back() {
                tracing::warn!(%error, "the store is still out of service");
            }
        }
    }

    /// Makes one group of what callers handed over.
    fn commit(&mut self, jobs: Vec<(Vec<Unit>, Reply<Vec<Outcome>>)>) {
        if jobs.is_empty() {
            return;
        }
        if let Err(error) = self.serviceable() {
            return refuse_all(jobs, &error);
        }
        self.company.jobs = jobs.len();
        let mut replies = Vec::with_capacity(jobs.len());
        let group = self.group(|transaction| {
            for (units, reply) in jobs {
                let outcomes = units.into_iter().map(|unit| transaction.carry_out(unit)).collect::<Result<Vec<_>>>();
                replies.push((reply, outcomes));
            }
            Ok(())
        });
        match group {
            Ok(()) => replies.into_iter().for_each(|(reply, outcomes)| answer(reply, outcomes)),
            Err(error) => replies.into_iter().for_each(|(reply, _)| answer(reply, Err(copy(&error)))),
        }
    }

    /// A removal reads and removes what is in the engine, so each is a group of its own.
    fn commit_with_removals(&mut self, units: Vec<Unit>) -> Result<Vec<Outcome>> {
        self.serviceable()?;
        let mut outcomes = Vec::with_capacity(units.len());
        for group in units.chunk_by(|one, next| !is_removal(one) && !is_removal(next)) {
            if group.iter().any(is_removal) {
                self.settle()?;
            }
            outcomes.extend(self.group(|transaction| {
                group.iter().map(|unit| transaction.carry_out(unit.clone())).collect::<Result<Vec<_>>>()
            })?);
            // What was removed is not known any more.
            self.recent.forget();
        }
        Ok(outcomes)
    }

    fn purge(&mut self, scope: Scope, before: Timestamp, limit: usize) -> Result<Purged> {
        self.serviceable()?;
        // Retention reads and removes what is in the engine.
        self.settle()?;
        let mut swept = self.swept.clone();
        let purged = self.group(|transaction| transaction.purge(scope, before, limit, &mut swept))?;
        self.swept = swept;
        Ok(purged)
    }

    /// Builds a batch, applies it, and makes it as durable as the store promises. Nothing is visible to
    /// readers or acknowledged unless all of it succeeded.
    fn group<T>(&mut self, build: impl FnOnce(&mut Transaction<'_, E>) -> Result<T>) -> Result<T> {
        self.group_that(self.durability != Durability::Immediate, build)
    }

    /// Stores the versions that wait in memory.
    fn flush(&mut self) -> Result<()> {
        if self.shared.held().is_empty() || self.shared.engine_mut().is_none() {
            return Ok(());
        }
        self.group_that(false, |transaction| {
            transaction.flush = true;
            Ok(())
        })
    }

    fn group_that<T>(&mut self, may_wait: bool, build: impl FnOnce(&mut Transaction<'_, E>) -> Result<T>) -> Result<T> {
        let (shared, recent, end) = (Arc::clone(&self.shared), &self.recent, self.end);
        let built = shared.read(|engine| {
            let mut transaction = Transaction::new(&shared, engine, recent, end);
            let value = build(&mut transaction)?;
            Ok((value, transaction.into_group(may_wait)?))
        });
        let (value, group) = built.inspect_err(|_| self.forget_names())?;
        let Some(group) = group else { return Ok(value) };
        let immediate = self.durability == Durability::Immediate;
        let applied = {
            // Readers are kept out until the group is as safe as promised: what they see is not taken back.
            let guard = self.shared.engine_mut();
            let waits = group.batch.is_none();
            let applied = match (guard.as_ref(), group.batch) {
                (Some(engine), Some(batch)) => {
                    self.removed += batch.removals();
                    self.swept.note(&batch);
                    let began = Instant::now();
                    let applied = if immediate { engine.apply_synced(batch) } else { engine.apply(batch) };
                    self.company.at_most = if immediate { began.elapsed() / COMPANY } else { Duration::ZERO };
                    applied.map_err(|error| self.shared.engine_failed(error))
                }
                (Some(_), None) => Ok(()),
                (None, _) => Err(self.shared.out_of_service()),
            };
            if applied.is_ok() {
                if waits {
                    self.shared.held_mut().extend(self.end.last + 1, group.held);
                } else {
                    self.shared.held_mut().clear();
                }
                self.shared.counters.commit(group.staged);
                let mut pending = self.shared.pending_mut();
                if group.settled {
                    self.shared.counters.stored();
                    pending.clear();
                }
                group.edits.into_iter().for_each(|edit| pending.apply(edit));
                self.shared.tail.advance(self.shared.position(group.end.last));
            }
            applied
        };
        applied.inspect_err(|error| self.break_down(error))?;
        self.end = group.end;
        self.recent.learn(group.known);
        if immediate {
            self.mark_synced();
        } else {
            self.unsynced.get_or_insert_with(Instant::now);
        }
        Ok(value)
    }

    /// A group that failed may have numbered names that are not stored.
    fn forget_names(&self) {
        let stored = self.shared.read(|engine| Names::load(engine).map_err(|error| self.shared.engine_failed(error)));
        match stored {
            Ok((names, _)) => *unpoisoned(self.shared.names.write()) = names,
            Err(error) => tracing::warn!(%error, "the names of tenants and types can't be read again"),
        }
    }

    /// Syncs the engine, then says in HEAD what is safe.
    pub(crate) fn sync(&mut self) -> Result<()> {
        if self.unsynced.is_none() {
            return Ok(());
        }
        self.flush()?;
        let synced = self.shared.read(|engine| engine.sync().map_err(|error| self.shared.engine_failed(error)));
        synced.inspect_err(|error| self.break_down(error))?;
        self.mark_synced();
        Ok(())
    }

    /// Says in HEAD that all up to the end of the log is safe.
    fn mark_synced(&mut self) {
        self.unsynced = None;
        // The data is safe by itself; HEAD only tells of a loss.
        if let Err(error) = self.head.write(self.end.last, self.end.operations) {
            tracing::error!(%error, "HEAD can't be written: a tail that the engine loses would not be noticed");
        }
        if self.head_synced.elapsed() >= HEAD_SYNC {
            self.sync_head();
        }
    }

    fn sync_head(&mut self) {
        self.head_synced = Instant::now();
        if let Err(error) = self.head.sync() {
            tracing::error!(%error, "HEAD can't be synced: a tail that the engine loses would not be noticed");
        }
    }

    fn sync_when_due(&mut self) -> Result<()> {
        match (self.durability, self.unsynced) {
            (Durability::Interval(interval), Some(since)) if since.elapsed() >= interval => self.sync(),
            _ => Ok(()),
        }
    }

    fn close(&mut self) -> Result<()> {
        let synced = self.settle().and_then(|()| self.sync());
        self.sync_head();
        self.shared.closed.store(true, Ordering::Release);
        let closed = match self.shared.engine_mut().take() {
            Some(mut engine) => {
                if synced.is_ok() && self.removed >= MUCH {
                    self.give_back(&mut engine);
                }
                engine.close().map_err(|error| self.shared.engine_failed(error))
            }
            None => Ok(()),
        };
        synced.and(closed)
    }

    fn give_back(&self, engine: &mut E) {
        if let Err(error) = engine.give_back() {
            let dir = self.shared.dir.display();
            tracing::warn!(%dir, %error, "the room of what was removed could not be given back");
        }
    }

    /// Stores indexes and counters, so that the next opening has nothing to make anew.
    fn settle(&mut self) -> Result<()> {
        if self.end.settled == self.end.last || self.shared.loss.is_some() || self.shared.engine_mut().is_none() {
            return Ok(());
        }
        self.group(|transaction| {
            transaction.settle = true;
            Ok(())
        })
    }

    /// Whether writes may go on; tries to come back after a failure.
    fn serviceable(&mut self) -> Result<()> {
        if let Some(loss) = self.shared.loss {
            let message = format!(
                "the store at {} lost {} operations after position {}; it takes no writes until that is accepted (verify --accept-loss)",
                self.shared.dir.display(),
                loss.operations,
                loss.after
            );
            return Err(Error::new(ErrorKind::Corrupt, message));
        }
        self.come_back()
    }
}

impl<E: Engine> Seat<E> {
    /// The thread's work, until it is told to close.
    pub(crate) fn run(&self) {
        loop {
            let waits = |committer: &Committer<E>| (committer.patience(), committer.company);
            let (patience, company) = self.take().as_ref().map_or((LOOK, Company::default()), waits);
            self.queue.wait(patience, company);
            // What is taken out of the queue is carried out before anyone else sits here: the order stays.
            let mut seat = self.take();
            let Some(committer) = seat.as_mut() else { return };
            if let Some(reply) = committer.work(self.queue.take()) {
                let closed = committer.close();
                *seat = None;
                drop(seat);
                return answer(reply, closed);
            }
        }
    }

    /// Carries units out here and now, where nothing waits and it takes memory alone; else gives them back.
    pub(crate) fn commit_at_once(&self, units: Vec<Unit>) -> std::result::Result<Result<Vec<Outcome>>, Vec<Unit>> {
        let Ok(mut seat) = self.committer.try_lock() else { return Err(units) };
        match seat.as_mut() {
            Some(committer) if self.queue.is_empty() && committer.needs_no_engine(&units) => {
                let carried_out = committer.group(|transaction| {
                    Ok(units.into_iter().map(|unit| transaction.carry_out(unit)).collect::<Result<Vec<_>>>())
                });
                Ok(carried_out.flatten())
            }
            _ => Err(units),
        }
    }

    fn take(&self) -> MutexGuard<'_, Option<Committer<E>>> {
        unpoisoned(self.committer.lock())
    }
}

fn is_removal(unit: &Unit) -> bool {
    matches!(unit.change, Change::Remove(_))
}

/// Answers who asked; who stopped waiting does not want to know.
fn answer<T>(reply: Reply<T>, value: Result<T>) {
    let _nobody_waits = reply.send(value);
}

fn refuse_all(jobs: Vec<(Vec<Unit>, Reply<Vec<Outcome>>)>, error: &Error) {
    for (_, reply) in jobs {
        answer(reply, Err(copy(error)));
    }
}

/// The same error for each of a group.
fn copy(error: &Error) -> Error {
    Error::new(error.kind(), error.message())
}

/// Takes the value out of a lock that a panic may have poisoned: what it guards is replaced as a whole.
pub(crate) fn unpoisoned<T>(result: std::result::Result<T, PoisonError<T>>) -> T {
    result.unwrap_or_else(PoisonError::into_inner)
}
