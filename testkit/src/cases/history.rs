//! History: newest first, filtered, page by page.

use std::time::Duration;

use opledger::report::DAY;
use opledger::store::Scan;
use opledger::{Clock, Hash, History, Operation, Scope, Status, Store, Timestamp, Tracker};

use crate::bench::{begin, run, run_at};
use crate::recount::{operations, records};
use crate::{Bench, Factory};

fn keys(operations: &[Operation]) -> Vec<(Timestamp, Hash)> {
    let key =
        |operation: &Operation| (operation.open.attributes.execution_timestamp, operation.hub.script_execution_hk);
    operations.iter().map(key).collect()
}

/// Thirty operations at ten moments, a microsecond apart, of three types and all statuses.
async fn fill<F: Factory>(bench: &Bench<F>) -> Vec<Operation> {
    for n in 0..30 {
        let kind = ["A", "B", "C"][n % 3];
        let tracker = if n % 5 == 0 { bench.tenant("other") } else { bench.tracker().clone() };
        match n % 4 {
            0 => drop(begin(&tracker, kind).await),
            n => drop(run(&tracker, &bench.clock, kind, n > 1, 1).await),
        }
        if n % 3 == 2 {
            bench.clock.jump(1);
        }
    }
    operations(bench.tracker().store(), Scope::All, Scan::HISTORY, 1000).await.unwrap()
}

pub(super) async fn ties_are_ordered_by_key<F: Factory>(bench: &mut Bench<F>) {
    let all = keys(&fill(bench).await);
    assert_eq!(all.len(), 30);
    assert!(all.is_sorted_by(|a, b| a > b), "not newest first, then by hash key: {all:?}");
}

async fn select<S: Store>(store: &S, scope: Scope, status: Option<Status>, kind: Option<&str>) -> Vec<Operation> {
    let script_type = kind.map(str::to_owned);
    let scan = Scan::History { since: None, until: None, status, script_type, before: None };
    operations(store, scope, scan, 4).await.unwrap()
}

pub(super) async fn filters<F: Factory>(bench: &mut Bench<F>) {
    let all = fill(bench).await;
    let tracker = bench.tracker();
    for scope in [Scope::All, Scope::System, bench.tenant("other").scope()] {
        for status in [None, Some(Status::Running), Some(Status::Completed), Some(Status::Failed)] {
            for kind in [None, Some("A"), Some("B"), Some("unseen"), Some("")] {
                let found = select(tracker.store(), scope, status, kind).await;
                let expected = all.iter().filter(|operation| {
                    let open = &operation.open.attributes;
                    scope.sees(operation.hub.tenant)
                        && status.is_none_or(|status| open.execution_status == status)
                        && kind.is_none_or(|kind| open.script_type == kind)
                });
                assert_eq!(found, expected.cloned().collect::<Vec<_>>(), "{scope:?} {status:?} {kind:?}");
            }
        }
    }
}

pub(super) async fn bounds<F: Factory>(bench: &mut Bench<F>) {
    let all = fill(bench).await;
    let store = bench.tracker().store();
    let (first, last) = (keys(&all)[29].0, keys(&all)[0].0);
    let mut moments: Vec<_> = (-1..=11).map(|n| Timestamp::from_micros(first.as_micros() + n)).collect();
    assert!(moments.contains(&last));
    moments.extend([Timestamp::MIN, Timestamp::MAX]);
    for since in moments.iter().copied().map(Some).chain([None]) {
        for until in moments.iter().copied().map(Some).chain([None]) {
            let scan = Scan::History { since, until, status: None, script_type: None, before: None };
            let found = operations(store, Scope::All, scan, 7).await.unwrap();
            let within = keys(&all)
                .into_iter()
                .filter(|(at, _)| since.is_none_or(|since| *at > since) && until.is_none_or(|until| *at <= until));
            assert_eq!(keys(&found), within.collect::<Vec<_>>(), "since {since:?}, until {until:?}");
        }
    }
}

