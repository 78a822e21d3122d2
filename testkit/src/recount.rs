//! Counting what happened, record by record, to hold a store's own counters against it.

use std::time::Duration;

use opledger::store::{Activity, Record, Scan};
use opledger::{Operation, Result, Scope, Status, Store, Timestamp};

/// Counts a scope's activity by reading every operation, as [`Plan::Activity`](opledger::store::Plan) asks for it.
///
/// # Errors
/// Gives the store's error.
pub async fn recount<S: Store>(store: &S, scope: Scope, at: Timestamp, window: Duration) -> Result<Activity> {
    let mut activity = Activity::default();
    for operation in operations(store, scope, Scan::HISTORY, 1000).await? {
        count(&mut activity, &operation, at, window);
    }
    Ok(activity)
}

fn count(activity: &mut Activity, operation: &Operation, at: Timestamp, window: Duration) {
    let open = &operation.open.attributes;
    let age = i128::from(at.as_micros()) - i128::from(open.execution_timestamp.as_micros());
    let window = i128::try_from(window.as_micros()).unwrap();
    let running = open.execution_status == Status::Running;
    activity.total += 1;
    activity.running += u64::from(running);
    activity.stale += u64::from(running && age > window);
    let tallies = match age {
        age if age < window => &mut activity.last,
        age if age < 2 * window => &mut activity.before,
        _ => return,
    };
    tallies.entry(open.script_type.clone()).or_default().add(open);
}

/// All records of a scan, read `limit` at a time; nothing in it may be damaged.
pub(crate) async fn records<S: Store>(store: &S, scope: Scope, scan: Scan, limit: usize) -> Result<Vec<Record>> {
    let mut all = Vec::new();
    let mut next = Some(scan);
    while let Some(scan) = next {
        let page = store.scan(scope, &scan, limit).await?;
        assert!(page.damaged.is_empty(), "damaged: {:?}", page.damaged);
        assert!(page.records.len() <= limit, "a page of {limit} has {} records", page.records.len());
        assert_ne!(page.next.as_ref(), Some(&scan), "a page resumes where it began");
        all.extend(page.records);
        next = page.next;
    }
    Ok(all)
}

/// All operations of a scan, read `limit` at a time.
pub(crate) async fn operations<S: Store>(store: &S, scope: Scope, scan: Scan, limit: usize) -> Result<Vec<Operation>> {
    let records = records(store, scope, scan, limit).await?;
    Ok(records
        .into_iter()
        .map(|record| match record {
            Record::Operation(operation) => *operation,
            other => panic!("an operation was expected, not {other:?}"),
        })
        .collect())
}
