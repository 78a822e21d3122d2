//! Who sees what, and what a hostile writer tries.

use postgres::Client;
use postgres::error::SqlState;

use crate::support::{installed, refused, rows, run, value};
use crate::tracking::FAULTS;

const SEEN: &str = "SELECT script_name FROM script_tracking.current_executions ORDER BY 1";
const ACME: &str = "encode(sha256('acme'), 'hex')";

fn denied(client: &mut Client, statement: &str) {
    refused(client, statement, &SqlState::INSUFFICIENT_PRIVILEGE);
}

#[test]
fn a_login_sees_its_tenant_only() {
    let database = installed();
    for login in ["acme", "globex", "writer", "admin"] {
        run(&mut database.connect_as(login).unwrap(), &format!("SELECT script_tracking.track_operation('of {login}')"));
    }
    for (login, seen) in [
        ("acme", vec!["of acme"]),
        ("globex", vec!["of globex"]),
        ("writer", vec!["of admin", "of writer"]),
        ("reader", vec!["of admin", "of writer"]),
        ("trusted", vec!["of admin", "of writer"]),
        ("admin", vec!["of acme", "of admin", "of globex", "of writer"]),
    ] {
        let mut client = database.connect_as(login).unwrap();
        let expected: Vec<Vec<&str>> = seen.iter().map(|name| vec![*name]).collect();
        assert_eq!(rows(&mut client, SEEN), expected, "{login}");
        for table in ["script_execution_h", "script_execution_s", "running_operations"] {
            let count = format!("SELECT count(*) FROM script_tracking.{table}");
            assert_eq!(value(&mut client, &count), seen.len().to_string(), "{login} {table}");
        }
        let history = "SELECT script_name FROM script_tracking.get_execution_history() ORDER BY 1";
        assert_eq!(rows(&mut client, history), expected, "{login}");
        let total = "SELECT metric_value FROM script_tracking.get_enterprise_dashboard() WHERE metric_name = 'total_operations'";
        assert_eq!(value(&mut client, total), format!("{}.00", seen.len()), "{login}");
    }
    let mut outsider = database.connect_as("outsider").unwrap();
    denied(&mut outsider, SEEN);
    denied(&mut outsider, "SELECT script_tracking.track_operation('x')");
    denied(&mut outsider, "SELECT * FROM script_tracking.get_enterprise_dashboard()");
    denied(&mut database.connect_as("reader").unwrap(), "SELECT script_tracking.track_operation('x')");
}

#[test]
fn only_a_trusted_login_chooses() {
    let database = installed();
    run(&mut database.connect_as("acme").unwrap(), "SELECT script_tracking.track_operation('of acme')");
    let choose = format!("SELECT set_config('script_tracking.tenant_hk', {ACME}, false)");
    let prefixed = format!("SELECT set_config('script_tracking.tenant_hk', '\\x' || {ACME}, false)");
    let mut trusted = database.connect_as("trusted").unwrap();
    for chosen in [&choose, &prefixed] {
        run(&mut trusted, chosen);
        assert_eq!(rows(&mut trusted, SEEN), [["of acme"]]);
        run(&mut trusted, "SET script_tracking.tenant_hk = ''");
        assert!(rows(&mut trusted, SEEN).is_empty());
    }
    for bad in ["zz", "00", "\\x"] {
        run(&mut trusted, &format!("SET script_tracking.tenant_hk = '{bad}'"));
        if bad == "\\x" {
            assert!(rows(&mut trusted, SEEN).is_empty());
        } else {
            refused(&mut trusted, SEEN, &SqlState::INVALID_PARAMETER_VALUE);
            refused(&mut trusted, "SELECT script_tracking.track_operation('x')", &SqlState::INVALID_PARAMETER_VALUE);
        }
    }
    run(&mut trusted, &choose);
    run(&mut trusted, "SELECT script_tracking.track_operation('by trusted')");
    assert_eq!(rows(&mut database.connect_as("acme").unwrap(), SEEN), [["by trusted"], ["of acme"]]);
    for login in ["globex", "writer", "reader"] {
        let mut client = database.connect_as(login).unwrap();
        run(&mut client, &choose);
        assert!(rows(&mut client, SEEN).is_empty(), "{login}");
    }
}

#[test]
fn another_tenants_operation_is_unknown() {
    let database = installed();
    let hk = value(&mut database.connect_as("acme").unwrap(), "SELECT script_tracking.track_operation('of acme')");
    for login in ["globex", "writer"] {
        let mut client = database.connect_as(login).unwrap();
        assert_eq!(value(&mut client, &format!("SELECT script_tracking.complete_operation('{hk}')")), "f", "{login}");
        assert_eq!(
            value(&mut client, &format!("SELECT script_tracking.annotate_operation('{hk}', '{{\"a\": 1}}')")),
            "f",
            "{login}"
        );
    }
    let mut acme = database.connect_as("acme").unwrap();
    assert_eq!(value(&mut acme, &format!("SELECT script_tracking.complete_operation('{hk}')")), "t");
}

