//! Reading operations: one, its versions, its state at a moment, history, errors.

use std::net::IpAddr;
use std::time::Duration;

use super::{Listing, Tracker, broken_contract};
use crate::error::Result;
use crate::hash::{Hash, Metadata};
use crate::model::{Operation, Status, Version, check_days};
use crate::store::{Answer, Plan, Record, Scan, Store};
use crate::time::Timestamp;

/// Records read at a time.
const PAGE: usize = 500;

/// Which operations a history shows: by default those of the last 7 days, all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// How many days back, from 1.
    pub days: i64,
    /// Only those that stand so.
    pub status: Option<Status>,
    /// Only those of this type.
    pub script_type: Option<String>,
    /// At most so many, the newest.
    pub limit: Option<usize>,
}

impl Default for History {
    fn default() -> Self {
        Self { days: 7, status: None, script_type: None, limit: None }
    }
}

/// One operation in a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryRow {
    /// Its hash key.
    pub script_execution_hk: Hash,
    /// What ran.
    pub script_name: String,
    /// What kind of work it is.
    pub script_type: String,
    /// How it stands.
    pub execution_status: Status,
    /// When it started.
    pub execution_timestamp: Timestamp,
    /// How long it took, in milliseconds.
    pub execution_duration_ms: Option<i32>,
    /// Who ran it.
    pub db_session_user: Option<String>,
    /// On what.
    pub affected_objects: Option<Vec<Option<String>>>,
}

/// One failed operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorRow {
    /// Its hash key.
    pub script_execution_hk: Hash,
    /// What ran.
    pub script_name: String,
    /// Why it failed.
    pub error_message: Option<String>,
    /// When it started.
    pub execution_timestamp: Timestamp,
    /// Who ran it.
    pub db_session_user: Option<String>,
    /// From which address.
    pub client_ip: Option<IpAddr>,
    /// On what.
    pub affected_objects: Option<Vec<Option<String>>>,
    /// What else is known.
    pub metadata: Option<Metadata>,
}

impl<S: Store> Tracker<S> {
    /// All versions of the operation `hk`, oldest first; none where it is unknown.
    ///
    /// # Errors
    /// Gives the store's error.
    pub async fn versions(&self, hk: Hash) -> Result<Listing<Version>> {
        let scan = Scan::Versions { operation: hk, after: None };
        let mut versions = Listing::default();
        self.collect(scan, None, &mut versions, |record| match record {
            Record::Version(version) => Some(*version),
            _ => None,
        })
        .await?;
        Ok(versions)
    }

    /// The version of the operation `hk` that was known at `at`; none where nothing was.
    ///
    /// # Errors
    /// Gives the store's error.
    pub async fn operation_at(&self, hk: Hash, at: Timestamp) -> Result<Option<Version>> {
        match self.store.answer(self.scope, &Plan::AsOf { operation: hk, at }).await? {
            Some(Answer::AsOf(version)) => Ok(version.map(|version| *version)),
            Some(_) => Err(broken_contract(self.info().engine, "an answer to another question")),
            None => {
                let versions = self.versions(hk).await?;
                Ok(versions.into_iter().rfind(|version| version.load_date <= at))
            }
        }
    }

    /// Operations of the last days, newest first.
    ///
    /// # Errors
    /// Gives 22023 when `days` is below 1, else the store's error.
    pub async fn execution_history(&self, history: &History) -> Result<Listing<HistoryRow>> {
        let days = check_days("p_days", history.days)?;
        let since = self.now().days_before(days);
        let listing = self.operations_since(since, history.status, history.script_type.clone(), history.limit).await?;
        Ok(listing.map(|operation| {
            let open = operation.open.attributes;
            HistoryRow {
                script_execution_hk: operation.hub.script_execution_hk,
                script_name: open.script_name,
                script_type: open.script_type,
                execution_status: open.execution_status,
                execution_timestamp: open.execution_timestamp,
                execution_duration_ms: open.execution_duration_ms,
                db_session_user: open.db_session_user,
                affected_objects: open.affected_objects,
            }
        }))
    }

    /// Operations that failed in the last hours, newest first.
    ///
    /// # Errors
    /// Gives 22023 when `hours` is below 1, else the store's error.
    pub async fn recent_errors(&self, hours: i64) -> Result<Listing<ErrorRow>> {
        let hours = check_days("p_hours", hours)?;
        let since = self.now().before(Duration::from_secs(u64::from(hours) * 3600));
        let listing = self.operations_since(since, Some(Status::Failed), None, None).await?;
        Ok(listing.map(|operation| {
            let open = operation.open.attributes;
            ErrorRow {
                script_execution_hk: operation.hub.script_execution_hk,
                script_name: open.script_name,
                error_message: open.error_message,
                execution_timestamp: open.execution_timestamp,
                db_session_user: open.db_session_user,
                client_ip: open.client_ip,
                affected_objects: open.affected_objects,
                metadata: open.metadata,
            }
        }))
    }

    async fn operations_since(
        &self,
        since: Timestamp,
        status: Option<Status>,
        script_type: Option<String>,
        limit: Option<usize>,
    ) -> Result<Listing<Operation>> {
        let scan = Scan::History { since: Some(since), until: None, status, script_type, before: None };
        let mut operations = Listing::default();
        self.collect(scan, limit, &mut operations, |record| match record {
            Record::Operation(operation) => Some(*operation),
            _ => None,
        })
        .await?;
        Ok(operations)
    }

    /// Reads a scan to its end, or up to `limit` rows.
    async fn collect<T>(
        &self,
        scan: Scan,
        limit: Option<usize>,
        into: &mut Listing<T>,
        mut pick: impl FnMut(Record) -> Option<T>,
    ) -> Result<()> {
        let mut next = Some(scan);
        while let Some(scan) = next {
            let wanted = limit.map_or(PAGE, |limit| PAGE.min(limit.saturating_sub(into.rows.len())));
            if wanted == 0 {
                break;
            }
            let page = self.store.scan(self.scope, &scan, wanted).await?;
            into.rows.extend(page.records.into_iter().filter_map(&mut pick));
            into.damaged.extend(page.damaged);
            next = page.next;
        }
        Ok(())
    }
}
