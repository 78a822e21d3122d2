//! Syncing on and on, beside an agent's work.

use std::thread::JoinHandle;
use std::time::Duration;

use pollster::block_on;

use super::backoff::{Backoff, chance};
use super::pass::Agent;
use super::stop::Stop;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Position;
use crate::store::Store;

/// The longest wait after failures, in periods.
const LONGEST: u32 = 10;

impl<S: Store> Agent<S> {
    /// Syncs about every `every`, until `stop` is told: a future for any executor. `connect` opens the other store,
    /// and is called again after a failure. Failures are logged as warnings, and tried again after a while that grows
    /// to ten times `every`; how it stands is in [`Tracker::sync_status`](crate::Tracker::sync_status).
    ///
    /// # Errors
    /// Gives the error that no retry can help, such as a store that was restored from a backup, or 08003 when the agent's own store was
    /// closed.
    pub async fn run<R, F>(&self, every: Duration, stop: &Stop, connect: impl Fn() -> F + Send + Sync) -> Result<()>
    where
        R: Store,
        F: Future<Output = Result<R>> + Send,
    {
        let mut backoff = Backoff::new(every.saturating_mul(LONGEST));
        let mut server: Option<R> = None;
        while !stop.is_set() {
            // The wait is set whatever becomes of the pass, so that there is always a next one.
            let wait = match self.step(&mut server, stop, &connect).await {
                Ok(()) => {
                    backoff.succeeded();
                    // Agents that were started together do not come together.
                    every.mul_f64(0.75 + chance()? / 2.0)
                }
                Err(_) if stop.is_set() => break,
                Err(error) if self.needs_somebody(&error).await => return Err(error),
                Err(error) => {
                    server = None;
                    let wait = backoff.failed()?;
                    tracing::warn!(agent = self.name, %error, ?wait, "a sync failed; it is tried again");
                    wait
                }
            };
            stop.sleep(wait).await;
        }
        Ok(())
    }

    async fn step<R, F>(
        &self,
        server: &mut Option<R>,
        stop: &Stop,
        connect: &(impl Fn() -> F + Send + Sync),
    ) -> Result<()>
    where
        R: Store,
        F: Future<Output = Result<R>> + Send,
    {
        let remote = match server {
            Some(open) => open,
            None => {
                // Retention must know of it also while there is no server to open.
                self.set_up().await?;
                server.insert(connect().await?)
            }
        };
        let passed = self.pass(remote, self.patience, stop, |_| ()).await?;
        tracing::debug!(agent = self.name, ?passed, "synced");
        Ok(())
    }

    /// Whether trying again is useless until somebody acts.
    async fn needs_somebody(&self, error: &Error) -> bool {
        match error.kind() {
            ErrorKind::InvalidValue => true,
            // One of the two stores was closed; the other one can be opened again.
            ErrorKind::Closed => self.tracker.store().wait(Position::START, Duration::ZERO).await.is_err(),
            _ => false,
        }
    }

    /// The same on a thread of its own, which ends with what this gives.
    ///
    /// # Errors
    /// Gives 58030 when the system gives no thread.
    pub fn spawn<R: Store>(
        self,
        every: Duration,
        connect: impl Fn() -> Result<R> + Send + Sync + 'static,
    ) -> Result<Background> {
        let stop = Stop::default();
        let told = stop.clone();
        let work = move || block_on(self.run(every, &told, || std::future::ready(connect())));
        let thread = std::thread::Builder::new()
            .name("opledger-sync".to_owned())
            .spawn(work)
            .map_err(|cause| Error::new(ErrorKind::Io, "the system gave no thread for the sync").caused_by(cause))?;
        Ok(Background { stop, thread: Some(thread) })
    }
}

/// A sync on a thread of its own. Dropping it ends it.
#[derive(Debug)]
pub struct Background {
    stop: Stop,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Background {
    /// Whether it still syncs; it ends by itself only on an error that needs somebody.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Ends it; what waits goes with the next sync.
    ///
    /// # Errors
    /// Gives the error that it had ended with by itself.
    pub fn stop(mut self) -> Result<()> {
        self.end()
    }

    fn end(&mut self) -> Result<()> {
        self.stop.stop();
        match self.thread.take().map(JoinHandle::join) {
            None => Ok(()),
            Some(Ok(ended)) => ended,
            Some(Err(_)) => Err(Error::new(ErrorKind::Io, "the sync's thread panicked")),
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::warn!(%error, "a sync in the background had ended");
        }
    }
}