pub(super) async fn small_pages_equal_a_big_one<F: Factory>(bench: &mut Bench<F>) {
    fill(bench).await;
    let store = bench.tracker().store();
    let failed = Scan::History {
        since: None,
        until: None,
        status: Some(Status::Failed),
        script_type: Some("A".to_owned()),
        before: None,
    };
    let scans =
        [Scan::HISTORY, failed, Scan::Operations { after: None }, Scan::Log { after: opledger::Position::START }];
    for scope in [Scope::All, Scope::System, bench.tenant("other").scope()] {
        for scan in &scans {
            let all = records(store, scope, scan.clone(), 1000).await.unwrap();
            for limit in [1, 2, 3, 10] {
                let found = records(store, scope, scan.clone(), limit).await.unwrap();
                assert_eq!(found, all, "{scan:?} {limit} at a time, {scope:?}");
            }
        }
    }
}

async fn rows<S: Store>(tracker: &Tracker<S>, history: History) -> Vec<Hash> {
    let listing = tracker.execution_history(&history).await.unwrap();
    assert_eq!(listing.damaged, []);
    listing.rows.into_iter().map(|row| row.script_execution_hk).collect()
}

pub(super) async fn limits<F: Factory>(bench: &mut Bench<F>) {
    let tracker = bench.tracker();
    let now = bench.clock.now();
    let week = now.before(7 * DAY);
    let edge = run_at(tracker, &bench.clock, week, "A", (true, 1)).await;
    let inside = run_at(tracker, &bench.clock, week.next(), "A", (false, 1)).await;
    let recent = run(tracker, &bench.clock, "B", true, 1).await;
    let future = run_at(tracker, &bench.clock, now.after(DAY), "A", (true, 1)).await;
    assert_eq!(rows(tracker, History::default()).await, [future, recent, inside]);
    assert_eq!(rows(tracker, History { days: 8, ..History::default() }).await, [future, recent, inside, edge]);
    assert_eq!(rows(tracker, History { limit: Some(2), ..History::default() }).await, [future, recent]);
    assert_eq!(rows(tracker, History { limit: Some(0), ..History::default() }).await, []);
    let kind = Some("A".to_owned());
    assert_eq!(rows(tracker, History { script_type: kind, ..History::default() }).await, [future, inside]);
    assert_eq!(rows(tracker, History { status: Some(Status::Failed), ..History::default() }).await, [inside]);
    for days in [0, -1, i64::MIN, i64::MAX] {
        let error = tracker.execution_history(&History { days, ..History::default() }).await.unwrap_err();
        assert_eq!(error.kind().sqlstate(), "22023", "{days} days");
    }
}

pub(super) async fn errors<F: Factory>(bench: &mut Bench<F>) {
    let tracker = bench.tracker();
    let hour = Duration::from_secs(3600);
    let edge = bench.clock.now();
    let old = run(tracker, &bench.clock, "A", false, 1).await;
    bench.clock.jump(1);
    let failed = run(tracker, &bench.clock, "A", false, 1).await;
    run(tracker, &bench.clock, "A", true, 1).await;
    drop(begin(tracker, "A").await);
    bench.clock.set(edge.after(hour));
    let errors = tracker.recent_errors(1).await.unwrap().rows;
    assert_eq!(errors.iter().map(|row| row.script_execution_hk).collect::<Vec<_>>(), [failed]);
    assert_eq!(errors[0].error_message.as_deref(), Some("it broke"));
    assert_eq!(errors[0].db_session_user.as_deref(), Some("tester"));
    let errors = tracker.recent_errors(2).await.unwrap().rows;
    assert_eq!(errors.iter().map(|row| row.script_execution_hk).collect::<Vec<_>>(), [failed, old]);
    for hours in [0, -1, i64::MAX] {
        assert_eq!(tracker.recent_errors(hours).await.unwrap_err().kind().sqlstate(), "22023", "{hours} hours");
    }
}
