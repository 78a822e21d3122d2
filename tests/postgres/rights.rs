//! Who may do what, and what the server does not believe.

use opledger::store::{Change, Outcome, Scope, Store, Unit};
use opledger::{ErrorKind, Hash, History, NewOperation, blocking, hash_key};
use opledger_postgres::PostgresStore;
use opledger_testkit_postgres::Database;
use pollster::block_on;

use crate::support::{config, installed};

fn open(database: &Database<'_>, user: &str) -> blocking::Tracker<PostgresStore> {
    let store = PostgresStore::open(&config(database, user)).expect("the store opens");
    opledger::Tracker::builder().user("claimed").build(store).into()
}

#[test]
fn logins_work_for_their_tenants_only() {
    let database = installed();
    let (acme, globex) = (hash_key("acme"), hash_key("globex"));
    let bound = open(&database, "acme");
    drop(bound.for_tenant(acme).track_operation("acme's", "MANUAL").unwrap());
    for scope in [bound.for_tenant(globex), bound.clone()] {
        let error = scope.track_operation("not acme's", "MANUAL").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Permission);
        assert!(error.to_string().contains("It is bound to tenant"), "{error}");
        let error = scope.execution_history(&History::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Permission, "{error}");
    }
    let trusted = open(&database, "trusted");
    for tenant in [acme, globex] {
        drop(trusted.for_tenant(tenant).track_operation("chosen", "MANUAL").unwrap());
    }
    drop(trusted.track_operation("the system's", "MANUAL").unwrap());
    let count =
        |tracker: &blocking::Tracker<PostgresStore>| tracker.execution_history(&History::default()).unwrap().rows.len();
    assert_eq!((count(&trusted.for_tenant(acme)), count(&trusted.for_tenant(globex)), count(&trusted)), (2, 1, 1));
    assert_eq!(count(&bound.for_all()), 2, "all that acme may see");
    assert_eq!(count(&open(&database, "admin").for_all()), 4);
    // One commit may be of several tenants, where the login may choose.
    let writer = open(&database, "writer");
    assert_eq!(writer.for_tenant(acme).track_operation("x", "MANUAL").unwrap_err().kind(), ErrorKind::Permission);
    drop(writer.track_operation("the system's", "MANUAL").unwrap());
    let reader = open(&database, "reader");
    assert_eq!(count(&reader), 2);
    assert_eq!(reader.track_operation("x", "MANUAL").unwrap_err().kind(), ErrorKind::Permission);
    let stranger = PostgresStore::open(&config(&database, "nobody")).unwrap_err();
    assert_eq!(stranger.kind(), ErrorKind::Permission);
}

#[test]
fn who_wrote_is_recorded_beside_who_is_said_to_have_run_it() {
    let database = installed();
    open(&database, "writer").track_operation("a", "MANUAL").unwrap().complete().unwrap();
    let mut client = database.connect().unwrap();
    let sql = "SELECT DISTINCT db_session_user::text, recorded_by::text FROM script_tracking.script_execution_s";
    let row = client.query_one(sql, &[]).unwrap();
    assert_eq!((row.get::<_, String>(0), row.get::<_, String>(1)), ("claimed".to_owned(), "writer".to_owned()));
}

fn start(tracker: &blocking::Tracker<PostgresStore>, name: &str) -> Unit {
    use opledger::intent::{Intent, Verdict};
    let intent = tracker.inner().start_intent(NewOperation::new(name)).unwrap();
    match Intent::Start(intent).judge(None).unwrap() {
        Verdict::Change(unit) => *unit,
        other => panic!("{other:?}"),
    }
}

/// Alone, and among others: those are carried out, whatever one of them says.
#[test]
fn hashes_that_lie_are_refused() {
    let database = installed();
    let tracker = open(&database, "writer");
    let store = tracker.inner().store();
    let mut lies = Vec::new();
    for n in 0..4 {
        let mut unit = start(&tracker, "a liar");
        let Change::Start { hub, first } = &mut unit.change else { panic!("no start") };
        match n {
            0 => first.hash_diff = Hash::of("something else"),
            1 => hub.script_execution_hk = Hash::of("something else"),
            2 => first.attributes.script_name = "x".repeat(256),
            _ => {
                // What broke: among others, a text of any length was taken.
                first.attributes.sql_command = Some("x".repeat(1024 * 1024 + 1));
                first.hash_diff = first.attributes.hash_diff();
            }
        }
        lies.push(unit);
    }
    let expected = [ErrorKind::InvalidValue, ErrorKind::InvalidValue, ErrorKind::TooLong, ErrorKind::TooLong];
    for (lie, kind) in lies.into_iter().zip(expected) {
        let alone = block_on(store.commit(vec![lie.clone()])).unwrap_err();
        assert_eq!(alone.kind(), kind, "{alone}");
        let honest: Vec<_> = (0..5).map(|_| start(&tracker, "honest")).collect();
        let together = honest.iter().map(|unit| store.commit(vec![unit.clone()])).collect::<Vec<_>>();
        let with_a_lie = store.commit(vec![honest[0].clone(), lie.clone()]);
        for done in together {
            assert!(matches!(block_on(done).unwrap()[..], [Outcome::Done(_)]));
        }
        assert_eq!(block_on(with_a_lie).unwrap_err().kind(), kind);
        let all_new = vec![start(&tracker, "beside a liar"), lie];
        assert_eq!(block_on(store.commit(all_new)).unwrap_err().kind(), kind);
    }
    let page = block_on(store.scan(Scope::System, &opledger::store::Scan::HISTORY, 100)).unwrap();
    assert_eq!(page.records.len(), 20);
}
