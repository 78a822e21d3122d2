//! What a tracker does when its store fails.

use opledger::store::Scan;
use opledger::{
    Additions, Completion, ErrorKind, History, NewOperation, Outcome, Scope, ScopeError, Status, Store, Tracker,
};
use opledger_memory::MemoryStore;
use opledger_testkit::{Fault, Faults, Faulty, check_invariants};
use pollster::block_on;

fn faulty() -> (Tracker<Faulty<MemoryStore>>, Faults) {
    let (store, faults) = Faulty::new(MemoryStore::new());
    (Tracker::new(store), faults)
}

#[test]
fn a_start_that_is_not_recorded_is_an_error() {
    block_on(async {
        let (tracker, faults) = faulty();
        faults.fail_commits([Fault::Before(ErrorKind::DiskFull)]);
        let error = tracker.track_operation("work", "MANUAL").await.unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::DiskFull, true));
        assert_eq!(error.to_string(), "track_operation: a fault was injected");
        assert_eq!(faults.failed(), 1);
        assert_eq!(check_invariants(&tracker).await.operations, 0);
        assert!(tracker.track_operation("work", "MANUAL").await.unwrap().complete().await.unwrap().is_recorded());
    });
}

/// Two operations of one name in one microsecond drew the same six hex digits, and were one: the second was told that it
/// had ended already.
#[test]
fn a_business_key_that_is_taken_is_drawn_again() {
    block_on(async {
        let (tracker, faults) = faulty();
        faults.fail_commits([Fault::Forestalled]);
        let handle = tracker.track_operation("work", "MANUAL").await.unwrap();
        let hk = handle.hash_key();
        let both = tracker.execution_history(&History::default()).await.unwrap().rows;
        assert_eq!(both.len(), 2);
        let anothers = both.iter().map(|row| row.script_execution_hk).find(|key| *key != hk).unwrap();
        assert!(tracker.complete_operation(anothers, true, None).await.unwrap().is_recorded());
        assert!(handle.complete().await.unwrap().is_recorded());
        assert_eq!(check_invariants(&tracker).await.versions, 4);
    });
}

#[test]
fn an_end_lost_before_the_store_can_be_said_again() {
    block_on(async {
        let (tracker, faults) = faulty();
        let handle = tracker.track_operation("work", "MANUAL").await.unwrap();
        let hk = handle.hash_key();
        faults.fail_commits([Fault::Before(ErrorKind::Connection)]);
        let error = handle.complete().await.unwrap_err();
        assert_eq!((error.kind(), error.operation_id()), (ErrorKind::Connection, Some(hk)));
        assert_eq!(tracker.complete_operation(hk, true, None).await.unwrap(), Completion::Recorded);
        check_invariants(&tracker).await;
    });
}

#[test]
fn an_end_lost_after_the_store_stands() {
    block_on(async {
        let (tracker, faults) = faulty();
        let handle = tracker.track_operation("work", "MANUAL").await.unwrap();
        let hk = handle.hash_key();
        faults.fail_commits([Fault::After(ErrorKind::Connection)]);
        handle.fail("it broke").await.unwrap_err();
        let again = tracker.complete_operation(hk, true, None).await.unwrap();
        assert_eq!(again, Completion::AlreadyFinished(Status::Failed));
        assert_eq!(check_invariants(&tracker).await.versions, 2);
    });
}

#[test]
fn failing_reads_are_errors_and_change_nothing() {
    block_on(async {
        let (tracker, faults) = faulty();
        let hk = tracker.track_operation("work", "MANUAL").await.unwrap().hash_key();
        faults.fail_reads(1, ErrorKind::Io);
        let error = tracker.annotate_operation(hk, Additions::default()).await.unwrap_err();
        assert_eq!((error.kind(), error.operation_id()), (ErrorKind::Io, Some(hk)));
        faults.fail_reads(1, ErrorKind::Io);
        tracker.enterprise_dashboard().await.unwrap_err();
        faults.fail_reads(1, ErrorKind::Io);
        tracker.execution_history(&History::default()).await.unwrap_err();
        assert_eq!(faults.failed(), 3);
        assert_eq!(check_invariants(&tracker).await.versions, 1);
    });
}

#[test]
fn a_handle_overtaken_while_reads_fail_says_so() {
    block_on(async {
        let (tracker, faults) = faulty();
        let handle = tracker.track_operation("work", "MANUAL").await.unwrap();
        let hk = handle.hash_key();
        let more = Additions { objects: vec!["x".to_owned()], ..Additions::default() };
        tracker.annotate_operation(hk, more).await.unwrap();
        faults.fail_reads(1, ErrorKind::Io);
        assert_eq!(handle.finish(Outcome::Success, Additions::default()).await.unwrap_err().kind(), ErrorKind::Io);
        let open = tracker.operation(hk).await.unwrap().unwrap().open.attributes;
        assert_eq!(open.execution_status, Status::Running);
    });
}

#[test]
fn tracked_work_that_can_not_be_recorded_gives_its_outcome() {
    block_on(async {
        let (tracker, faults) = faulty();
        faults.fail_commits([Fault::Before(ErrorKind::DiskFull)]);
        let unbegun = tracker.track(NewOperation::new("work"), async { Ok::<_, String>(1) }).await;
        assert!(matches!(unbegun, Err(ScopeError::NotStarted(_))));
        let work = async {
            faults.fail_commits([Fault::Before(ErrorKind::DiskFull)]);
            Ok::<_, String>(42)
        };
        match tracker.track(NewOperation::new("work"), work).await {
            Err(ScopeError::Unrecorded { outcome: Ok(42), error }) => assert_eq!(error.kind(), ErrorKind::DiskFull),
            other => panic!("{other:?}"),
        }
        let page = tracker.store().scan(Scope::All, &Scan::HISTORY, 10).await.unwrap();
        assert_eq!(page.records.len(), 1);
    });
}
