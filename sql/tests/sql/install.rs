//! install.sql: once, again, by others; uninstall.sql.

use crate::support::{installed, psql, rows, server};

/// Objects by oid, and every row of the tables that an install writes.
const STATE: &str = "
    SELECT 'function', oid::text, oid::regprocedure::text, proacl::text FROM pg_proc
        WHERE pronamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('script_tracking', 'auth', 'util'))
    UNION ALL SELECT 'relation', oid::text, relname, relacl::text FROM pg_class
        WHERE relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('script_tracking', 'auth', 'util'))
    UNION ALL SELECT 'policy', oid::text, polname, pg_get_expr(polqual, polrelid) FROM pg_policy
    UNION ALL SELECT 'trigger', oid::text, tgname, NULL FROM pg_trigger
    UNION ALL SELECT 'event trigger', oid::text, evtname, evtenabled::text FROM pg_event_trigger
    UNION ALL SELECT 'extension', oid::text, extname, NULL FROM pg_extension
    UNION ALL SELECT 'schema', oid::text, nspname, nspacl::text FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp'
    UNION ALL SELECT 'file', installed_at::text, file, encode(checksum, 'hex') FROM script_tracking.installed_file
    UNION ALL SELECT 'version', applied_at::text, version::text, applied_by FROM script_tracking.schema_version
    UNION ALL SELECT 'setting', name, value, meaning FROM script_tracking.setting
    UNION ALL SELECT 'change', change_id::text, NULL, NULL FROM script_tracking.setting_change
    ORDER BY 1, 2, 3";

/// Compares line by line: a failure shows what differs, not everything.
fn same(found: &[Vec<String>], expected: &[Vec<String>]) {
    let unlike = |a: &[Vec<String>], b: &[Vec<String>]| -> Vec<Vec<String>> {
        a.iter().filter(|row| !b.contains(row)).cloned().collect()
    };
    let (new, gone) = (unlike(found, expected), unlike(expected, found));
    assert!(new.is_empty() && gone.is_empty(), "new: {new:?}\ngone: {gone:?}");
}

#[test]
fn installing_again_changes_nothing() {
    let database = installed();
    let mut client = database.connect().unwrap();
    let before = rows(&mut client, STATE);
    assert_eq!(psql(&database, "postgres", "install.sql").unwrap(), "");
    same(&rows(&mut client, STATE), &before);
    client.batch_execute(&opledger_sql::install_script()).unwrap();
    same(&rows(&mut client, STATE), &before);
}

#[test]
fn the_crate_installs_what_psql_does() {
    let shape = "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_class c
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
            WHERE c.relnamespace = 'script_tracking'::regnamespace
        UNION ALL SELECT oid::regprocedure::text, prosrc, proacl::text FROM pg_proc
            WHERE pronamespace = 'script_tracking'::regnamespace
        UNION ALL SELECT file, encode(checksum, 'hex'), NULL FROM script_tracking.installed_file ORDER BY 1, 2, 3";
    let by_psql = rows(&mut installed().connect().unwrap(), shape);
    let database = server().create_database().unwrap();
    let mut client = database.connect().unwrap();
    client.batch_execute(&opledger_sql::install_script()).unwrap();
    same(&rows(&mut client, shape), &by_psql);
}
