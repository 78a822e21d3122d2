//! A tenant sees its own rows and no others.

use std::time::Duration;

use opledger::store::{Key, Scan};
use opledger::{Clock, Completion, History, Position, Store};

use super::chain::says;
use crate::bench::{begin, run};
use crate::recount::records;
use crate::{Bench, Factory};

pub(super) async fn do_not_see_each_other<F: Factory>(bench: &mut Bench<F>) {
    let trackers = [bench.tracker().clone(), bench.tenant("a"), bench.tenant("b")];
    let mut keys = Vec::new();
    for tracker in &trackers {
        keys.push([run(tracker, &bench.clock, "A", true, 1).await, run(tracker, &bench.clock, "A", false, 1).await]);
    }
    for (n, tracker) in trackers.iter().enumerate() {
        let (store, scope) = (tracker.store(), tracker.scope());
        for (m, own) in keys.iter().enumerate() {
            let found = store.get(scope, &own.map(Key::Operation)).await.unwrap();
            assert_eq!(found.iter().flatten().count(), if n == m { 2 } else { 0 });
            let versions = tracker.versions(own[0]).await.unwrap().rows;
            assert_eq!(versions.len(), if n == m { 2 } else { 0 });
            let then = tracker.operation_at(own[0], bench.clock.now()).await.unwrap();
            assert_eq!(then.is_some(), n == m);
        }
        let scans =
            [(Scan::HISTORY, 2), (Scan::Operations { after: None }, 2), (Scan::Log { after: Position::START }, 4)];
        for (scan, expected) in scans {
            assert_eq!(records(store, scope, scan.clone(), 1).await.unwrap().len(), expected, "{scan:?}");
        }
        let history = tracker.execution_history(&History::default()).await.unwrap().rows;
        let mut seen: Vec<_> = history.iter().map(|row| row.script_execution_hk).collect();
        seen.sort();
        let mut own = keys[n].to_vec();
        own.sort();
        assert_eq!(seen, own);
        let errors = tracker.recent_errors(1).await.unwrap().rows;
        assert_eq!(errors.iter().map(|row| row.script_execution_hk).collect::<Vec<_>>(), [keys[n][1]]);
    }
}

pub(super) async fn do_not_change_each_other<F: Factory>(bench: &mut Bench<F>) {
    let trackers = [bench.tracker().clone(), bench.tenant("a"), bench.tenant("b")];
    for owner in &trackers {
        let hk = begin(owner, "A").await.hash_key();
        for other in trackers.iter().filter(|other| other.scope() != owner.scope()) {
            assert_eq!(other.complete_operation(hk, true, None).await.unwrap(), Completion::Unknown);
            assert_eq!(other.annotate_operation(hk, says("mine", "now")).await.unwrap(), Completion::Unknown);
        }
        assert_eq!(owner.versions(hk).await.unwrap().rows.len(), 1);
        assert_eq!(owner.complete_operation(hk, true, None).await.unwrap(), Completion::Recorded);
    }
}

pub(super) async fn have_reports_of_their_own<F: Factory>(bench: &mut Bench<F>) {
    let (a, b) = (bench.tenant("a"), bench.tenant("b"));
    for ms in [10, 20, 30] {
        run(&a, &bench.clock, "BACKUP", true, ms).await;
    }
    run(&b, &bench.clock, "REPORTING", false, 5000).await;
    let figures = |rows: Vec<opledger::report::DashboardRow>| {
        let text = |value: Option<opledger::report::Decimal>| value.map_or("-".to_owned(), |value| value.to_string());
        rows.into_iter().map(|row| text(row.metric_value)).collect::<Vec<_>>()
    };
    let of_a = ["3.00", "100.00", "20.00", "0.00", "100.00", "30.00", "0.00", "0.00", "0.00", "3.00"];
    let of_b = ["1.00", "0.00", "5000.00", "1.00", "30.00", "4992.00", "0.00", "0.00", "0.00", "1.00"];
    let of_none = ["0.00", "-", "-", "0.00", "100.00", "-", "0.00", "0.00", "0.00", "0.00"];
    assert_eq!(figures(a.enterprise_dashboard().await.unwrap()), of_a);
    assert_eq!(figures(b.enterprise_dashboard().await.unwrap()), of_b);
    assert_eq!(figures(bench.tracker().enterprise_dashboard().await.unwrap()), of_none);
    let categories = |rows: Vec<opledger::report::MetricRow>| {
        let mut names: Vec<_> = rows.into_iter().map(|row| row.metric_category).collect();
        names.dedup();
        names
    };
    assert_eq!(categories(a.performance_metrics().await.unwrap()), ["OVERALL", "BACKUP"]);
    assert_eq!(categories(bench.tracker().performance_metrics().await.unwrap()), ["OVERALL"]);
    let all = bench.tracker().for_all().performance_metrics().await.unwrap();
    assert_eq!(categories(all), ["OVERALL", "BACKUP", "REPORTING"]);
}

pub(super) async fn purge_their_own<F: Factory>(bench: &mut Bench<F>) {
    let trackers = [bench.tracker().clone(), bench.tenant("a"), bench.tenant("b")];
    for tracker in &trackers {
        run(tracker, &bench.clock, "A", true, 1).await;
    }
    bench.clock.elapse(Duration::from_secs(2 * 86_400));
    assert_eq!(trackers[1].preview_cleanup(1).await.unwrap().operations, 1);
    assert_eq!(trackers[1].cleanup_old_data(1).await.unwrap().operations, 1);
    for (tracker, left) in trackers.iter().zip([1, 0, 1]) {
        let found = records(tracker.store(), tracker.scope(), Scan::HISTORY, 10).await.unwrap();
        assert_eq!(found.len(), left, "{:?}", tracker.scope());
    }
    assert_eq!(bench.tracker().for_all().cleanup_old_data(1).await.unwrap().operations, 2);
}

pub(super) async fn all_sees_all<F: Factory>(bench: &mut Bench<F>) {
    let all = bench.tracker().for_all();
    let hk = begin(&bench.tenant("a"), "A").await.hash_key();
    run(bench.tracker(), &bench.clock, "A", true, 1).await;
    assert_eq!(all.execution_history(&History::default()).await.unwrap().rows.len(), 2);
    assert_eq!(all.complete_operation(hk, true, None).await.unwrap(), Completion::Recorded);
    let open = bench.tenant("a").operation(hk).await.unwrap().unwrap().open;
    assert_eq!(open.tenant, bench.tenant("a").scope().tenant());
    let own = begin(&all, "A").await.hash_key();
    assert!(bench.tracker().operation(own).await.unwrap().is_some(), "what it starts is the system's");
}