#[test]
fn a_binding_can_be_changed_and_ended() {
    let database = installed();
    let mut admin = database.connect_as("admin").unwrap();
    run(&mut database.connect_as("acme").unwrap(), "SELECT script_tracking.track_operation('of acme')");
    run(&mut admin, "SELECT script_tracking.bind_login('globex', sha256('acme'))");
    assert_eq!(rows(&mut database.connect_as("globex").unwrap(), SEEN), [["of acme"]]);
    run(&mut admin, "SELECT script_tracking.trust_login('globex')");
    assert!(rows(&mut database.connect_as("globex").unwrap(), SEEN).is_empty());
    assert_eq!(value(&mut admin, "SELECT script_tracking.unbind_login('globex')"), "t");
    assert_eq!(value(&mut admin, "SELECT script_tracking.unbind_login('globex')"), "f");
    let changes = "SELECT changed_by, count(*) FROM script_tracking.setting_change WHERE table_name = 'login_binding'
        AND coalesce(new_row, old_row)->>'login' = 'globex' GROUP BY 1 ORDER BY 1";
    assert_eq!(rows(&mut admin, changes), [["admin", "3"], ["postgres", "1"]]);
    refused(&mut admin, "SELECT script_tracking.bind_login('acme', '\\x00')", &SqlState::INVALID_PARAMETER_VALUE);
    refused(&mut admin, "SELECT script_tracking.bind_login('missing role', sha256('a'))", &SqlState::UNDEFINED_OBJECT);
    refused(&mut admin, "SELECT script_tracking.trust_login('missing role')", &SqlState::UNDEFINED_OBJECT);
    for call in ["bind_login(NULL, NULL)", "trust_login(NULL)", "unbind_login(NULL)"] {
        refused(&mut admin, &format!("SELECT script_tracking.{call}"), &SqlState::NULL_VALUE_NOT_ALLOWED);
    }
    let mut acme = database.connect_as("acme").unwrap();
    for call in ["bind_login('acme', sha256('globex'))", "trust_login('acme')", "unbind_login('acme')"] {
        denied(&mut acme, &format!("SELECT script_tracking.{call}"));
    }
    assert_eq!(rows(&mut acme, "SELECT login FROM script_tracking.login_binding"), [["acme"]]);
}

#[test]
fn nobody_writes_the_tables_directly() {
    let database = installed();
    run(&mut database.connect_as("acme").unwrap(), "SELECT script_tracking.track_operation('of acme')");
    let mut superuser = database.connect().unwrap();
    let tables = rows(
        &mut superuser,
        "SELECT oid::regclass FROM pg_class WHERE relkind = 'r' AND relnamespace IN
        ('script_tracking'::regnamespace, 'auth'::regnamespace, 'util'::regnamespace)",
    );
    for login in ["acme", "writer", "trusted", "reader", "admin"] {
        let mut client = database.connect_as(login).unwrap();
        for table in tables.iter().map(|row| &row[0]) {
            for statement in [
                "INSERT INTO {} DEFAULT VALUES",
                "DELETE FROM {}",
                "TRUNCATE {}",
                "DO $$BEGIN LOCK TABLE {} IN EXCLUSIVE MODE; END$$",
                "ALTER TABLE {} DISABLE ROW LEVEL SECURITY",
                "DROP TABLE {}",
                "CREATE INDEX ON {} ((1))",
            ] {
                denied(&mut client, &statement.replace("{}", table));
            }
        }
        denied(&mut client, "UPDATE script_tracking.script_execution_s SET db_session_user = 'postgres'");
        denied(&mut client, "UPDATE script_tracking.script_execution_h SET tenant_hk = NULL");
        denied(&mut client, "UPDATE script_tracking.login_binding SET tenant_hk = sha256('globex')");
        denied(&mut client, "SELECT setval('script_tracking.version_sequence', 1)");
        denied(&mut client, "SELECT nextval('script_tracking.version_sequence')");
        denied(&mut client, "CREATE TABLE script_tracking.mine (a int)");
        denied(&mut client, "CREATE FUNCTION script_tracking.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'");
        denied(&mut client, "SET ROLE script_tracking_owner");
        denied(&mut client, "SET SESSION AUTHORIZATION globex");
        denied(&mut client, "ALTER FUNCTION script_tracking.session_is_admin() STABLE");
    }
    for call in [
        "write_start(NULL, 'x')",
        "write_next(now(), NULL)",
        "find_faults()",
        "report_completion(NULL, NULL, NULL, NULL, NULL)",
        "claim_key('k', '{}', NULL)",
        "cleanup_old_data(1)",
        "set_setting('audit_log', 'on')",
    ] {
        let mut client = database.connect_as("acme").unwrap();
        if call != "find_faults()" {
            denied(&mut client, &format!("SELECT script_tracking.{call}"));
        }
    }
    denied(&mut database.connect_as("acme").unwrap(), "SELECT util.log_audit_event('a', 'b', 'c', 'postgres', '{}')");
    assert_eq!(value(&mut superuser, "SELECT count(*) FROM script_tracking.script_execution_s"), "1");
}

