//! `install`, `upgrade` and `uninstall` by the binary alone.

use opledger_testkit_postgres::{Database, Server};

use crate::common::text;
use crate::support::{call, count, empty, installed, opledger, rows, schema, schema_as, url};

/// What there is beside the server's own.
const OBJECTS: &str = "
    SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname !~ '^pg_'
    UNION ALL SELECT 'routine ' || oid::regprocedure FROM pg_proc WHERE oid >= 16384
    UNION ALL SELECT 'relation ' || oid::regclass FROM pg_class WHERE oid >= 16384
    UNION ALL SELECT 'event trigger ' || evtname FROM pg_event_trigger
    UNION ALL SELECT 'extension ' || extname FROM pg_extension
    UNION ALL SELECT 'role ' || rolname FROM pg_roles
    ORDER BY 1";

fn lines(database: &Database<'_>, sql: &str) -> Vec<String> {
    database.connect().unwrap().query(sql, &[]).unwrap().iter().map(|row| row.get(0)).collect()
}

/// The schema as pg_dump writes it, and the rows that an install writes.
fn dump(database: &Database<'_>) -> Vec<String> {
    let output = database.server().program("pg_dump").args(["--schema-only", database.name()]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    // A key of its own for each dump, in some releases of pg_dump.
    let mut dump: Vec<_> = text.lines().filter(|line| !line.contains("restrict ")).map(str::to_owned).collect();
    dump.extend(lines(
        database,
        "SELECT file || encode(checksum, 'hex') FROM script_tracking.installed_file
        UNION ALL SELECT version::text FROM script_tracking.schema_version
        UNION ALL SELECT concat_ws(' ', name, value, allowed, meaning) FROM script_tracking.setting ORDER BY 1",
    ));
    dump
}

#[test]
fn installing_again_changes_nothing_and_is_recorded_by_nothing() {
    let database = installed();
    let before = dump(&database);
    for command in ["install", "upgrade"] {
        let again = schema(&database, command, &[]);
        assert_eq!((again.code, again.err.as_str()), (0, ""));
        let row = &rows(&again)[0];
        assert_eq!(text(row, "result"), "UNCHANGED");
        assert_eq!((&row["changed_files"], &row["warnings"]), (&0.into(), &0.into()));
    }
    assert_eq!(dump(&database), before);
    assert_eq!(count(&database, "script_tracking.script_execution_h"), 0);
}

#[test]
fn upgrade_wants_something_to_upgrade() {
    let database = empty();
    let answer = schema(&database, "upgrade", &[]);
    assert_eq!((answer.code, answer.out.as_str()), (3, ""));
    assert!(answer.err.contains("run `opledger install --database URL`"), "{}", answer.err);
    assert_eq!(lines(&database, "SELECT nspname::text FROM pg_namespace WHERE nspname = 'script_tracking'").len(), 0);
}

/// The whole install script of every released version, by its file's name, and of this one.
fn versions() -> Vec<(String, String)> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/postgres/schemas");
    // Git keeps no empty folder: before the first release there is none.
    let released = folder.read_dir().into_iter().flatten().map(|file| {
        let path = file.unwrap().path();
        (path.display().to_string(), std::fs::read_to_string(&path).unwrap())
    });
    released.chain([("this version".to_owned(), opledger_sql::install_script())]).collect()
}

#[test]
fn an_upgrade_from_every_version_equals_a_fresh_install() {
    let fresh = dump(&installed());
    for (version, script) in versions() {
        let database = empty();
        let mut client = database.connect().unwrap();
        client.batch_execute(&script).unwrap();
        // What makes this version another one.
        let older =
            "UPDATE script_tracking.installed_file SET checksum = '\\x00' WHERE file = 'functions/track_operation.sql';
            ALTER FUNCTION script_tracking.track_operation(varchar, varchar) RESET search_path;
            DROP FUNCTION script_tracking.get_recent_errors(integer)";
        client.batch_execute(older).unwrap();
        let answer = schema(&database, "upgrade", &[]);
        assert_eq!((answer.code, answer.err.as_str()), (0, ""), "{version}");
        assert_eq!(text(&rows(&answer)[0], "result"), "UPGRADED");
        let upgraded = dump(&database);
        let unlike = |a: &[String], b: &[String]| -> Vec<String> {
            a.iter().filter(|line| !b.contains(line)).cloned().collect()
        };
        let differences = (unlike(&upgraded, &fresh), unlike(&fresh, &upgraded));
        assert_eq!(differences, (vec![], vec![]), "{version}: only upgraded; only fresh");
        assert_eq!(upgraded.len(), fresh.len());
    }
}

