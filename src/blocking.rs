//! The same calls for plain `fn main`: each waits until its answer is there.
//!
//! ```no_run
//! # fn example<S: opledger::Store>(store: S) -> opledger::Result<()> {
//! use opledger::blocking::Tracker;
//!
//! let tracker = Tracker::new(store);
//! let operation = tracker.track_operation("Vacuum", "MAINTENANCE")?;
//! operation.complete()?;
//! # Ok(()) }
//! ```

use std::time::Duration;

use pollster::block_on;

use crate::error::Result;
use crate::hash::Hash;
use crate::intent::{Additions, Outcome};
use crate::model::{Operation, Position, Version};
use crate::report::{DashboardRow, HealthRow, MetricRow};
use crate::store::Store;
use crate::sync::{self, Retention};
use crate::time::Timestamp;
use crate::tracker::{
    self, Cleanup, Completion, ErrorRow, History, HistoryRow, Listing, LogBatch, NewOperation, ScopeError, Verification,
};

/// A [`tracker::Tracker`] whose calls wait.
#[derive(Debug)]
pub struct Tracker<S>(tracker::Tracker<S>);

impl<S> Clone for Tracker<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S> From<tracker::Tracker<S>> for Tracker<S> {
    fn from(tracker: tracker::Tracker<S>) -> Self {
        Self(tracker)
    }
}

/// A [`tracker::Handle`] whose calls wait.
#[derive(Debug)]
#[must_use = "complete it, or the operation stays RUNNING"]
pub struct Handle<S>(tracker::Handle<S>);

/// A [`tracker::LogReader`] whose calls wait.
#[derive(Debug)]
pub struct LogReader<S>(tracker::LogReader<S>);

/// Each call is documented on [`tracker::Tracker`], with its errors.
#[allow(clippy::missing_errors_doc)]
impl<S: Store> Tracker<S> {
    /// See [`tracker::Tracker::new`].
    pub fn new(store: S) -> Self {
        Self(tracker::Tracker::new(store))
    }
    /// See [`tracker::Tracker::for_tenant`].
    #[must_use]
    pub fn for_tenant(&self, tenant: Hash) -> Self {
        Self(self.0.for_tenant(tenant))
    }
    /// See [`tracker::Tracker::for_all`].
    #[must_use]
    pub fn for_all(&self) -> Self {
        Self(self.0.for_all())
    }
    /// The tracker whose calls are futures.
    #[must_use]
    pub fn inner(&self) -> &tracker::Tracker<S> {
        &self.0
    }
    /// See [`tracker::Tracker::track_operation`].
    pub fn track_operation(&self, name: &str, script_type: &str) -> Result<Handle<S>> {
        block_on(self.0.track_operation(name, script_type)).map(Handle)
    }
    /// See [`tracker::Tracker::start`].
    pub fn start(&self, new: NewOperation) -> Result<Handle<S>> {
        block_on(self.0.start(new)).map(Handle)
    }
    /// See [`tracker::Tracker::complete_operation`].
    pub fn complete_operation(&self, hk: Hash, success: bool, error_message: Option<&str>) -> Result<Completion> {
        block_on(self.0.complete_operation(hk, success, error_message))
    }
    /// See [`tracker::Tracker::annotate_operation`].
    pub fn annotate_operation(&self, hk: Hash, additions: Additions) -> Result<Completion> {
        block_on(self.0.annotate_operation(hk, additions))
    }
    /// See [`tracker::Tracker::operation`].
    pub fn operation(&self, hk: Hash) -> Result<Option<Operation>> {
        block_on(self.0.operation(hk))
    }
    /// See [`tracker::Tracker::versions`].
    pub fn versions(&self, hk: Hash) -> Result<Listing<Version>> {
        block_on(self.0.versions(hk))
    }
    /// See [`tracker::Tracker::operation_at`].
    pub fn operation_at(&self, hk: Hash, at: Timestamp) -> Result<Option<Version>> {
        block_on(self.0.operation_at(hk, at))
    }
    /// See [`tracker::Tracker::execution_history`].
    pub fn execution_history(&self, history: &History) -> Result<Listing<HistoryRow>> {
        block_on(self.0.execution_history(history))
    }
    /// See [`tracker::Tracker::recent_errors`].
    pub fn recent_errors(&self, hours: i64) -> Result<Listing<ErrorRow>> {
        block_on(self.0.recent_errors(hours))
    }
    /// See [`tracker::Tracker::enterprise_dashboard`].
    pub fn enterprise_dashboard(&self) -> Result<Vec<DashboardRow>> {
        block_on(self.0.enterprise_dashboard())
    }
    /// See [`tracker::Tracker::performance_metrics`].
    pub fn performance_metrics(&self) -> Result<Vec<MetricRow>> {
        block_on(self.0.performance_metrics())
    }
    /// See [`tracker::Tracker::system_health`].
    pub fn system_health(&self) -> Result<Vec<HealthRow>> {
        block_on(self.0.system_health())
    }
    /// See [`tracker::Tracker::cleanup_old_data`].
    pub fn cleanup_old_data(&self, retention_days: i64) -> Result<Cleanup> {
        block_on(self.0.cleanup_old_data(retention_days))
    }
    /// See [`tracker::Tracker::cleanup`].
    pub fn cleanup(&self, retention: Retention) -> Result<Cleanup> {
        block_on(self.0.cleanup(retention))
    }
    /// See [`tracker::Tracker::preview`].
    pub fn preview(&self, retention: Retention) -> Result<tracker::CleanupPreview> {
        block_on(self.0.preview(retention))
    }
    /// See [`tracker::Tracker::sync_status`].
    pub fn sync_status(&self) -> Result<sync::Status> {
        block_on(self.0.sync_status())
    }
    /// See [`tracker::Tracker::preview_cleanup`].
    pub fn preview_cleanup(&self, retention_days: i64) -> Result<tracker::CleanupPreview> {
        block_on(self.0.preview_cleanup(retention_days))
    }
    /// See [`tracker::Tracker::verify`].
    pub fn verify(&self) -> Result<Verification> {
        block_on(self.0.verify())
    }
    /// See [`tracker::Tracker::log_after`].
    #[must_use]
    pub fn log_after(&self, position: Position) -> LogReader<S> {
        LogReader(self.0.log_after(position))
    }
    /// See [`tracker::Tracker::close`].
    pub fn close(&self) -> Result<()> {
        block_on(self.0.close())
    }