/// Even where a site grants writing, row security stands.
#[test]
fn row_security_holds_where_a_site_grants_writing() {
    let database = installed();
    run(&mut database.connect_as("globex").unwrap(), "SELECT script_tracking.track_operation('of globex')");
    run(
        &mut database.connect().unwrap(),
        "GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA script_tracking TO acme",
    );
    let mut acme = database.connect_as("acme").unwrap();
    for table in ["script_execution_h", "script_execution_s"] {
        let forge = format!(
            "INSERT INTO script_tracking.{table} (script_execution_hk, {} record_source, tenant_hk)
            VALUES (sha256('x'), {} 'forged', sha256('globex'))",
            if table.ends_with('h') { "script_execution_bk," } else { "hash_diff, script_name," },
            if table.ends_with('h') { "'x'," } else { "sha256('x'), 'x'," }
        );
        denied(&mut acme, &forge);
        let touched =
            format!("WITH gone AS (DELETE FROM script_tracking.{table} RETURNING 1) SELECT count(*) FROM gone");
        assert_eq!(value(&mut acme, &touched), "0");
    }
    let stolen = "WITH moved AS (UPDATE script_tracking.script_execution_s SET tenant_hk = sha256('acme') RETURNING 1) SELECT count(*) FROM moved";
    assert_eq!(value(&mut acme, stolen), "0");
}

