//! Files of every kind: many, large, of other editors, and such as no server can run.

use std::fmt::Write;

use crate::common::text;
use crate::project::Project;

#[test]
fn five_hundred_files() {
    let project = Project::new(&[]);
    for number in 1..=500 {
        project.write(&format!("V{number:03}__t.sql"), format!("CREATE TABLE t{number} (id int);"));
    }
    assert_eq!(project.up().len(), 500);
    assert!(project.has("t500"));
    assert_eq!(project.json(&["verify"]).1, 0);
    assert_eq!(project.ledger.history().len(), 500);
}

#[test]
fn a_file_of_twenty_megabytes() {
    let mut sql = "CREATE TABLE big (id int, filler text);\n".to_owned();
    let filler = "x".repeat(20_000);
    let mut count = 0;
    while sql.len() < 20_000_000 {
        count += 1;
        writeln!(sql, "INSERT INTO big VALUES ({count}, '{filler}');").unwrap();
    }
    let project = Project::new(&[("V1__big.sql", &sql)]);
    let (rows, code) = project.json(&["up"]);
    assert_eq!((code, rows[0]["statements"].as_i64()), (0, Some(count + 1)));
    assert_eq!(project.value("SELECT count(*)::text FROM big"), count.to_string());
    assert!(!project.ledger.holds("xxxxxxxxxxxxxxxx"));
}

#[test]
fn line_endings_and_a_byte_order_mark_change_no_checksum() {
    let plain = "CREATE TABLE a (t text);\nINSERT INTO a VALUES ('one\ntwo');\n";
    let project = Project::installed(&[("V1__a.sql", plain)]);
    project.up();
    for same in
        [plain.replace('\n', "\r\n"), format!("\u{feff}{plain}"), format!("\u{feff}{}", plain.replace('\n', "\r"))]
    {
        project.write("V1__a.sql", &same);
        assert_eq!(project.json(&["verify"]).1, 0, "{same:?}");
    }
    let stored = project
        .value("SELECT encode(checksum, 'hex') FROM script_tracking.migration WHERE migration_status = 'APPLIED'");
    let crlf = plain.replace('\n', "\r\n");
    for same in [plain, &crlf] {
        let row = project.database.connect().unwrap();
        let mut client = row;
        let computed: String =
            client.query_one("SELECT encode(script_tracking.migration_checksum($1), 'hex')", &[&same]).unwrap().get(0);
        assert_eq!(computed, stored);
    }

    let windows = Project::new(&[("V1__a.sql", &format!("\u{feff}{crlf}"))]);
    windows.up();
    assert_eq!(windows.value("SELECT encode(convert_to(t, 'UTF8'), 'hex') FROM a"), "6f6e650d0a74776f");
}

#[test]
fn quotes_of_every_kind_are_one_statement_each() {
    let sql = "CREATE FUNCTION f() RETURNS text LANGUAGE plpgsql AS $body$\nBEGIN\n  RETURN $x$a;b$x$; -- ; \nEND $body$;\n\
               DO $$ BEGIN PERFORM f(); END $$;\n\
               CREATE TABLE \"odd;name\" (t text DEFAULT E'it\\'s; one');\n\
               /* a; /* nested; */ b; */ INSERT INTO \"odd;name\" VALUES (f() || $tag$;$$;$tag$);\n\
               CREATE FUNCTION g() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END;\n-- the end; or not";
    let project = Project::new(&[("V1__quotes.sql", sql)]);
    let (rows, code) = project.json(&["up"]);
    assert_eq!((code, rows[0]["statements"].as_i64()), (0, Some(5)), "{rows:?}");
    assert_eq!(project.value("SELECT t FROM \"odd;name\""), "a;b;$$;");
}

#[test]
fn what_no_server_can_run_is_refused_before_anything_runs() {
    for (sql, line, words) in [
        ("CREATE TABLE t (a int);\nCOPY t FROM stdin;\n1\n\\.\n", 2, "COPY from or to the client"),
        ("SELECT 1;\n\n\\i other.sql\n", 3, "psql"),
        ("\\connect other", 1, "psql"),
        ("SELECT 1;\n\\copy t from 'x'", 2, "psql"),
        ("SELECT 1;\nBEGIN;\nSELECT 2;\nCOMMIT;", 2, "BEGIN"),
        ("SELECT 1;\nCOMMIT;", 2, "COMMIT"),
        ("SELECT 1;\nSELECT 'open", 2, "no end"),
    ] {
        let project = Project::new(&[("V1__good.sql", "CREATE TABLE good (id int);"), ("V2__bad.sql", sql)]);
        let before = project.dump();
        for action in [&["up"][..], &["up", "--dry-run"]] {
            let said = project.refused(action, 2);
            assert!(said.contains(&format!("V2__bad.sql, line {line}")) && said.contains(words), "{said}");
        }
        assert_eq!(project.dump(), before);
        assert!(project.ledger.history().is_empty());
        assert_eq!(project.statuses(), ["PENDING", "PENDING"]);
    }
}

#[test]
fn a_file_without_a_transaction_may_begin_its_own() {
    let sql = "-- opledger: no-transaction\nBEGIN; CREATE TABLE a (id int); COMMIT; CREATE INDEX CONCURRENTLY i ON a (id); VACUUM a;";
    let project = Project::new(&[("V1__a.sql", sql)]);
    let (rows, code) = project.json(&["up"]);
    assert_eq!((code, text(&rows[0], "migration_status")), (0, "APPLIED"), "{rows:?}");
    assert!(project.has("i"));
}