#[test]
fn a_later_schema_is_left_alone() {
    let database = installed();
    database.connect().unwrap().batch_execute("INSERT INTO script_tracking.schema_version VALUES (9999)").unwrap();
    for command in ["install", "upgrade"] {
        let answer = schema(&database, command, &[]);
        assert_eq!(answer.code, 3);
        assert!(answer.err.contains("has version 9999 of the schema"), "{}", answer.err);
    }
}

#[test]
fn who_may_not_install_is_told_and_nothing_stays() {
    let database = empty();
    let before = lines(&database, OBJECTS);
    installed();
    let answer = schema_as(&database, "nobody", "install", &[]);
    assert_eq!(answer.code, 3);
    assert!(answer.err.contains("permission denied for database"), "{}", answer.err);
    let after = lines(&database, OBJECTS);
    assert!(after.iter().all(|line| before.contains(line) || line.starts_with("role ")), "{after:?}");
}

/// A server of its own: roles are the cluster's.
#[test]
fn a_half_permitted_user_gets_the_rest_and_is_told_what_is_missing() {
    let server = Server::start().unwrap();
    let database = server.create_database().unwrap();
    let mut client = database.connect().unwrap();
    client.batch_execute(&format!("CREATE ROLE half LOGIN; ALTER DATABASE {} OWNER TO half", database.name())).unwrap();
    let answer = schema_as(&database, "half", "install", &[]);
    assert_eq!(answer.code, 0, "{}", answer.err);
    for words in [
        "roles missing: script_tracking_owner",
        "Let a user with CREATEROLE",
        "the event trigger et_sql_drop is missing",
    ] {
        assert!(answer.err.contains(words), "{words}: {}", answer.err);
    }
    let row = &rows(&answer)[0];
    assert_eq!(text(row, "result"), "INSTALLED");
    let said = answer.err.lines().filter(|line| line.starts_with("opledger: warning:")).count();
    assert_eq!(row["warnings"], said);
    let doctor = schema_as(&database, "half", "doctor", &[]);
    let of = |check: &str| rows(&doctor).into_iter().find(|row| row["check"] == check).unwrap();
    assert_eq!(text(&of("owner"), "status"), "WARNING");
    assert_eq!(text(&of("event_triggers"), "status"), "WARNING");
    assert_eq!(text(&of("canary"), "status"), "OK", "{}", doctor.out);
    assert_eq!(doctor.code, 0, "{}", doctor.out);
}

#[test]
fn uninstalling_leaves_nothing() {
    let server = Server::start().unwrap();
    let database = server.create_database().unwrap();
    let before = lines(&database, OBJECTS);
    assert_eq!(schema(&database, "install", &[]).code, 0);
    assert_eq!(call(opledger().args(["start", "x", "--store", &url(&database, "postgres")])).code, 0);
    let unasked = schema(&database, "uninstall", &[]);
    assert_eq!((unasked.code, unasked.out.as_str()), (2, ""));
    assert!(unasked.err.contains("--yes"), "{}", unasked.err);
    assert_eq!(count(&database, "script_tracking.script_execution_h"), 1);
    let done = schema(&database, "uninstall", &["--yes"]);
    assert_eq!(done.code, 0, "{}", done.err);
    assert_eq!(text(&rows(&done)[0], "result"), "UNINSTALLED");
    assert_eq!(lines(&database, OBJECTS), before);
    let again = schema(&database, "uninstall", &["--yes"]);
    assert_eq!(again.code, 3);
    assert!(again.err.contains("Opledger is not installed in this database"), "{}", again.err);
}
