//! RUNNING, then COMPLETED or FAILED, once.

use std::sync::Barrier;

use opledger::{Additions, Completion, Outcome, Status, hash_key};
use pollster::block_on;

use super::chain::says;
use crate::bench::{begin, run};
use crate::{Bench, Factory};

pub(super) async fn completes_once<F: Factory>(bench: &mut Bench<F>) {
    let tracker = bench.tracker();
    let handle = begin(tracker, "BACKUP").await;
    let late = begin(tracker, "BACKUP").await;
    let (hk, late_hk) = (handle.hash_key(), late.hash_key());
    assert_eq!(handle.complete().await.unwrap(), Completion::Recorded);
    let before = tracker.versions(hk).await.unwrap();
    for success in [true, false] {
        let again = tracker.complete_operation(hk, success, None).await.unwrap();
        assert_eq!(again, Completion::AlreadyFinished(Status::Completed));
    }
    assert_eq!(tracker.versions(hk).await.unwrap(), before);
    assert_eq!(tracker.complete_operation(late_hk, false, Some("by key")).await.unwrap(), Completion::Recorded);
    assert_eq!(late.complete().await.unwrap(), Completion::AlreadyFinished(Status::Failed));
    let unknown = tracker.complete_operation(hash_key("unknown"), true, None).await.unwrap();
    assert_eq!(unknown, Completion::Unknown);
    assert_eq!(tracker.operation(hash_key("unknown")).await.unwrap(), None);
}

pub(super) async fn fails_with_a_message<F: Factory>(bench: &mut Bench<F>) {
    let tracker = bench.tracker();
    let hk = run(tracker, &bench.clock, "BACKUP", false, 5).await;
    let open = tracker.operation(hk).await.unwrap().unwrap().open.attributes;
    assert_eq!((open.execution_status, open.error_message.as_deref()), (Status::Failed, Some("it broke")));
    let silent = begin(tracker, "BACKUP").await.hash_key();
    tracker.complete_operation(silent, false, None).await.unwrap();
    let open = tracker.operation(silent).await.unwrap().unwrap().open.attributes;
    assert_eq!((open.execution_status, open.error_message), (Status::Failed, None));
}

pub(super) async fn of_two_completions_one_wins<F: Factory>(bench: &mut Bench<F>) {
    let tracker = bench.tracker();
    for _ in 0..10 {
        let hk = begin(tracker, "BACKUP").await.hash_key();
        let barrier = Barrier::new(4);
        let outcomes: Vec<_> = std::thread::scope(|threads| {
            let racers: Vec<_> = (0..4)
                .map(|n| {
                    let (tracker, barrier) = (tracker.clone(), &barrier);
                    threads.spawn(move || {
                        barrier.wait();
                        block_on(tracker.complete_operation(hk, n % 2 == 0, Some("lost or won"))).unwrap()
                    })
                })
                .collect();
            racers.into_iter().map(|racer| racer.join().unwrap()).collect()
        });
        let status = tracker.operation(hk).await.unwrap().unwrap().open.attributes.execution_status;
        let won: Vec<_> = (0..4).filter(|n| outcomes[*n] == Completion::Recorded).collect();
        assert_eq!(won.len(), 1, "{outcomes:?}");
        assert_eq!(status, if won[0] % 2 == 0 { Status::Completed } else { Status::Failed });
        assert_eq!(outcomes.iter().filter(|o| **o == Completion::AlreadyFinished(status)).count(), 3, "{outcomes:?}");
        assert_eq!(tracker.versions(hk).await.unwrap().rows.len(), 2);
    }
}

pub(super) async fn a_completion_outlasts_annotations<F: Factory>(bench: &mut Bench<F>) {
    let tracker = bench.tracker();
    for round in 0..5 {
        let handle = begin(tracker, "BACKUP").await;
        let hk = handle.hash_key();
        let barrier = Barrier::new(3);
        let annotated: Vec<usize> = std::thread::scope(|threads| {
            let writers: Vec<_> = (0..2)
                .map(|writer| {
                    let (tracker, barrier) = (tracker.clone(), &barrier);
                    threads.spawn(move || {
                        barrier.wait();
                        let recorded = (0..20).filter(|n| {
                            let addition = says(&format!("{writer}-{n}"), "said");
                            block_on(tracker.annotate_operation(hk, addition)).unwrap().is_recorded()
                        });
                        recorded.count()
                    })
                })
                .collect();
            barrier.wait();
            let done = block_on(handle.finish(Outcome::Success, says("ended", "yes"))).unwrap();
            assert_eq!(done, Completion::Recorded, "round {round}");
            writers.into_iter().map(|writer| writer.join().unwrap()).collect()
        });
        let versions = tracker.versions(hk).await.unwrap().rows;
        let open = &versions.last().unwrap().attributes;
        assert_eq!(versions.len(), 2 + annotated.iter().sum::<usize>());
        assert_eq!(open.execution_status, Status::Completed);
        let metadata = open.metadata.as_ref().unwrap();
        assert_eq!(metadata.get("ended").as_deref(), Some("\"yes\""));
        for (writer, count) in annotated.into_iter().enumerate() {
            for n in 0..count {
                assert!(metadata.get(&format!("{writer}-{n}")).is_some(), "annotation {writer}-{n} is lost");
            }
        }
    }
}

pub(super) async fn annotations_are_merged<F: Factory>(bench: &mut Bench<F>) {
    let tracker = bench.tracker();
    let mut handle = begin(tracker, "BACKUP").await;
    let hk = handle.hash_key();
    let objects = |names: &[&str]| Additions {
        objects: names.iter().map(|name| (*name).to_owned()).collect(),
        ..Additions::default()
    };
    handle.annotate(says("a", "1")).await.unwrap();
    handle.annotate(objects(&["x", "y", "x"])).await.unwrap();
    tracker.annotate_operation(hk, says("b", "2")).await.unwrap();
    tracker.annotate_operation(hk, objects(&["y", "z"])).await.unwrap();
    let command = Additions { sql_command: Some("VACUUM".to_owned()), ..says("a", "3") };
    handle.finish(Outcome::Success, command).await.unwrap();
    let open = tracker.operation(hk).await.unwrap().unwrap().open.attributes;
    assert_eq!(open.metadata.unwrap().as_str(), r#"{"a": "3", "b": "2"}"#);
    assert_eq!(open.affected_objects.unwrap().into_iter().flatten().collect::<Vec<_>>(), ["x", "y", "z"]);
    assert_eq!(open.sql_command.as_deref(), Some("VACUUM"));
}

pub(super) async fn a_finished_operation_takes_no_annotation<F: Factory>(bench: &mut Bench<F>) {
    let tracker = bench.tracker();
    let mut handle = begin(tracker, "BACKUP").await;
    let hk = handle.hash_key();
    tracker.complete_operation(hk, true, None).await.unwrap();
    let refused = Completion::AlreadyFinished(Status::Completed);
    assert_eq!(tracker.annotate_operation(hk, says("late", "yes")).await.unwrap(), refused);
    assert_eq!(handle.annotate(says("late", "yes")).await.unwrap(), refused);
    assert_eq!(tracker.annotate_operation(hash_key("unknown"), says("a", "b")).await.unwrap(), Completion::Unknown);
    assert_eq!(tracker.versions(hk).await.unwrap().rows.len(), 2);
}
