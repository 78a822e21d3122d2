//! `track`: an operation around a future.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use opledger::model::Attributes;
use opledger::store::Scan;
use opledger::{NewOperation, Scope, ScopeError, Status, Store, Tracker};
use pollster::block_on;

use crate::recount::operations;
use crate::{Bench, Factory};

/// The one operation that is stored.
async fn only<S: Store>(tracker: &Tracker<S>) -> Attributes {
    let all = operations(tracker.store(), Scope::All, Scan::HISTORY, 10).await.unwrap();
    assert_eq!(all.len(), 1);
    all[0].open.attributes.clone()
}

pub(super) async fn ok_completes<F: Factory>(bench: &mut Bench<F>) {
    let (tracker, clock) = (bench.tracker(), bench.clock.clone());
    let work = async {
        assert_eq!(only(tracker).await.execution_status, Status::Running);
        clock.elapse(Duration::from_millis(1500));
        Ok::<_, String>(42)
    };
    let given = tracker.track(NewOperation::new("work").script_type("BACKUP"), work).await;
    assert_eq!(given.unwrap(), 42);
    let open = only(tracker).await;
    assert_eq!((open.execution_status, open.execution_duration_ms), (Status::Completed, Some(1500)));
}

pub(super) async fn an_error_fails<F: Factory>(bench: &mut Bench<F>) {
    let tracker = bench.tracker();
    let given = tracker.track(NewOperation::new("work"), async { Err::<(), _>("no\0 room".to_owned()) }).await;
    assert!(matches!(given, Err(ScopeError::Work(error)) if error == "no\0 room"));
    let open = only(tracker).await;
    assert_eq!((open.execution_status, open.error_message.as_deref()), (Status::Failed, Some("no  room")));
}

pub(super) async fn a_panic_fails<F: Factory>(bench: &mut Bench<F>) {
    let tracker = bench.tracker();
    let work = async {
        if only(tracker).await.execution_status == Status::Running {
            std::panic::resume_unwind(Box::new("it blew up"));
        }
        Ok::<_, String>(())
    };
    let caught = catch_unwind(AssertUnwindSafe(|| block_on(tracker.track(NewOperation::new("work"), work))));
    assert_eq!(caught.unwrap_err().downcast_ref::<&str>(), Some(&"it blew up"));
    let open = only(tracker).await;
    assert_eq!((open.execution_status, open.error_message.as_deref()), (Status::Failed, Some("panicked: it blew up")));
}

pub(super) async fn being_dropped_fails<F: Factory>(bench: &mut Bench<F>) {
    let tracker = bench.tracker();
    {
        let mut tracked = pin!(tracker.track(NewOperation::new("work"), std::future::pending::<Result<(), String>>()));
        let began = Instant::now();
        // Until its start is recorded.
        while operations(tracker.store(), Scope::All, Scan::HISTORY, 10).await.unwrap().is_empty() {
            assert!(tracked.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            assert!(began.elapsed() < Duration::from_secs(10), "the start is not recorded");
        }
        // Once more, so that the work itself has begun.
        std::thread::sleep(Duration::from_millis(50));
        assert!(tracked.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    let began = Instant::now();
    while only(tracker).await.execution_status == Status::Running {
        assert!(began.elapsed() < Duration::from_secs(10), "the dropped work is still RUNNING");
        std::thread::sleep(Duration::from_millis(5));
    }
    let open = only(tracker).await;
    assert_eq!(open.execution_status, Status::Failed);
    assert!(open.error_message.unwrap().starts_with("cancelled"));
}
