//! What users' functions must withstand: guessing, watching the clock, hostile callers, a site's own functions.

use std::path::Path;

use postgres::error::SqlState;
use serde_json::{Value, json};

use crate::support::{installed, refused, rows, run, value};
use crate::users::{PASSWORD, code, key, login, login_to, register, user, with_bob};

/// A pgcrypto that notes the cost of each bcrypt it makes. Counted work, not time: a busy machine must not decide.
const COUNTING: &str = r#"
    CREATE SCHEMA counting;
    CREATE TABLE counting.bcrypt (cost integer, done boolean);
    CREATE FUNCTION counting.crypt(text, text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$
    DECLARE
        v_hash text := public.crypt($1, $2);
    BEGIN
        INSERT INTO counting.bcrypt VALUES (substr($2, 5, 2)::integer, v_hash ~ '^\$2a\$.{56}$');
        RETURN v_hash;
    END $$;
    CREATE FUNCTION counting.gen_salt(text, integer) RETURNS text LANGUAGE sql AS 'SELECT public.gen_salt($1, $2)';
    GRANT USAGE ON SCHEMA counting TO PUBLIC;
    UPDATE pg_extension SET extnamespace = 'counting'::regnamespace WHERE extname = 'pgcrypto'"#;

#[test]
fn an_unknown_user_takes_as_long_as_a_wrong_password() {
    let database = with_bob();
    let mut superuser = database.connect().unwrap();
    run(&mut superuser, COUNTING);
    let mut acme = database.connect_as("acme").unwrap();
    // The costs of the bcrypts of one login, and 2 to the power of each: the work that they are.
    let mut work = |email: &str| {
        run(&mut superuser, "TRUNCATE counting.bcrypt");
        assert_eq!(code(&login(&mut acme, email, "a wrong password")), "28P01");
        let found = rows(
            &mut superuser,
            "SELECT string_agg(cost::text, '+' ORDER BY cost), sum(2 ^ cost), bool_and(done) FROM counting.bcrypt",
        );
        assert_eq!(found[0][2], "t", "{email}: each was a whole bcrypt");
        (found[0][0].clone(), found[0][1].clone())
    };
    let set = |cost: &str| {
        run(
            &mut database.connect_as("admin").unwrap(),
            &format!("SELECT script_tracking.set_setting('bcrypt_cost', '{cost}')"),
        );
    };
    assert_eq!(work("bob@example.org"), ("10".to_owned(), "1024".to_owned()));
    assert_eq!(work("eve@example.org"), ("10".to_owned(), "1024".to_owned()));
    // When the cost is raised, users of the old cost must not be told by it; nor when it is lowered again.
    set("12");
    assert_eq!(work("bob@example.org"), ("10+10+11".to_owned(), "4096".to_owned()));
    assert_eq!(work("eve@example.org"), ("12".to_owned(), "4096".to_owned()));
    assert_eq!(code(&register(&mut database.connect_as("acme").unwrap(), &user("carl@example.org", "acme"))), "00000");
    set("10");
    assert_eq!(work("bob@example.org").1, "4096");
    assert_eq!(work("carl@example.org"), ("12".to_owned(), "4096".to_owned()));
    assert_eq!(work("eve@example.org").1, "4096");
}

#[test]
fn a_login_moves_a_user_to_the_cost_of_today() {
    let database = with_bob();
    let mut acme = database.connect_as("acme").unwrap();
    run(&mut database.connect_as("admin").unwrap(), "SELECT script_tracking.set_setting('bcrypt_cost', '11')");
    assert_eq!(code(&login(&mut acme, "bob@example.org", "a wrong password")), "28P01");
    for _ in 0..2 {
        assert_eq!(code(&login(&mut acme, "bob@example.org", PASSWORD)), "00000");
    }
    let versions = rows(
        &mut database.connect().unwrap(),
        "SELECT bcrypt_cost, left(password_hash, 7),
            lead(load_date) OVER (ORDER BY load_date) IS NOT DISTINCT FROM load_end_date, record_source,
            hash_diff = script_tracking.hash_texts(password_hash)
        FROM script_tracking.credential_s ORDER BY load_date",
    );
    assert_eq!(versions, [["10", "$2a$10$", "t", "register_user", "t"], ["11", "$2a$11$", "t", "login_user", "t"]]);
}

#[test]
fn failures_lock_out_the_known_and_the_unknown_alike() {
    let database = with_bob();
    let mut acme = database.connect_as("acme").unwrap();
    run(&mut database.connect_as("admin").unwrap(), "SELECT script_tracking.set_setting('lockout_failures', '3')");
    for email in ["bob@example.org", "eve@example.org"] {
        for _ in 0..2 {
            assert_eq!(code(&login(&mut acme, email, "a wrong password")), "28P01");
        }
    }
    assert_eq!(code(&login(&mut acme, "bob@example.org", PASSWORD)), "00000", "a success ends the count");
    assert_eq!(code(&login(&mut acme, "eve@example.org", "a wrong password")), "28P01");
    for _ in 0..3 {
        assert_eq!(code(&login(&mut acme, "bob@example.org", "a wrong password")), "28P01");
    }
    let known = login(&mut acme, "bob@example.org", PASSWORD);
    let unknown = login(&mut acme, "eve@example.org", PASSWORD);
    assert_eq!(code(&known), "28000", "even with the right password");
    assert_eq!(known["error_message"], unknown["error_message"]);
    assert_eq!(known["error_message"], json!("too many failed logins within 15 minutes"));
    assert_eq!(code(&login(&mut acme, "carl@example.org", PASSWORD)), "28P01", "another user is not locked out");
    let mut superuser = database.connect().unwrap();
    let count = "SELECT count(*) FROM script_tracking.login_attempt";
    let before = value(&mut superuser, count);
    assert_eq!(code(&login(&mut acme, "bob@example.org", "a wrong password")), "28000");
    assert_eq!(value(&mut superuser, count), before, "what is tried while locked out does not prolong it");
    run(&mut superuser, "UPDATE script_tracking.login_attempt SET attempted_at = attempted_at - interval '15 minutes'");
    assert_eq!(code(&login(&mut acme, "bob@example.org", PASSWORD)), "00000", "it ends by itself");
}

#[test]
fn guesses_at_once_are_counted_like_guesses_in_a_row() {
    let database = with_bob();
    let codes: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..16)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = database.connect_as("acme").unwrap();
                    code(&login(&mut client, "bob@example.org", "a wrong password")).to_owned()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(codes.iter().filter(|code| *code == "28P01").count(), 5, "{codes:?}");
    assert_eq!(codes.iter().filter(|code| *code == "28000").count(), 11, "{codes:?}");
    let numbers =
        "SELECT string_agg(attempt_number::text, ',' ORDER BY attempt_number) FROM script_tracking.login_attempt";
    assert_eq!(value(&mut database.connect().unwrap(), numbers), "1,2,3,4,5");
}