#[test]
fn names_of_a_hostile_session_are_never_ours() {
    let database = installed();
    run(&mut database.connect_as("globex").unwrap(), "SELECT script_tracking.track_operation('of globex')");
    run(
        &mut database.connect().unwrap(),
        "CREATE SCHEMA evil; GRANT ALL ON SCHEMA evil TO acme; GRANT CREATE ON SCHEMA public TO acme",
    );
    let mut acme = database.connect_as("acme").unwrap();
    run(&mut acme, "
        CREATE FUNCTION evil.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS $$SELECT '2000-01-01'::timestamptz$$;
        CREATE FUNCTION evil.sha256(bytea) RETURNS bytea LANGUAGE sql AS $$SELECT '\\x00'::bytea$$;
        CREATE FUNCTION evil.length(text) RETURNS integer LANGUAGE sql AS 'SELECT 1';
        CREATE FUNCTION evil.length(varchar) RETURNS integer LANGUAGE sql AS 'SELECT 1';
        CREATE FUNCTION evil.eq(bytea, bytea) RETURNS boolean LANGUAGE sql AS 'SELECT true';
        CREATE FUNCTION evil.eq(name, name) RETURNS boolean LANGUAGE sql AS 'SELECT true';
        CREATE OPERATOR evil.= (FUNCTION = evil.eq, LEFTARG = bytea, RIGHTARG = bytea);
        CREATE OPERATOR evil.= (FUNCTION = evil.eq, LEFTARG = name, RIGHTARG = name);
        CREATE FUNCTION evil.steal() RETURNS text LANGUAGE sql AS $$SELECT string_agg(script_name, ',') FROM script_tracking.script_execution_s WHERE script_type <> 'DDL_AUTO'$$;
        CREATE TEMP TABLE script_execution_h (LIKE script_tracking.script_execution_h);
        CREATE TEMP TABLE script_execution_s (LIKE script_tracking.script_execution_s);
        CREATE TEMP TABLE login_binding (login name, tenant_hk bytea, trusted boolean);
        INSERT INTO pg_temp.login_binding VALUES ('acme', public.sha(), true);
    ".replace("public.sha()", "pg_catalog.sha256('globex')").as_str());
    run(&mut acme, "SET search_path = evil, pg_temp, public, script_tracking, pg_catalog;
        SELECT pg_catalog.set_config('script_tracking.tenant_hk', pg_catalog.encode(pg_catalog.sha256('globex'), 'hex'), false);
        SET script_tracking.installing = on; SET script_tracking.enabled = off; SET row_security = on;
        SET transform_null_equals = on; SET bytea_output = escape; SET DateStyle = 'German'; SET TimeZone = 'Asia/Tokyo';
        SET IntervalStyle = sql_standard; SET extra_float_digits = -15; SET standard_conforming_strings = off;
        SET quote_all_identifiers = on; SET default_transaction_isolation = 'serializable'; SET array_nulls = off;
        SET plpgsql.extra_errors = 'all'; SET plpgsql.extra_warnings = 'all'; SET work_mem = '64kB'; SET enable_indexscan = off");
    let pair = "SELECT script_tracking.complete_operation(script_tracking.track_operation('hostile'))";
    assert_eq!(value(&mut acme, pair), "t");
    run(&mut acme, "SELECT script_tracking.start_operation('hostile 2', 'X', ARRAY['a', NULL], 's', '{}', 'k')");
    run(&mut acme, "SELECT script_tracking.record_operation('hostile 3')");
    for report in [
        "get_enterprise_dashboard()",
        "get_performance_metrics()",
        "get_system_health()",
        "get_execution_history(365)",
        "get_recent_errors(9999)",
    ] {
        let text = format!("{:?}", rows(&mut acme, &format!("SELECT * FROM script_tracking.{report}")));
        assert!(!text.contains("of globex"), "{report}: {text}");
    }
    assert_eq!(value(&mut acme, "SELECT evil.steal()"), "hostile,hostile,hostile 2,hostile 3,hostile 3");
    assert_eq!(value(&mut acme, "SELECT pg_catalog.count(*) FROM pg_temp.script_execution_s"), "0");
    let mut admin = database.connect_as("admin").unwrap();
    let forged = "SELECT count(*) FROM script_tracking.script_execution_s WHERE script_name LIKE 'hostile%'
        AND (db_session_user <> 'acme' OR tenant_hk IS DISTINCT FROM sha256('acme') OR load_date < now() - interval '1 hour')";
    assert_eq!(value(&mut admin, forged), "0");
    assert!(rows(&mut admin, FAULTS).is_empty());
}

/// Who acts is the login, whatever role it has taken on: of a bound one too, and of an admin's.
#[test]
fn a_role_taken_on_changes_nothing() {
    let database = installed();
    let mut superuser = database.connect().unwrap();
    // Logins of their own: roles belong to the cluster.
    run(
        &mut superuser,
        "CREATE ROLE shifter LOGIN NOINHERIT IN ROLE script_tracking_writer; CREATE ROLE other_tenant IN ROLE script_tracking_writer;
        GRANT other_tenant TO shifter;
        SELECT script_tracking.bind_login('shifter', sha256('acme')), script_tracking.bind_login('other_tenant', sha256('globex'))",
    );
    run(&mut database.connect_as("globex").unwrap(), "SELECT script_tracking.track_operation('of globex')");
    let mut shifter = database.connect_as("shifter").unwrap();
    for role in ["other_tenant", "script_tracking_writer"] {
        run(&mut shifter, &format!("SET ROLE {role}; SELECT script_tracking.track_operation('by {role}')"));
        let seen = rows(&mut shifter, SEEN);
        assert!(!seen.contains(&vec!["of globex".to_owned()]), "{role}: {seen:?}");
    }
    let forged = "SELECT count(*) FILTER (WHERE db_session_user = 'shifter' AND tenant_hk = sha256('acme')), count(*)
        FROM script_tracking.script_execution_s WHERE script_name LIKE 'by %'";
    assert_eq!(rows(&mut superuser, forged), [["2", "2"]]);
}

/// A cheap leaky function in WHERE must not see a row before row security did.
#[test]
fn a_leaky_function_sees_no_other_row() {
    let database = installed();
    run(&mut database.connect_as("globex").unwrap(), "SELECT script_tracking.track_operation('secret of globex')");
    run(&mut database.connect().unwrap(), "GRANT CREATE ON SCHEMA public TO acme");
    let mut acme = database.connect_as("acme").unwrap();
    run(
        &mut acme,
        "CREATE FUNCTION public.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$
        BEGIN IF $1 LIKE '%globex%' THEN RAISE EXCEPTION 'leaked %', $1; END IF; RETURN false; END $$",
    );
    for relation in ["script_execution_s", "current_executions", "running_operations"] {
        let query = format!("SELECT * FROM script_tracking.{relation} WHERE public.leak(script_name)");
        assert!(rows(&mut acme, &query).is_empty());
    }
    refused(
        &mut acme,
        "SET row_security = off; SELECT * FROM script_tracking.script_execution_s",
        &SqlState::INSUFFICIENT_PRIVILEGE,
    );
}
