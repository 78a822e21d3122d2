//! The figures behind the reports, computed from scans: for stores that do not answer by themselves.

use std::time::Duration;

use crate::error::Result;
use crate::model::{Operation, Status};
use crate::store::{Activity, Damage, Record, Scan, Scope, Store};
use crate::time::Timestamp;

/// Records read at a time.
const PAGE: usize = 1000;

/// Counts what [`Plan::Activity`](crate::store::Plan::Activity) asks for, by reading every operation.
/// Damaged records can't be counted; they are given beside.
pub(crate) async fn compute<S: Store>(
    store: &S,
    scope: Scope,
    at: Timestamp,
    window: Duration,
) -> Result<(Activity, Vec<Damage>)> {
    let (last, before) = (at.before(window), at.before(window.saturating_mul(2)));
    let mut activity = Activity::default();
    let mut damaged = Vec::new();
    let mut scan = Some(Scan::HISTORY);
    while let Some(wanted) = scan {
        let page = store.scan(scope, &wanted, PAGE).await?;
        for record in page.records {
            if let Record::Operation(operation) = record {
                count(&mut activity, &operation, last, before);
            }
        }
        damaged.extend(page.damaged);
        scan = page.next;
    }
    Ok((activity, damaged))
}

fn count(activity: &mut Activity, operation: &Operation, last: Timestamp, before: Timestamp) {
    let open = &operation.open.attributes;
    let started = open.execution_timestamp;
    activity.total += 1;
    if open.execution_status == Status::Running {
        activity.running += 1;
        activity.stale += u64::from(started < last);
    }
    let window = if started > last {
        &mut activity.last
    } else if started > before {
        &mut activity.before
    } else {
        return;
    };
    window.entry(open.script_type.clone()).or_default().add(open);
}
