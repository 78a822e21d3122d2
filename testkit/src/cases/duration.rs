//! How long an operation took.

use std::time::Duration;

use opledger::{Hash, Tracker};

use crate::bench::begin;
use crate::{Bench, Factory};

async fn duration<S: opledger::Store>(tracker: &Tracker<S>, hk: Hash) -> i32 {
    tracker.operation(hk).await.unwrap().unwrap().open.attributes.execution_duration_ms.unwrap()
}

pub(super) async fn is_measured_monotonically<F: Factory>(bench: &mut Bench<F>) {
    for jump in [-86_400_000_000, 0, 86_400_000_000] {
        let handle = begin(bench.tracker(), "BACKUP").await;
        let hk = handle.hash_key();
        bench.clock.run(Duration::from_micros(1_234_999));
        bench.clock.jump(jump);
        handle.complete().await.unwrap();
        assert_eq!(duration(bench.tracker(), hk).await, 1234, "with a jump of {jump} µs");
    }
}

pub(super) async fn by_key_comes_from_timestamps<F: Factory>(bench: &mut Bench<F>) {
    let hk = begin(bench.tracker(), "BACKUP").await.hash_key();
    bench.clock.run(Duration::from_secs(50));
    bench.clock.jump(1_500_999);
    bench.tracker().complete_operation(hk, true, None).await.unwrap();
    assert_eq!(duration(bench.tracker(), hk).await, 1500);
}

pub(super) async fn is_never_negative<F: Factory>(bench: &mut Bench<F>) {
    let hk = begin(bench.tracker(), "BACKUP").await.hash_key();
    bench.clock.jump(-5_000_000);
    bench.tracker().complete_operation(hk, true, None).await.unwrap();
    assert_eq!(duration(bench.tracker(), hk).await, 0);
}

pub(super) async fn is_capped<F: Factory>(bench: &mut Bench<F>) {
    let handle = begin(bench.tracker(), "BACKUP").await;
    let (by_handle, by_key) = (handle.hash_key(), begin(bench.tracker(), "BACKUP").await.hash_key());
    bench.clock.elapse(Duration::from_millis(2_147_483_648));
    handle.complete().await.unwrap();
    bench.tracker().complete_operation(by_key, true, None).await.unwrap();
    assert_eq!(duration(bench.tracker(), by_handle).await, i32::MAX);
    assert_eq!(duration(bench.tracker(), by_key).await, i32::MAX);
}
