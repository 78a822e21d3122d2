//! The store beside the model.

use opledger::report::{HealthFacts, HealthRow, dashboard, health, metrics};
use opledger::{Hash, History, Scope, Status, Store, Timestamp, Tracker, Version};

use super::ledger::Ledger;

const HOUR: i64 = 3_600_000_000;

/// History, errors, dashboard, metrics and health of the tracker's scope.
pub(super) async fn reports<S: Store>(tracker: &Tracker<S>, ledger: &Ledger) {
    let (scope, now) = (tracker.scope(), tracker.now());
    let rows = tracker.execution_history(&History { days: 3, ..History::default() }).await.unwrap();
    assert_eq!(rows.damaged, []);
    let expected = ledger.history(scope, now, 72 * HOUR);
    assert_eq!(rows.rows.len(), expected.len(), "the history of {scope:?}");
    for (row, known) in rows.rows.into_iter().zip(expected) {
        let open = known.open().clone();
        assert_eq!(row.script_execution_hk, known.hk);
        assert_eq!((row.script_name, row.script_type), (open.script_name, open.script_type));
        assert_eq!((row.execution_status, row.execution_timestamp), (open.execution_status, open.execution_timestamp));
        assert_eq!(row.execution_duration_ms, open.execution_duration_ms);
        assert_eq!((row.db_session_user, row.affected_objects), (open.db_session_user, open.affected_objects));
    }

    let rows = tracker.recent_errors(30).await.unwrap().rows;
    let mut expected = ledger.history(scope, now, 30 * HOUR);
    expected.retain(|known| known.open().execution_status == Status::Failed);
    assert_eq!(rows.len(), expected.len(), "the errors of {scope:?}");
    for (row, known) in rows.into_iter().zip(expected) {
        let open = known.open().clone();
        assert_eq!(row.script_execution_hk, known.hk);
        assert_eq!((row.error_message, row.metadata), (open.error_message, open.metadata));
        assert_eq!((row.execution_timestamp, row.affected_objects), (open.execution_timestamp, open.affected_objects));
    }

    let activity = ledger.activity(scope, now);
    assert_eq!(tracker.activity(now).await.unwrap(), activity, "the activity of {scope:?} at {now}");
    assert_eq!(tracker.enterprise_dashboard().await.unwrap(), dashboard(&activity, now));
    assert_eq!(tracker.performance_metrics().await.unwrap(), metrics(&activity));
    // What verify finds in the store is not shown to one tenant.
    let check = ledger.check.clone().filter(|_| !matches!(scope, Scope::Tenant(_)));
    let facts = HealthFacts { activity, check, size: None, conditions: Vec::new(), sync: None, at: now };
    let found = tracker.system_health().await.unwrap();
    assert_eq!(without_size(found), without_size(health(&facts)));
}

/// The size of a store and what it adds are its own affair.
fn without_size(mut rows: Vec<HealthRow>) -> Vec<HealthRow> {
    rows.retain(|row| row.health_metric != "size" && !["CAPTURE", "LOG"].contains(&row.health_category));
    rows
}

/// All versions of all operations.
pub(super) async fn versions<S: Store>(tracker: &Tracker<S>, ledger: &Ledger) {
    let tracker = tracker.for_all();
    for known in &ledger.operations {
        let found = tracker.versions(known.hk).await.unwrap().rows;
        assert_eq!(found.len(), known.versions.len(), "versions of {}", known.hk);
        for (n, (found, expected)) in found.iter().zip(&known.versions).enumerate() {
            assert_eq!((found.load_date, &found.attributes), (expected.0, &expected.1));
            assert_eq!(found.load_end_date, known.versions.get(n + 1).map(|next| next.0));
            assert_eq!(found.tenant, known.tenant);
            assert_eq!(found.record_source, "testkit");
        }
    }
}

/// What was known of an operation at a moment.
pub(super) fn as_of(ledger: &Ledger, scope: Scope, hk: Hash, at: Timestamp, found: Option<&Version>) {
    let versions = ledger.find(scope, hk).map_or(&[][..], |known| &known.versions);
    let expected = versions.iter().rev().find(|(since, _)| *since <= at);
    assert_eq!(
        found.map(|version| (version.load_date, &version.attributes)),
        expected.map(|(since, attributes)| (*since, attributes)),
        "{hk} as of {at}, seen as {scope:?}"
    );
}