    /// Runs a closure as an operation: COMPLETED when it gives `Ok`, FAILED with the error's text when it gives
    /// `Err`, FAILED when it panics (the panic goes on).
    ///
    /// # Errors
    /// Gives [`ScopeError::Work`] with the closure's own error, or what could not be recorded.
    pub fn track<T, E: std::fmt::Display>(
        &self,
        new: NewOperation,
        work: impl FnOnce() -> std::result::Result<T, E>,
    ) -> std::result::Result<T, ScopeError<T, E>> {
        block_on(self.0.track(new, async { work() }))
    }
}

/// Each call is documented on [`tracker::Handle`], with its errors.
#[allow(clippy::missing_errors_doc)]
impl<S: Store> Handle<S> {
    /// See [`tracker::Handle::hash_key`].
    #[must_use]
    pub fn hash_key(&self) -> Hash {
        self.0.hash_key()
    }
    /// See [`tracker::Handle::operation`].
    #[must_use]
    pub fn operation(&self) -> &Operation {
        self.0.operation()
    }
    /// See [`tracker::Handle::complete`].
    pub fn complete(self) -> Result<Completion> {
        block_on(self.0.complete())
    }
    /// See [`tracker::Handle::fail`].
    pub fn fail(self, message: impl Into<String>) -> Result<Completion> {
        block_on(self.0.fail(message))
    }
    /// See [`tracker::Handle::finish`].
    pub fn finish(self, outcome: Outcome, additions: Additions) -> Result<Completion> {
        block_on(self.0.finish(outcome, additions))
    }
    /// See [`tracker::Handle::annotate`].
    pub fn annotate(&mut self, additions: Additions) -> Result<Completion> {
        block_on(self.0.annotate(additions))
    }
}

/// Each call is documented on [`tracker::LogReader`], with its errors.
#[allow(clippy::missing_errors_doc)]
impl<S: Store> LogReader<S> {
    /// See [`tracker::LogReader::position`].
    #[must_use]
    pub fn position(&self) -> Position {
        self.0.position()
    }
    /// See [`tracker::LogReader::next`].
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self, limit: usize) -> Result<LogBatch> {
        block_on(self.0.next(limit))
    }
    /// See [`tracker::LogReader::wait`].
    pub fn wait(&self, at_most: Duration) -> Result<bool> {
        block_on(self.0.wait(at_most))
    }
}
