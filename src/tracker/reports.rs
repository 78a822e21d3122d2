//! Reports of the last 24 hours.

use super::{Tracker, broken_contract};
use crate::error::Result;
use crate::model::Check;
use crate::report::{self, DAY, DashboardRow, HealthFacts, HealthRow, MetricRow};
use crate::store::{Activity, Answer, Condition, Plan, Record, Scan, Store};
use crate::time::Timestamp;

impl<S: Store> Tracker<S> {
    /// Ten figures, in a fixed order.
    ///
    /// # Errors
    /// Gives the store's error.
    pub async fn enterprise_dashboard(&self) -> Result<Vec<DashboardRow>> {
        let at = self.now();
        Ok(report::dashboard(&self.counted(at, false).await?, at))
    }

    /// Five figures of all operations, then of each type seen, with trend and rating.
    ///
    /// # Errors
    /// Gives the store's error.
    pub async fn performance_metrics(&self) -> Result<Vec<MetricRow>> {
        Ok(report::metrics(&self.activity(self.now()).await?))
    }

    /// One row a metric, with a word and a sentence.
    ///
    /// # Errors
    /// Gives the store's error.
    pub async fn system_health(&self) -> Result<Vec<HealthRow>> {
        let at = self.now();
        let facts = HealthFacts {
            activity: self.counted(at, false).await?,
            check: self.last_check().await?,
            size: self.size().await?,
            conditions: self.conditions().await?,
            sync: self.sync_facts().await?,
            at,
        };
        Ok(report::health(&facts))
    }

    /// The counts behind the reports, as of `at`.
    ///
    /// # Errors
    /// Gives the store's error.
    pub async fn activity(&self, at: Timestamp) -> Result<Activity> {
        self.counted(at, true).await
    }

    async fn counted(&self, at: Timestamp, compared: bool) -> Result<Activity> {
        match self.store.answer(self.scope, &Plan::Activity { at, window: DAY, compared }).await? {
            Some(Answer::Activity(activity)) => Ok(*activity),
            Some(_) => Err(broken_contract(self.info().engine, "an answer to another question")),
            None => {
                let (activity, damaged) = report::compute(&*self.store, self.scope, at, DAY).await?;
                for damage in damaged {
                    tracing::error!(record = damage.record, reason = damage.reason, "a damaged record was not counted");
                }
                Ok(activity)
            }
        }
    }

    async fn last_check(&self) -> Result<Option<Check>> {
        let page = self.store.scan(self.scope, &Scan::Checks { before: None }, 1).await?;
        Ok(page.records.into_iter().find_map(|record| match record {
            Record::Check(check) => Some(check),
            _ => None,
        }))
    }

    async fn conditions(&self) -> Result<Vec<Condition>> {
        match self.store.answer(self.scope, &Plan::Health).await? {
            Some(Answer::Health(conditions)) => Ok(conditions),
            Some(_) => Err(broken_contract(self.info().engine, "an answer to another question")),
            None => Ok(Vec::new()),
        }
    }

    async fn size(&self) -> Result<Option<u64>> {
        match self.store.answer(self.scope, &Plan::Size).await? {
            Some(Answer::Size(bytes)) => Ok(Some(bytes)),
            Some(_) => Err(broken_contract(self.info().engine, "an answer to another question")),
            None => Ok(None),
        }
    }
}