#[test]
fn old_logins_are_cleaned_up() {
    let database = with_bob();
    let mut acme = database.connect_as("acme").unwrap();
    let mut superuser = database.connect().unwrap();
    for password in [PASSWORD, "a wrong password"] {
        login(&mut acme, "bob@example.org", password);
    }
    run(
        &mut superuser,
        "UPDATE script_tracking.login_attempt SET attempted_at = attempted_at - interval '31 days';
         UPDATE script_tracking.session_s SET expires_at = expires_at - interval '31 days'",
    );
    for password in [PASSWORD, "a wrong password"] {
        login(&mut acme, "bob@example.org", password);
    }
    let mut admin = database.connect_as("admin").unwrap();
    for days in ["NULL", "0", "-1"] {
        let call = format!("SELECT script_tracking.cleanup_old_logins({days})");
        refused(&mut admin, &call, &SqlState::INVALID_PARAMETER_VALUE);
    }
    refused(&mut acme, "SELECT script_tracking.cleanup_old_logins(30)", &SqlState::INSUFFICIENT_PRIVILEGE);
    assert_eq!(value(&mut admin, "SELECT script_tracking.cleanup_old_logins(60)"), "0");
    assert_eq!(value(&mut admin, "SELECT script_tracking.cleanup_old_logins(30)"), "3", "two attempts and a session");
    let left = "SELECT concat_ws(' ', (SELECT count(*) FROM script_tracking.login_attempt),
        (SELECT count(*) FROM script_tracking.session_h), (SELECT count(*) FROM script_tracking.session_s))";
    assert_eq!(value(&mut admin, left), "2 1 1");
    assert_eq!(code(&login(&mut acme, "bob@example.org", PASSWORD)), "00000");
}

