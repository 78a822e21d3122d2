//! `opledger bench` on a server: on copies of a database, which are gone at the end.

use crate::common::{Answer, text};
use crate::support::{call, count, empty, installed, on, opledger, rows, url};

fn bench(store: &str, args: &[&str]) -> Answer {
    let dir = tempfile::tempdir().unwrap();
    let few = ["--operations", "30", "--repeat", "2", "--writers", "3", "--format", "json", "--no-baselines"];
    call(opledger().env("TMPDIR", dir.path()).args(["bench", "--store", store]).args(few).args(args))
}

/// The databases of benches, whichever.
fn copies() -> i64 {
    let mut client = empty().connect().unwrap();
    let all = "SELECT count(*) FROM pg_database WHERE datname LIKE 'opledger_bench_%'";
    client.query_one(all, &[]).unwrap().get(0)
}

#[test]
fn a_server_is_measured_beside_an_engine_and_recounted_and_nothing_stays() {
    let database = installed();
    let done = bench(&url(&database, "postgres"), &["--store", "memory:"]);
    assert_eq!(done.code, 0, "{}", done.err);
    let rows = rows(&done);
    let of = |subject: &str| {
        let of = rows.iter().filter(|row| text(row, "subject") == subject);
        of.map(|row| text(row, "workload").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(
        of("postgres"),
        [
            "buffered",
            "buffered-writers",
            "durable",
            "durable-writers",
            "mixed",
            "history",
            "dashboard",
            "reopen",
            "cleanup",
            "sync"
        ]
    );
    assert_eq!(of("memory"), ["buffered", "buffered-writers", "mixed", "history", "dashboard", "cleanup", "sync"]);
    for row in &rows {
        assert_eq!((text(row, "recount"), &row["repetitions"]), ("ok", &2.into()), "{row}");
        assert!(row["median"].as_f64().unwrap() > 0.0 && row["bytes_per_operation"].is_null(), "{row}");
    }
    assert_eq!(count(&database, "script_tracking.script_execution_h"), 0);
    assert_eq!(copies(), 0);
}

#[test]
fn a_database_that_can_t_be_copied_is_told_before_anything_runs() {
    let database = installed();
    let store = url(&database, "postgres");
    let bare = empty();
    let refused = bench(&url(&bare, "postgres"), &[]);
    assert_eq!((refused.code, refused.out.as_str()), (3, ""));
    assert!(refused.err.contains("has no schema"), "{}", refused.err);

    let refused = bench(&url(&database, "writer"), &["--workload", "buffered"]);
    assert_eq!(refused.code, 3, "{}", refused.err);
    assert!(refused.err.contains("buffered on postgres: "), "{}", refused.err);
    assert!(refused.err.contains("permission denied"), "{}", refused.err);

    assert_eq!(on(&store, ["start", "mine"]).code, 0);
    let refused = bench(&store, &[]);
    assert_eq!((refused.code, refused.out.as_str()), (2, ""));
    assert!(refused.err.contains("holds operations: a bench copies an empty one"), "{}", refused.err);
    assert_eq!(count(&database, "script_tracking.script_execution_h"), 1);
}
