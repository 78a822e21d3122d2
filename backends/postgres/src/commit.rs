//! Writing: commits that wait are carried out together, and again when the answer was lost.

mod columns;
mod steps;

use std::sync::Arc;
use std::time::Instant;

use futures_channel::oneshot;
use opledger::store::{Outcome, Unit};
use opledger::{Error, ErrorKind, Result};
use tokio::sync::mpsc;

use self::steps::{outcome, place, steps};
use crate::connect::Connection;
use crate::pool::pause;
use crate::shared::Shared;

/// Units in one group, unless a single commit has more.
const MAX_UNITS: usize = 512;

/// A commit that waits.
pub(crate) struct Job {
    pub(crate) units: Vec<Unit>,
    pub(crate) reply: oneshot::Sender<Result<Vec<Outcome>>>,
}

/// Carries out commits in the order they came, what waits at a time in one step, until nobody can send any more.
pub(crate) async fn run(shared: Arc<Shared>, mut queue: mpsc::UnboundedReceiver<Job>) {
    while let Some(first) = queue.recv().await {
        let mut count = first.units.len();
        let mut group = vec![first];
        while count < MAX_UNITS
            && let Ok(job) = queue.try_recv()
        {
            count += job.units.len();
            group.push(job);
        }
        carry_out(&shared, group).await;
        shared.queued.fetch_sub(count, std::sync::atomic::Ordering::Relaxed);
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
    loop {
        let error = match try_commit(shared, units).await {
            Ok(outcomes) => return Ok(outcomes),
            Err(error) => error,
        };
        if !may_pass(error.kind()) || began.elapsed() >= shared.config.retry_timeout {
            return Err(error);
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

async fn try_commit(shared: &Shared, units: &[&Unit]) -> Result<Vec<Outcome>> {
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
        for step in &steps {
            let rows = connection.query(step.call.sql, &step.call.parameters()).await?;
            for row in &rows {
                let Some(at) = step.places.get(place(row)?) else { continue };
                if let (Some(unit), Some(slot)) = (units.get(*at), outcomes.get_mut(*at)) {
                    *slot = Some(outcome(row, unit)?);
                }
            }
        }
        if is_transaction {
            connection.run("COMMIT").await?;
        }
        Ok::<_, Error>(())
    };
    if let Err(error) = work.await {
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