#[test]
fn a_login_reads_no_whole_table() {
    let database = with_bob();
    run(&mut database.connect().unwrap(), "
        CREATE TEMP TABLE many AS SELECT sha256(i::text::bytea) AS hk, sha256('acme') AS tenant_hk, clock_timestamp() AS at
            FROM generate_series(1, 5000) i;
        INSERT INTO script_tracking.user_h SELECT hk, encode(hk, 'hex'), tenant_hk, at, 'test' FROM many;
        INSERT INTO script_tracking.user_s SELECT hk, at, NULL, hk, 'x', tenant_hk, 'test' FROM many;
        INSERT INTO script_tracking.credential_s SELECT hk, at, NULL, hk, '$2a$' || repeat('x', 56), 10, tenant_hk, 'test' FROM many;
        INSERT INTO script_tracking.session_h SELECT hk, hk, tenant_hk, at, 'test' FROM many;
        INSERT INTO script_tracking.session_s SELECT hk, at, NULL, hk, 'ACTIVE', at + interval '1 h', tenant_hk, 'test' FROM many;
        INSERT INTO script_tracking.login_attempt SELECT hk, 1, at, false, tenant_hk FROM many;
        ANALYZE");
    let mut acme = database.connect_as("acme").unwrap();
    run(&mut acme, "BEGIN");
    let token = login(&mut acme, "bob@example.org", PASSWORD)["session_token"].as_str().unwrap().to_owned();
    for function in ["validate", "revoke"] {
        let call = format!("SELECT auth.{function}_session_tracking('{token}', sha256('acme'))->>'success'");
        assert_eq!(value(&mut acme, &call), "true");
    }
    let read = "SELECT relname, seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables
        WHERE relname IN ('user_h', 'user_s', 'credential_s', 'session_h', 'session_s', 'login_attempt')
            AND seq_tup_read + coalesce(idx_tup_fetch, 0) > 20";
    assert_eq!(rows(&mut acme, read), Vec::<Vec<String>>::new(), "rows read");
    let seen = "SELECT count(*) FROM pg_stat_xact_user_tables WHERE relname = 'session_s' AND idx_scan > 0";
    assert_eq!(value(&mut acme, seen), "1", "the counters count");
}

#[test]
fn an_old_snapshot_does_not_evade_the_count() {
    let database = with_bob();
    let mut old = database.connect_as("acme").unwrap();
    run(&mut old, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM script_tracking.script_execution_h");
    let mut acme = database.connect_as("acme").unwrap();
    assert_eq!(code(&login(&mut acme, "bob@example.org", "a wrong password")), "28P01");
    let call = "SELECT auth.login_user_tracking('bob@example.org', 'a wrong password', script_tracking.calculate_hash_key('acme'))";
    refused(&mut old, call, &SqlState::T_R_SERIALIZATION_FAILURE);
}

#[test]
fn passwords_tokens_and_e_mails_are_not_where_they_may_not_be() {
    let database = with_bob();
    let mut acme = database.connect_as("acme").unwrap();
    let (secret, email) = ("Xyzzy-plugh-7391", "carl@example.org");
    let mut data = user(email, "acme");
    data["password"] = json!(secret);
    assert_eq!(code(&register(&mut acme, &data)), "00000");
    let token = login(&mut acme, email, secret)["session_token"].as_str().unwrap().to_owned();
    // In wrong places, as literals in the statement, and in what is refused.
    login(&mut acme, secret, email);
    register(&mut acme, &json!({"email": secret, "password": email, "tenant_id": secret}));
    register(&mut acme, &json!({(secret): secret, "email": email, "password": secret, "tenant_id": "acme"}));
    register(&mut acme, &json!(secret));
    register(&mut acme, &data);
    for _ in 0..6 {
        rows(
            &mut acme,
            &format!(
                "SELECT auth.login_user_tracking('eve@example.org', '{secret}', script_tracking.calculate_hash_key('acme'))"
            ),
        );
    }
    rows(
        &mut acme,
        &format!("SELECT auth.validate_session_tracking('{token}', script_tracking.calculate_hash_key('acme'))"),
    );
    rows(
        &mut acme,
        &format!("SELECT auth.revoke_session_tracking('{token}', script_tracking.calculate_hash_key('acme'))"),
    );
    // Beside DDL, whose record has the text of the whole query.
    run(
        &mut database.connect().unwrap(),
        &format!(
            "SELECT auth.login_user_tracking('eve@example.org', '{secret}', script_tracking.calculate_hash_key('acme')); CREATE TABLE swept (x integer)"
        ),
    );
    let dump = |arguments: &[&str]| {
        let output =
            database.server().program("pg_dump").args(["-d", database.name()]).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let all = dump(&["--data-only", "--inserts"]);
    assert!(all.contains("carl@example.org") && all.contains("swept"), "the dump has the users, and the DDL");
    for (what, text) in [("password", secret), ("token", &token)] {
        assert!(!all.contains(text), "the {what} is in a table");
        let hexed: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        assert!(!all.contains(&hexed), "the {what} is in a table, as bytes");
    }
    let ledger = dump(&[
        "--data-only",
        "--inserts",
        "-t",
        "script_tracking.script_execution*",
        "-t",
        "script_tracking.login_attempt",
    ]);
    assert!(
        ledger.contains("AUTHENTICATION") && !ledger.contains("carl") && !ledger.contains("eve@"),
        "an e-mail is in the ledger"
    );
    let log = std::fs::read_to_string(Path::new(&database.server().files_folder()).join("log")).unwrap();
    assert!(!log.is_empty() && !log.contains(secret) && !log.contains(&token), "in the server's log");
}

#[test]
fn hostile_callers_get_nothing() {
    let database = with_bob();
    let mut acme = database.connect_as("acme").unwrap();
    let evil = r"
        CREATE TEMP TABLE credential_s (LIKE script_tracking.script_execution_h); CREATE TEMP TABLE login_attempt (x text);
        CREATE TEMP TABLE user_h (x text); CREATE TEMP TABLE pg_extension (extname name, extnamespace oid);
        CREATE FUNCTION pg_temp.crypt(text, text) RETURNS text LANGUAGE sql AS 'SELECT $2';
        CREATE FUNCTION pg_temp.sha256(bytea) RETURNS bytea LANGUAGE sql AS 'SELECT $1';
        CREATE FUNCTION pg_temp.coalesce_true(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
        CREATE OPERATOR pg_temp.= (LEFTARG = text, RIGHTARG = text, FUNCTION = pg_temp.coalesce_true);
        SET search_path = pg_temp, pg_catalog, public; SET plpgsql.extra_errors = 'all';
        SET standard_conforming_strings = off; SET escape_string_warning = off; SET bytea_output = escape; SET array_nulls = off;
        SET DateStyle = 'SQL, DMY'; SET TimeZone = 'Asia/Kathmandu'; SET quote_all_identifiers = on; SET transform_null_equals = on";
    run(&mut acme, evil);
    assert_eq!(code(&login(&mut acme, "bob@example.org", "a wrong password")), "28P01");
    assert_eq!(code(&login(&mut acme, "bob@example.org", PASSWORD)), "00000");
    let answer = register(&mut acme, &user("carl@sub.example.org", "acme"));
    assert_eq!(code(&answer), "00000", "{answer}");
    assert_eq!(code(&register(&mut acme, &user("carl@example", "acme"))), "22023");
    assert_eq!(value(&mut acme, "SELECT pg_catalog.count(*) FROM pg_temp.login_attempt"), "0");
    for email in
        ["' OR '1'='1", "bob@example.org'--", "\"; DROP TABLE script_tracking.user_h; --", "$$", "$1", "%", "\\"]
    {
        assert_eq!(code(&login(&mut acme, email, "' OR true --")), "28P01", "{email}");
    }
    let mut fresh = database.connect_as("acme").unwrap();
    assert_eq!(code(&login_to(&mut fresh, "bob@example.org", PASSWORD, "acme")), "00000");
    for table in ["user_h", "user_s", "credential_s", "session_h", "session_s", "login_attempt", "tenant_h", "tenant_s"]
    {
        for statement in [
            format!("SELECT FROM script_tracking.{table}"),
            format!("DELETE FROM script_tracking.{table}"),
            format!("INSERT INTO script_tracking.{table} DEFAULT VALUES"),
            format!("TRUNCATE script_tracking.{table}"),
        ] {
            refused(&mut fresh, &statement, &SqlState::INSUFFICIENT_PRIVILEGE);
        }
    }
    let internals = rows(&mut fresh, "SELECT p.oid::regprocedure, 'SELECT ' || p.oid::regproc || '(' ||
            (SELECT string_agg(coalesce('NULL::' || format_type(t, NULL), ''), ', ') FROM unnest(p.proargtypes) t) || ')'
        FROM pg_proc p WHERE pronamespace = 'script_tracking'::regnamespace AND proname IN ('attempt_login', 'open_session', 'bcrypt',
            'check_password', 'write_credential', 'add_user', 'record_authentication', 'choose_tenant')");
    assert_eq!(internals.len(), 8);
    for function in internals {
        refused(&mut fresh, &function[1], &SqlState::INSUFFICIENT_PRIVILEGE);
    }
    for login in ["reader", "nobody"] {
        let mut client = database.connect_as(login).unwrap();
        for call in [
            "login_user_tracking('a', 'b', '')",
            "register_user_tracking('{}')",
            "validate_session_tracking('', '')",
            "revoke_session_tracking('', '')",
        ] {
            refused(&mut client, &format!("SELECT auth.{call}"), &SqlState::INSUFFICIENT_PRIVILEGE);
        }
    }
}

#[test]
fn a_sites_own_functions_are_wrapped() {
    let database = installed();
    let mut superuser = database.connect().unwrap();
    // Unqualified names, as sites write them: they must be found where the caller's sessions find them.
    run(
        &mut superuser,
        r#"
        CREATE TABLE public.site_user (email text, password text); GRANT SELECT, INSERT ON public.site_user TO acme;
        INSERT INTO public.site_user VALUES ('bob@example.org', 'pw');
        CREATE FUNCTION auth.login_user(varchar, varchar, bytea) RETURNS jsonb LANGUAGE plpgsql AS $$
        BEGIN
            IF $2 = 'boom' THEN RAISE EXCEPTION 'no: % / %', $1, $2 USING ERRCODE = 'P0042'; END IF;
            IF $2 = 'null' THEN RETURN NULL; END IF;
            RETURN jsonb_build_object('success', EXISTS (SELECT FROM site_user WHERE email = $1 AND password = $2),
                'who', current_user, 'error_code', CASE WHEN $2 = 'odd' THEN 'password ' || $2 END);
        END $$;
        CREATE FUNCTION auth.register_user(jsonb) RETURNS jsonb LANGUAGE sql AS $$
            INSERT INTO site_user VALUES ($1->>'email', $1->>'password') RETURNING '{"success": "true", "id": 7}'::jsonb $$"#,
    );
    let mut acme = database.connect_as("acme").unwrap();
    run(&mut acme, "SET search_path = pg_temp");
    assert_eq!(login(&mut acme, "bob@example.org", "pw"), json!({"success": true, "who": "acme", "error_code": null}));
    assert_eq!(login(&mut acme, "bob@example.org", "odd")["success"], json!(false));
    let failed = login(&mut acme, "bob@example.org", "boom");
    assert_eq!((code(&failed), &failed["error_message"]), ("P0042", &json!("the site's own function failed")));
    assert_eq!(code(&login(&mut acme, "bob@example.org", "null")), "P0002");
    assert_eq!(register(&mut acme, &user("eve@example.org", "acme")), json!({"success": "true", "id": 7}));
    assert_eq!(
        value(&mut acme, "SELECT pg_catalog.count(*) FROM public.site_user WHERE email = 'eve@example.org'"),
        "1"
    );
    assert_eq!(value(&mut acme, "SELECT pg_catalog.current_setting('search_path')"), "pg_temp");
    let recorded = rows(
        &mut superuser,
        "SELECT script_name, execution_status, coalesce(error_message, ''), metadata->>'error_code',
            length(metadata->>'user_hk'), tenant_hk = script_tracking.calculate_hash_key('acme')
        FROM script_tracking.script_execution_s WHERE script_type = 'AUTHENTICATION' AND load_end_date IS NULL ORDER BY version_number",
    );
    assert_eq!(
        recorded,
        [
            ["User login", "COMPLETED", "", "NULL", "64", "t"],
            ["User login", "FAILED", "refused by the site", "NULL", "64", "t"],
            ["User login", "FAILED", "refused by the site, P0042", "P0042", "64", "t"],
            ["User login", "FAILED", "refused by the site", "NULL", "64", "t"],
            ["User registration", "COMPLETED", "", "NULL", "64", "t"],
        ]
    );
    assert_eq!(value(&mut superuser, "SELECT count(*) FROM script_tracking.user_h"), "0");
    // One that the caller may not call, and one that returns something else.
    run(&mut superuser, "REVOKE EXECUTE ON FUNCTION auth.register_user(jsonb) FROM PUBLIC");
    assert_eq!(code(&register(&mut acme, &user("eve@example.org", "acme"))), "42501");
    run(&mut superuser, "DROP FUNCTION auth.login_user(varchar, varchar, bytea);
        CREATE FUNCTION auth.login_user(varchar, varchar, bytea) RETURNS text LANGUAGE sql AS $$SELECT '{\"success\": true}'$$");
    let tenant = key(&mut superuser, "acme");
    let answer: Value =
        acme.query_one("SELECT auth.login_user_tracking('bob@example.org', 'pw', $1)", &[&tenant]).unwrap().get(0);
    assert_eq!(code(&answer), "28P01", "ours");
}
