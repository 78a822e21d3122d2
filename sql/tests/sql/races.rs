//! Sessions against each other: what one does, another must not undo.

use std::sync::Barrier;

use postgres::Client;

use crate::support::{installed, rows, value};
use crate::tracking::FAULTS;

#[test]
fn sixteen_clients_at_once() {
    let database = installed();
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let mut client = database.connect_as("writer").unwrap();
                let start = client.prepare("SELECT script_tracking.track_operation('same name', 'BACKUP')").unwrap();
                let end = client.prepare("SELECT script_tracking.complete_operation($1)").unwrap();
                // Each call on its own, then all in one transaction.
                for pair in 0..1250 {
                    if pair == 250 {
                        client.batch_execute("BEGIN").unwrap();
                    }
                    let hk: Vec<u8> = client.query_one(&start, &[]).unwrap().get(0);
                    assert!(client.query_one(&end, &[&hk]).unwrap().get::<_, bool>(0));
                }
                client.batch_execute("COMMIT").unwrap();
            });
        }
    });
    let mut writer = database.connect_as("writer").unwrap();
    let shape = "SELECT count(DISTINCT script_execution_hk), count(*), count(*) FILTER (WHERE load_end_date IS NULL)
        FROM script_tracking.script_execution_s";
    assert_eq!(rows(&mut writer, shape), [["20000", "40000", "20000"]]);
    assert!(rows(&mut writer, FAULTS).is_empty());
}

/// What a call gave, or its SQLSTATE.
type Answer = Result<bool, String>;

/// Two clients that run their statement on the same operation at the same time, many times; their answers.
fn race(rounds: usize, first: &str, second: &str, isolation: &str) -> (Client, Vec<(Answer, Answer)>) {
    let database = installed();
    let mut starter = database.connect_as("writer").unwrap();
    let barrier = Barrier::new(2);
    let keys: Vec<Vec<u8>> = (0..rounds)
        .map(|_| starter.query_one("SELECT script_tracking.track_operation('raced')", &[]).unwrap().get(0))
        .collect();
    let run = |call: &str| -> Vec<Answer> {
        let mut client = database.connect_as("writer").unwrap();
        client.batch_execute(&format!("SET default_transaction_isolation = '{isolation}'")).unwrap();
        let call = client.prepare(&format!("SELECT script_tracking.{call}")).unwrap();
        keys.iter()
            .map(|hk| {
                barrier.wait();
                let answer = client.query_one(&call, &[hk]);
                answer.map(|row| row.get(0)).map_err(|error| error.code().unwrap().code().to_owned())
            })
            .collect()
    };
    let answers = std::thread::scope(|scope| {
        let other = scope.spawn(|| run(second));
        let ours = run(first);
        ours.into_iter().zip(other.join().unwrap()).collect()
    });
    (starter, answers)
}

#[test]
fn of_two_completions_one_wins() {
    let (mut client, answers) =
        race(2000, "complete_operation($1)", "complete_operation($1, false, 'no')", "read committed");
    for (first, second) in answers {
        assert_ne!(first.unwrap(), second.unwrap());
    }
    let finished = "SELECT count(*), count(DISTINCT script_execution_hk) FROM script_tracking.script_execution_s
        WHERE execution_status <> 'RUNNING'";
    assert_eq!(rows(&mut client, finished), [["2000", "2000"]]);
    assert!(rows(&mut client, FAULTS).is_empty());
}

#[test]
fn a_completion_is_recorded_whatever_annotates() {
    let (mut client, answers) =
        race(10_000, "complete_operation($1)", "annotate_operation($1, '{\"a\": 1}')", "read committed");
    for (completed, annotated) in &answers {
        assert_eq!(completed, &Ok(true));
        annotated.as_ref().unwrap();
    }
    let query = "SELECT count(*) FROM script_tracking.current_executions WHERE execution_status = 'COMPLETED'";
    assert_eq!(value(&mut client, query), "10000");
    // Both orders must have come up, or nothing was raced.
    let annotated = answers.iter().filter(|(_, annotated)| *annotated == Ok(true)).count();
    assert!(annotated > 0 && annotated < answers.len(), "{annotated} annotations of {} came first", answers.len());
    assert!(rows(&mut client, FAULTS).is_empty());
}

#[test]
fn above_read_committed_the_loser_is_told_to_retry() {
    let (mut client, answers) = race(500, "complete_operation($1)", "complete_operation($1)", "repeatable read");
    for (first, second) in answers {
        let won = [&first, &second].iter().filter(|answer| ***answer == Ok(true)).count();
        assert_eq!(won, 1, "{first:?} {second:?}");
        for answer in [first, second] {
            assert!(answer.is_ok() || answer == Err("40001".to_owned()), "{answer:?}");
        }
    }
    assert!(rows(&mut client, FAULTS).is_empty());
}

#[test]
fn one_key_starts_one_operation() {
    let database = installed();
    let start = "SELECT script_tracking.start_operation('keyed', p_idempotency_key => $1)";
    let barrier = Barrier::new(4);
    let run = || -> Vec<Vec<u8>> {
        let mut client = database.connect_as("acme").unwrap();
        (0..100)
            .map(|round| {
                barrier.wait();
                client.query_one(start, &[&format!("key {round}")]).unwrap().get(0)
            })
            .collect()
    };
    let answers: Vec<Vec<Vec<u8>>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(run)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    let mut client = database.connect_as("acme").unwrap();
    assert_eq!(value(&mut client, "SELECT count(*) FROM script_tracking.script_execution_h"), "100");
}
