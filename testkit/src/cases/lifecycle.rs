//! Opening, closing, sharing.

use std::time::Duration;

use opledger::store::{Key, Plan, Scan};
use opledger::{Clock, ErrorKind, Hash, NewOperation, Position, Result, Scope, Store, Timestamp, hash_key};
use pollster::block_on;

use super::chain::says;
use crate::bench::{begin, run};
use crate::{Bench, Factory, check_invariants};

fn closed<T: std::fmt::Debug>(given: Result<T>) {
    let error = given.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
    assert_eq!(error.kind().sqlstate(), "08003");
}

pub(super) async fn a_closed_store_says_so<F: Factory>(bench: &mut Bench<F>) {
    let tracker = bench.tracker();
    let handle = begin(tracker, "A").await;
    let info = tracker.info();
    assert!(!info.engine.is_empty() && info.loss.is_none(), "{info:?}");
    tracker.close().await.unwrap();
    assert_eq!(tracker.info().engine, info.engine);
    let store = tracker.store();
    closed(store.commit(Vec::new()).await);
    closed(store.get(Scope::All, &[Key::Operation(hash_key("a"))]).await);
    closed(store.scan(Scope::All, &Scan::HISTORY, 10).await);
    closed(store.answer(Scope::All, &Plan::Size).await);
    closed(store.purge(Scope::All, Timestamp::MAX, 10).await);
    closed(store.wait(Position::START, Duration::ZERO).await);
    closed(handle.complete().await);
    closed(tracker.start(NewOperation::new("late")).await);
    closed(tracker.enterprise_dashboard().await);
}

pub(super) async fn reopening_keeps_everything<F: Factory>(bench: &mut Bench<F>) {
    let (tracker, clock) = (bench.tracker(), &bench.clock);
    for n in 0..20 {
        clock.elapse(Duration::from_secs(3600));
        run(tracker, clock, "A", n % 3 == 0, n).await;
    }
    let mut handle = begin(&bench.tenant("a"), "B").await;
    handle.annotate(says("phase", "a")).await.unwrap();
    let running: Hash = handle.hash_key();
    drop(handle);
    let (facts, at) = (check_invariants(tracker).await, clock.now());
    let before = (tracker.enterprise_dashboard().await.unwrap(), tracker.performance_metrics().await.unwrap());
    let last = tracker.store().wait(Position::START, Duration::ZERO).await.unwrap();
    for _ in 0..3 {
        bench.reopen().await;
        let tracker = bench.tracker();
        assert_eq!(check_invariants(tracker).await, facts);
        let after = (tracker.enterprise_dashboard().await.unwrap(), tracker.performance_metrics().await.unwrap());
        assert_eq!(after, before, "at {at}");
        assert_eq!(tracker.store().wait(Position::START, Duration::ZERO).await.unwrap(), last);
    }
    assert!(bench.tenant("a").complete_operation(running, true, None).await.unwrap().is_recorded());
    let open = bench.tenant("a").operation(running).await.unwrap().unwrap().open;
    assert!(open.position > last);
}

pub(super) async fn works_across_threads<F: Factory>(bench: &mut Bench<F>) {
    std::thread::scope(|threads| {
        for n in 0..4 {
            let (tracker, clock) = (bench.tenant(["a", "b"][n % 2]), bench.clock.clone());
            threads.spawn(move || {
                for ms in 0..15 {
                    block_on(run(&tracker, &clock, ["A", "B"][n / 2], ms % 3 > 0, ms));
                    block_on(tracker.enterprise_dashboard()).unwrap();
                }
            });
        }
    });
    let facts = check_invariants(bench.tracker()).await;
    assert_eq!((facts.operations, facts.versions), (60, 120));
}
