//! Random histories, compared with a plain model after every step.

mod compare;
mod ledger;
mod step;

use std::collections::BTreeMap;

use opledger::hash::Metadata;
use opledger::{Additions, Clock, Completion, Handle, Hash, NewOperation, Tracker, hash_key};
use pollster::block_on;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use crate::{Bench, Factory};
use ledger::Ledger;
use step::{Step, Who};

/// Runs `cases` random histories, each on a fresh store, and compares the store with a plain model after
/// every step: versions, states as of a moment, history, errors and all reports, as the system, two
/// tenants and all. Where the store is persistent, it is closed and opened in between.
///
/// # Panics
/// With the shortest history found whose outcome differs.
pub fn run_model<F: Factory>(make: impl Fn() -> F, cases: u32) {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 2000, ..Config::default() };
    let ran = TestRunner::new(config).run(&step::histories(), |steps| {
        block_on(run_history(make(), &steps));
        Ok::<_, TestCaseError>(())
    });
    if let Err(failed) = ran {
        panic!("{failed}");
    }
}

async fn run_history<F: Factory>(factory: F, steps: &[Step]) {
    let mut run = Run { bench: Bench::new(factory), ledger: Ledger::default(), handles: BTreeMap::new() };
    for step in steps {
        run.take(step).await;
        for who in Who::EVERY {
            let tracker = tracker(&run.bench, who);
            compare::reports(&tracker, &run.ledger).await;
        }
        compare::versions(run.bench.tracker(), &run.ledger).await;
    }
    run.handles.clear();
    run.bench.finish().await;
}

/// A history on its way: the store, the model, and the handles that are still out.
struct Run<F: Factory> {
    bench: Bench<F>,
    ledger: Ledger,
    handles: BTreeMap<Hash, Handle<F::Store>>,
}

fn tracker<F: Factory>(bench: &Bench<F>, who: Who) -> Tracker<F::Store> {
    match who {
        Who::System => bench.tracker().clone(),
        Who::Tenant(name) => bench.tracker().for_tenant(hash_key(name)),
        Who::All => bench.tracker().for_all(),
    }
}

impl<F: Factory> Run<F> {
    async fn take(&mut self, step: &Step) {
        match *step {
            Step::Start { who, kind, object } => self.start(who, kind, object).await,
            Step::Finish { who, pick, ok, by_handle } => self.finish(who, pick, ok, by_handle).await,
            Step::Annotate { who, pick, says, by_handle } => self.annotate(who, pick, says, by_handle).await,
            Step::Jump(micros) => self.bench.clock.jump(micros),
            Step::Elapse(time) => self.bench.clock.elapse(time),
            Step::Cleanup { who, days } => {
                let tracker = tracker(&self.bench, who);
                let expected = self.ledger.cleanup(tracker.scope(), self.bench.clock.now(), days);
                assert_eq!(tracker.preview_cleanup(days).await.unwrap().operations, expected);
                assert_eq!(tracker.cleanup_old_data(days).await.unwrap().operations, expected);
            }
            Step::AsOf { who, pick, micros } => {
                let Some(hk) = self.ledger.pick(pick) else { return };
                let tracker = tracker(&self.bench, who);
                for at in self.ledger.moments(hk, micros) {
                    let found = tracker.operation_at(hk, at).await.unwrap();
                    compare::as_of(&self.ledger, tracker.scope(), hk, at, found.as_ref());
                }
            }
            Step::Verify => {
                let found = self.bench.tracker().for_all().verify().await.unwrap();
                assert!(found.is_sound(), "{:?}", found.findings);
                self.ledger.verified(self.bench.clock.now());
            }
            Step::Reopen => {
                self.handles.clear();
                self.bench.reopen().await;
            }
        }
    }

    async fn start(&mut self, who: Who, kind: &str, object: Option<&str>) {
        let tracker = tracker(&self.bench, who);
        let mut new = NewOperation::new(format!("a {kind}")).script_type(kind);
        if let Some(object) = object {
            new = new.object(object);
        }
        let handle = tracker.start(new).await.unwrap();
        let hk = handle.hash_key();
        let (now, since) = (self.bench.clock.now(), self.bench.clock.monotonic());
        self.ledger.start(hk, tracker.scope().tenant(), kind, object, now, since);
        self.handles.insert(hk, handle);
    }

    async fn finish(&mut self, who: Who, pick: usize, ok: bool, by_handle: bool) {
        let Some(hk) = self.ledger.pick(pick) else { return };
        let (now, clock) = (self.bench.clock.now(), self.bench.clock.monotonic());
        let message = (!ok).then_some("it broke");
        let done = match self.handles.remove(&hk).filter(|_| by_handle) {
            Some(handle) => {
                let expected = self.ledger.finish(None, hk, message, now, Some(clock));
                let done = if ok { handle.complete().await } else { handle.fail("it broke").await };
                (done.unwrap(), expected)
            }
            None => {
                let tracker = tracker(&self.bench, who);
                let expected = self.ledger.finish(Some(tracker.scope()), hk, message, now, None);
                (tracker.complete_operation(hk, ok, message).await.unwrap(), expected)
            }
        };
        assert_eq!(done.0, done.1, "the end of {hk}");
    }

    async fn annotate(&mut self, who: Who, pick: usize, says: (&str, &str), by_handle: bool) {
        let Some(hk) = self.ledger.pick(pick) else { return };
        let now = self.bench.clock.now();
        let additions = match says {
            ("object", object) => Additions { objects: vec![object.to_owned()], ..Additions::default() },
            says => Additions { metadata: Some(Metadata::from_pairs([says]).unwrap()), ..Additions::default() },
        };
        let (done, expected): (Completion, Completion) = match self.handles.get_mut(&hk).filter(|_| by_handle) {
            Some(handle) => (handle.annotate(additions).await.unwrap(), self.ledger.annotate(None, hk, says, now)),
            None => {
                let tracker = tracker(&self.bench, who);
                let done = tracker.annotate_operation(hk, additions).await.unwrap();
                (done, self.ledger.annotate(Some(tracker.scope()), hk, says, now))
            }
        };
        assert_eq!(done, expected, "an annotation of {hk}");
    }
}
