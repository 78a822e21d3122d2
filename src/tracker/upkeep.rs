//! Retention.

use super::Tracker;
use crate::error::Result;
use crate::model::{Status, check_days};
use crate::store::{Record, Scan, Store};
use crate::sync::{Retention, clean};

/// Operations removed in one step.
const BATCH: usize = 500;

/// What a cleanup did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cleanup {
    /// How many operations were removed, each with all its versions.
    pub operations: u64,
    /// How many were old enough to go but stay, because they wait for a sync.
    pub waiting: u64,
}

/// What a cleanup would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CleanupPreview {
    /// How many operations would be removed.
    pub operations: u64,
    /// How many are old enough to go but would stay, because they wait for a sync.
    pub waiting: u64,
}

impl<S: Store> Tracker<S> {
    /// Removes finished operations that started over `retention_days` ago, in bounded batches.
    /// RUNNING ones stay, and so do those that wait for a sync.
    ///
    /// # Errors
    /// Gives 22023 when `retention_days` is below 1, else the store's error; batches already removed stay removed.
    pub async fn cleanup_old_data(&self, retention_days: i64) -> Result<Cleanup> {
        self.cleanup(Retention::days(retention_days)).await
    }

    /// The same, and where `retention` says so also those that wait for a sync.
    ///
    /// # Errors
    /// Gives 22023 when the days are below 1, else the store's error; batches already removed stay removed.
    pub async fn cleanup(&self, retention: Retention) -> Result<Cleanup> {
        let before = self.now().days_before(check_days("p_retention_days", retention.days)?);
        if let Some(removed) = clean(self, before, retention.even_unsynced, false).await? {
            return Ok(Cleanup { operations: removed.operations, waiting: removed.waiting });
        }
        let mut operations = 0;
        loop {
            let purged = self.store.purge(self.scope, before, BATCH).await?;
            operations += purged.operations;
            if !purged.more {
                return Ok(Cleanup { operations, waiting: 0 });
            }
        }
    }

    /// Counts what [`cleanup_old_data`](Self::cleanup_old_data) would remove now; changes nothing.
    ///
    /// # Errors
    /// Gives 22023 when `retention_days` is below 1, else the store's error.
    pub async fn preview_cleanup(&self, retention_days: i64) -> Result<CleanupPreview> {
        self.preview(Retention::days(retention_days)).await
    }

    /// Counts what [`cleanup`](Self::cleanup) would remove now; changes nothing.
    ///
    /// # Errors
    /// Gives 22023 when the days are below 1, else the store's error.
    pub async fn preview(&self, retention: Retention) -> Result<CleanupPreview> {
        let before = self.now().days_before(check_days("p_retention_days", retention.days)?);
        if let Some(removed) = clean(self, before, retention.even_unsynced, true).await? {
            return Ok(CleanupPreview { operations: removed.operations, waiting: removed.waiting });
        }
        let mut operations = 0;
        for status in [Status::Completed, Status::Failed] {
            // Purge takes what started before the cutoff; a scan's bound is inclusive.
            let until = Some(before.before(std::time::Duration::from_micros(1)));
            let mut next =
                Some(Scan::History { since: None, until, status: Some(status), script_type: None, before: None });
            while let Some(scan) = next {
                let page = self.store.scan(self.scope, &scan, BATCH).await?;
                let found = page.records.iter().filter(|record| matches!(record, Record::Operation(_))).count();
                operations += u64::try_from(found).unwrap_or(u64::MAX);
                next = page.next;
            }
        }
        Ok(CleanupPreview { operations, waiting: 0 })
    }
}
