//! Reading the log from a position on.

use std::time::Duration;

use super::Tracker;
use crate::error::Result;
use crate::model::Position;
use crate::store::{Damage, Entry, Record, Scan, Store};

/// Reads the log in order; keep [`position`](Self::position) to resume after a restart.
pub struct LogReader<S> {
    tracker: Tracker<S>,
    position: Position,
}

impl<S> std::fmt::Debug for LogReader<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogReader").field("position", &self.position).finish_non_exhaustive()
    }
}

/// Some entries of the log.
#[derive(Debug, Clone, Default)]
pub struct LogBatch {
    /// The entries; empty at the end of the log.
    pub entries: Vec<Entry>,
    /// Entries that could not be read.
    pub damaged: Vec<Damage>,
}

impl<S: Store> Tracker<S> {
    /// A reader of the log after `position`, which sees this tracker's rows.
    #[must_use]
    pub fn log_after(&self, position: Position) -> LogReader<S> {
        LogReader { tracker: self.clone(), position }
    }
}

impl<S: Store> LogReader<S> {
    /// The position up to which everything was given out.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// The next entries, up to `limit`; empty at the end of the log.
    ///
    /// # Errors
    /// Gives the store's error; the reader then stands where it stood.
    pub async fn next(&mut self, limit: usize) -> Result<LogBatch> {
        let mut batch = LogBatch::default();
        let mut next = Some(Scan::Log { after: self.position });
        // A page may hold only damage, or only rows of others.
        while let Some(scan) = next {
            let page = self.tracker.store.scan(self.tracker.scope, &scan, limit.max(1)).await?;
            batch.damaged.extend(page.damaged);
            for record in page.records {
                if let Record::Entry(entry) = record {
                    self.position = self.position.max(entry.version.position);
                    batch.entries.push(*entry);
                }
            }
            if let Some(Scan::Log { after }) = &page.next {
                self.position = self.position.max(*after);
            }
            if !batch.entries.is_empty() || !batch.damaged.is_empty() {
                break;
            }
            next = page.next;
        }
        Ok(batch)
    }

    /// Waits until there is something after the reader's position, `at_most` so long; whether there is.
    ///
    /// # Errors
    /// Gives the store's error.
    pub async fn wait(&self, at_most: Duration) -> Result<bool> {
        Ok(self.tracker.store.wait(self.position, at_most).await? > self.position)
    }
}
