//! Tenants, users, logins and sessions: what they answer and what they leave.

use opledger_testkit_postgres::Database;
use postgres::Client;
use postgres::error::SqlState;
use serde_json::{Value, json};

use crate::support::{installed, psql, refused, rows, run, server, value};

pub(crate) const PASSWORD: &str = "correct horse battery";

/// The hash key of a tenant's id.
pub(crate) fn key(client: &mut Client, tenant: &str) -> Vec<u8> {
    client.query_one("SELECT script_tracking.calculate_hash_key($1)", &[&tenant]).unwrap().get(0)
}

pub(crate) fn register(client: &mut Client, data: &Value) -> Value {
    client.query_one("SELECT auth.register_user_tracking($1)", &[data]).unwrap().get(0)
}

pub(crate) fn user(email: &str, tenant: &str) -> Value {
    json!({"email": email, "password": PASSWORD, "tenant_id": tenant})
}

/// Logs in to the tenant `acme`.
pub(crate) fn login(client: &mut Client, email: &str, password: &str) -> Value {
    login_to(client, email, password, "acme")
}

pub(crate) fn login_to(client: &mut Client, email: &str, password: &str, tenant: &str) -> Value {
    let tenant = key(client, tenant);
    client.query_one("SELECT auth.login_user_tracking($1, $2, $3)", &[&email, &password, &tenant]).unwrap().get(0)
}

pub(crate) fn code(answer: &Value) -> &str {
    if answer["success"] == json!(true) {
        assert!(answer.get("error_code").is_none(), "{answer}");
        return "00000";
    }
    assert_eq!(answer["success"], json!(false), "{answer}");
    answer["error_code"].as_str().unwrap()
}

/// A database with the tenants acme and globex, and bob@example.org in acme.
pub(crate) fn with_bob() -> Database<'static> {
    let database = installed();
    let mut admin = database.connect_as("admin").unwrap();
    run(&mut admin, "SELECT auth.register_tenant('acme'), auth.register_tenant('globex')");
    let answer = register(&mut database.connect_as("acme").unwrap(), &user("bob@example.org", "acme"));
    assert_eq!(code(&answer), "00000", "{answer}");
    database
}

fn operations(database: &Database<'_>) -> Vec<Vec<String>> {
    let query = "SELECT script_name, execution_status, coalesce(error_message, ''), metadata->>'error_code',
            metadata->>'user_hk', db_session_user, encode(tenant_hk, 'hex')
        FROM script_tracking.script_execution_s WHERE script_type = 'AUTHENTICATION' AND load_end_date IS NULL
        ORDER BY version_number";
    rows(&mut database.connect().unwrap(), query)
}

#[test]
fn tenants_are_for_admins_and_stay_as_they_are() {
    let database = installed();
    let mut admin = database.connect_as("admin").unwrap();
    let made = value(&mut admin, "SELECT encode(auth.register_tenant('acme'), 'hex')");
    assert_eq!(made, value(&mut admin, "SELECT encode(script_tracking.calculate_hash_key('acme'), 'hex')"));
    assert_eq!(made, value(&mut admin, "SELECT encode(auth.register_tenant('acme'), 'hex')"));
    let found = rows(
        &mut admin,
        "SELECT tenant_bk, tenant_id, registered_by, load_end_date
        FROM script_tracking.tenant_h JOIN script_tracking.tenant_s USING (tenant_hk)",
    );
    assert_eq!(found, [["acme", "acme", "admin", "NULL"]]);
    refused(&mut admin, "SELECT auth.register_tenant(NULL)", &SqlState::NULL_VALUE_NOT_ALLOWED);
    refused(&mut admin, "SELECT auth.register_tenant('')", &SqlState::INVALID_PARAMETER_VALUE);
    refused(&mut admin, "SELECT auth.register_tenant(repeat('x', 256))", &SqlState::STRING_DATA_RIGHT_TRUNCATION);
    run(&mut admin, "SELECT auth.register_tenant($$Robert'); DROP TABLE script_tracking.tenant_h;--$$)");
    assert_eq!(value(&mut admin, "SELECT count(*) FROM script_tracking.tenant_h"), "2");
    for login in ["acme", "writer", "trusted", "reader", "nobody"] {
        let mut client = database.connect_as(login).unwrap();
        refused(&mut client, "SELECT auth.register_tenant('mine')", &SqlState::INSUFFICIENT_PRIVILEGE);
    }
}

#[test]
fn a_registration_is_a_user_a_credential_and_an_operation() {
    let database = with_bob();
    let mut superuser = database.connect().unwrap();
    let acme = hex(&key(&mut superuser, "acme"));
    let found = rows(&mut superuser, "SELECT h.user_bk, u.email, c.password_hash ~ '^\\$2a\\$10\\$.{53}$',
            encode(h.tenant_hk, 'hex'), h.user_hk = sha256(convert_to(h.user_bk, 'UTF8')),
            u.hash_diff = script_tracking.hash_texts(u.email), c.hash_diff = script_tracking.hash_texts(c.password_hash)
        FROM script_tracking.user_h h JOIN script_tracking.user_s u USING (user_hk) JOIN script_tracking.credential_s c USING (user_hk)");
    assert_eq!(found, [[&*format!("{acme}:bob@example.org"), "bob@example.org", "t", &acme, "t", "t", "t"]]);
    let user_hk = value(&mut superuser, "SELECT encode(user_hk, 'hex') FROM script_tracking.user_h");
    let recorded = operations(&database);
    assert_eq!(recorded, [["User registration", "COMPLETED", "", "NULL", &user_hk, "acme", &acme]]);
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn an_answer_has_the_documented_shape() {
    let database = with_bob();
    let mut acme = database.connect_as("acme").unwrap();
    let query = "SELECT encode(script_execution_hk, 'hex') FROM script_tracking.script_execution_s
        WHERE load_end_date IS NULL ORDER BY version_number DESC LIMIT 1";
    let refused = login(&mut acme, "bob@example.org", "not it, not it");
    assert_eq!(refused["details"]["operation_id"], json!(value(&mut acme, query)));
    let mut keys: Vec<&String> = refused.as_object().unwrap().keys().collect();
    keys.sort();
    assert_eq!(keys, ["details", "error_code", "error_message", "success"]);
    assert_eq!(refused["details"]["suggestions"], json!(["Check e-mail and password"]));
    let time = refused["details"]["timestamp"].as_str().unwrap();
    assert!(time.len() == 20 && time.ends_with('Z') && time.contains('T'), "{time}");
    // Whatever the session's time zone is.
    run(&mut acme, "SET TimeZone = 'Asia/Kathmandu'");
    let welcome = login(&mut acme, "bob@example.org", PASSWORD);
    assert_eq!(welcome["details"]["operation_id"], json!(value(&mut acme, query)));
    let near = "SELECT abs(extract(epoch FROM clock_timestamp() - $1::text::timestamptz)) < 60,
        extract(epoch FROM $2::text::timestamptz - $1::text::timestamptz) BETWEEN 28790 AND 28800";
    let (time, end) = (welcome["details"]["timestamp"].as_str().unwrap(), welcome["expires_at"].as_str().unwrap());
    let row = acme.query_one(near, &[&time, &end]).unwrap();
    assert!(row.get::<_, bool>(0) && row.get::<_, bool>(1), "{time} {end}");
}

#[test]
fn registrations_are_checked() {
    let database = with_bob();
    let mut acme = database.connect_as("acme").unwrap();
    let with = |field: &str, value: Value| {
        let mut data = user("eve@example.org", "acme");
        data[field] = value;
        data
    };
    let mut without = user("eve@example.org", "acme");
    without.as_object_mut().unwrap().remove("password");
    let cases = [
        (json!("text"), "22023"),
        (json!([user("eve@example.org", "acme")]), "22023"),
        (json!({}), "22004"),
        (without, "22004"),
        (with("password", Value::Null), "22004"),
        (with("password", json!(12_345_678)), "22023"),
        (with("email", json!(["eve@example.org"])), "22023"),
        (with("tenant_id", json!({"id": "acme"})), "22023"),
        (with("role", json!("admin")), "22023"),
        (with("password", json!("1234567")), "22023"),
        (with("password", json!("")), "22023"),
        (with("password", json!(format!("{}a", "é".repeat(36)))), "22023"),
        (with("password", json!("x".repeat(100_000))), "22023"),
        (with("tenant_id", json!("x".repeat(256))), "22001"),
        (with("tenant_id", json!("globex")), "42501"),
        (with("tenant_id", json!("")), "42501"),
        (with("email", json!(format!("{}@example.org", "x".repeat(300)))), "22001"),
        (user("bob@example.org", "acme"), "23505"),
        (user("BOB@Example.ORG", "acme"), "23505"),
    ];
    let count = "SELECT count(*) FROM script_tracking.user_h h JOIN script_tracking.user_s USING (user_hk)
        JOIN script_tracking.credential_s USING (user_hk)";
    for (data, expected) in &cases {
        let answer = register(&mut acme, data);
        assert_eq!(code(&answer), *expected, "{data}: {answer}");
        assert!(!answer["details"]["suggestions"].as_array().unwrap().is_empty(), "{answer}");
    }
    let missing: Value = acme.query_one("SELECT auth.register_user_tracking(NULL)", &[]).unwrap().get(0);
    assert_eq!(code(&missing), "22004");
    assert_eq!(value(&mut database.connect().unwrap(), count), "1", "only bob");
    let recorded = operations(&database);
    assert_eq!(recorded.len(), cases.len() + 2);
    for (operation, (data, expected)) in recorded.iter().skip(1).zip(&cases) {
        assert_eq!((&*operation[1], &*operation[3]), ("FAILED", *expected), "{data}");
    }
}

#[test]
fn e_mail_addresses_have_a_form() {
    let database = installed();
    let mut superuser = database.connect().unwrap();
    let check = "SELECT script_tracking.check_email($1)";
    let (most, over) = ("x".repeat(64), "x".repeat(65));
    for email in
        ["a@b.co", "o'brien+tag@sub.example.org", "a.b-c_d@xn--bcher-kva.example", "x@1.2.io", &format!("{most}@b.co")]
    {
        superuser.query(check, &[&email]).unwrap();
    }
    for email in [
        "",
        "@",
        "a@",
        "@b.co",
        "a@b",
        "a b@b.co",
        "a@b.co ",
        " a@b.co",
        "a@b..co",
        "a@.co",
        "a@-b.co",
        "a@b-.co",
        ".a@b.co",
        "a.@b.co",
        "a..b@b.co",
        "a@b.co\n",
        "a@b.co\nBcc: c@d.co",
        "a@@b.co",
        "a@b@c.co",
        "é@b.co",
        "a@bücher.example",
        "a@b.1",
        "<a@b.co>",
        "a;b@b.co",
        "a\"b@b.co",
        "a@b.c",
        &format!("{over}@b.co"),
    ] {
        let error = superuser.query(check, &[&email]).unwrap_err();
        assert_eq!(error.code(), Some(&SqlState::INVALID_PARAMETER_VALUE), "{email:?}");
    }
}

#[test]
fn logins_are_answered_and_recorded() {
    let database = with_bob();
    let mut acme = database.connect_as("acme").unwrap();
    let tenant = key(&mut acme, "acme");
    assert_eq!(code(&login(&mut acme, "bob@example.org", PASSWORD)), "00000");
    assert_eq!(code(&login(&mut acme, "Bob@Example.org", PASSWORD)), "00000");
    let wrong = login(&mut acme, "bob@example.org", "correct horse batterz");
    let unknown = login(&mut acme, "eve@example.org", PASSWORD);
    assert_eq!(code(&wrong), "28P01");
    assert_eq!((&wrong["error_code"], &wrong["error_message"]), (&unknown["error_code"], &unknown["error_message"]));
    assert_eq!(wrong["details"]["suggestions"], unknown["details"]["suggestions"]);
    let none: Option<&str> = None;
    let call = "SELECT auth.login_user_tracking($1, $2, $3)";
    let too_long = format!("{PASSWORD}{}", "x".repeat(73));
    let long_email = "x".repeat(256);
    let cases = [
        (none, Some(PASSWORD), Some(tenant.as_slice()), "22004"),
        (Some("bob@example.org"), none, Some(tenant.as_slice()), "22004"),
        (Some("bob@example.org"), Some(PASSWORD), None, "22004"),
        (Some("bob@example.org"), Some(PASSWORD), Some(b"short".as_slice()), "22023"),
        (Some("bob@example.org"), Some(&too_long), Some(tenant.as_slice()), "22023"),
        (Some(&long_email), Some(PASSWORD), Some(tenant.as_slice()), "22001"),
        (Some("bob@example.org"), Some(""), Some(tenant.as_slice()), "28P01"),
    ];
    for (email, password, tenant, expected) in cases {
        let answer: Value = acme.query_one(call, &[&email, &password, &tenant]).unwrap().get(0);
        assert_eq!(code(&answer), expected, "{email:?} {password:?} {tenant:?}: {answer}");
    }
    let outcomes: Vec<String> = operations(&database).into_iter().skip(1).map(|row| row[3].clone()).collect();
    assert_eq!(
        outcomes,
        ["NULL", "NULL", "28P01", "28P01", "22004", "22004", "22004", "22023", "22023", "22001", "28P01"]
    );
}

#[test]
fn seventy_two_bytes_are_a_password_and_all_of_them_count() {
    let database = with_bob();
    let mut acme = database.connect_as("acme").unwrap();
    let password = "é".repeat(36);
    let mut data = user("eve@example.org", "acme");
    data["password"] = json!(password);
    assert_eq!(code(&register(&mut acme, &data)), "00000");
    assert_eq!(code(&login(&mut acme, "eve@example.org", &password)), "00000");
    assert_eq!(code(&login(&mut acme, "eve@example.org", &format!("{}è", "é".repeat(35)))), "28P01");
    assert_eq!(code(&login(&mut acme, "eve@example.org", &format!("{password}x"))), "22023");
}

#[test]
fn tenants_do_not_share_users() {
    let database = with_bob();
    let mut trusted = database.connect_as("trusted").unwrap();
    let mut data = user("bob@example.org", "globex");
    data["password"] = json!("another password");
    assert_eq!(code(&register(&mut trusted, &data)), "00000", "a trusted login names its tenant");
    assert_eq!(code(&login_to(&mut trusted, "bob@example.org", PASSWORD, "acme")), "00000");
    assert_eq!(code(&login_to(&mut trusted, "bob@example.org", PASSWORD, "globex")), "28P01");
    assert_eq!(code(&login_to(&mut trusted, "bob@example.org", "another password", "globex")), "00000");
    assert_eq!(code(&login_to(&mut trusted, "bob@example.org", PASSWORD, "nowhere")), "28P01");
    assert_eq!(code(&register(&mut trusted, &user("bob@example.org", "nowhere"))), "22023");
    assert_eq!(value(&mut trusted, "SELECT current_setting('script_tracking.tenant_hk')"), "", "put back");
    let mut globex = database.connect_as("globex").unwrap();
    assert_eq!(code(&login(&mut globex, "bob@example.org", PASSWORD)), "42501");
    let mut writer = database.connect_as("writer").unwrap();
    run(
        &mut writer,
        "SET script_tracking.tenant_hk = '822b33ad87c148a0a20a5ba7cd5ebcaa68d36a18e7aad165554903f52ca82757'",
    );
    assert_eq!(code(&login(&mut writer, "bob@example.org", PASSWORD)), "42501", "an unbound login can't choose");
    let mut admin = database.connect_as("admin").unwrap();
    assert_eq!(code(&login(&mut admin, "bob@example.org", PASSWORD)), "00000");
    let seen = value(
        &mut globex,
        "SELECT string_agg(execution_status || ' ' || coalesce(metadata->>'error_code', ''), ', '
        ORDER BY version_number) FROM script_tracking.script_execution_s WHERE load_end_date IS NULL",
    );
    assert_eq!(seen, "COMPLETED , FAILED 28P01, COMPLETED , FAILED 42501", "what was for globex or by globex");
}

#[test]
fn sessions_are_validated_and_revoked() {
    let database = with_bob();
    let mut acme = database.connect_as("acme").unwrap();
    let tenant = key(&mut acme, "acme");
    let other = key(&mut acme, "globex");
    let answer = login(&mut acme, "bob@example.org", PASSWORD);
    let token = answer["session_token"].as_str().unwrap().to_owned();
    assert_eq!(token.len(), 64);
    let call = |function: &str, login: &str, token: Option<&str>, tenant: Option<&[u8]>| -> Value {
        let mut client = database.connect_as(login).unwrap();
        client
            .query_one(&format!("SELECT auth.{function}_session_tracking($1, $2)"), &[&token, &tenant])
            .unwrap()
            .get(0)
    };
    let valid = call("validate", "acme", Some(&token), Some(&tenant));
    assert_eq!(code(&valid), "00000");
    assert_eq!((&valid["email"], &valid["user_hk"]), (&json!("bob@example.org"), &answer["user_hk"]));
    assert_eq!((&valid["tenant_hk"], &valid["expires_at"]), (&answer["tenant_hk"], &answer["expires_at"]));
    assert_eq!(code(&call("validate", "trusted", Some(&token), Some(&tenant))), "00000");
    assert_eq!(code(&call("validate", "trusted", Some(&token), Some(&other))), "28000");
    for function in ["validate", "revoke"] {
        assert_eq!(code(&call(function, "globex", Some(&token), Some(&other))), "28000");
        assert_eq!(code(&call(function, "globex", Some(&token), Some(&tenant))), "42501");
        assert_eq!(code(&call(function, "acme", Some("no token"), Some(&tenant))), "28000");
        assert_eq!(code(&call(function, "acme", None, Some(&tenant))), "28000");
        assert_eq!(code(&call(function, "acme", Some(&token), None)), "22004");
        assert_eq!(code(&call(function, "acme", Some(&token), Some(b"x"))), "22023");
    }
    assert_eq!(code(&call("revoke", "acme", Some(&token), Some(&tenant))), "00000");
    assert_eq!(code(&call("revoke", "acme", Some(&token), Some(&tenant))), "28000");
    assert_eq!(code(&call("validate", "acme", Some(&token), Some(&tenant))), "28000");
    let states = rows(&mut database.connect().unwrap(), "SELECT session_status, lead(load_date) OVER w IS NOT DISTINCT FROM load_end_date,
            hash_diff = script_tracking.hash_texts(session_status, (extract(epoch FROM expires_at) * 1000000)::bigint::text)
        FROM script_tracking.session_s WINDOW w AS (PARTITION BY session_hk ORDER BY load_date) ORDER BY load_date");
    assert_eq!(states, [["ACTIVE", "t", "t"], ["REVOKED", "t", "t"]]);
    // One that expired.
    let token = login(&mut acme, "bob@example.org", PASSWORD)["session_token"].as_str().unwrap().to_owned();
    run(&mut database.connect().unwrap(), "UPDATE script_tracking.session_s SET expires_at = clock_timestamp()");
    for function in ["validate", "revoke"] {
        assert_eq!(code(&call(function, "acme", Some(&token), Some(&tenant))), "28000");
    }
}

#[test]
fn two_registrations_and_two_revocations_at_once() {
    let database = with_bob();
    let data = user("eve@example.org", "acme");
    let mut acme = database.connect_as("acme").unwrap();
    let token = login(&mut acme, "bob@example.org", PASSWORD)["session_token"].as_str().unwrap().to_owned();
    let tenant = key(&mut acme, "acme");
    let answers: Vec<(Value, Value)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = database.connect_as("acme").unwrap();
                    let registered = register(&mut client, &data);
                    let revoke = "SELECT auth.revoke_session_tracking($1, $2)";
                    (registered, client.query_one(revoke, &[&token, &tenant]).unwrap().get(0))
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(answers.iter().filter(|(registered, _)| code(registered) == "00000").count(), 1, "{answers:?}");
    assert_eq!(answers.iter().filter(|(registered, _)| code(registered) == "23505").count(), 3, "{answers:?}");
    assert_eq!(answers.iter().filter(|(_, revoked)| code(revoked) == "00000").count(), 1, "{answers:?}");
}

#[test]
fn pgcrypto_may_be_anywhere_or_missing() {
    let database = server().create_database().unwrap();
    let mut superuser = database.connect().unwrap();
    run(
        &mut superuser,
        r#"CREATE SCHEMA "Odd schema"; CREATE EXTENSION pgcrypto SCHEMA "Odd schema";
        CREATE SCHEMA auth; CREATE TABLE auth.user_h (theirs integer); CREATE TABLE auth.session_s (theirs integer)"#,
    );
    // The template is made first: what it is made from is this server's roles too.
    drop(installed());
    psql(&database, "postgres", "install.sql").unwrap();
    run(&mut superuser, "SELECT auth.register_tenant('acme')");
    assert_eq!(code(&register(&mut superuser, &user("bob@example.org", "acme"))), "00000");
    assert_eq!(code(&login(&mut superuser, "bob@example.org", PASSWORD)), "00000");
    run(&mut superuser, "DROP EXTENSION pgcrypto");
    for answer in [
        register(&mut superuser, &user("eve@example.org", "acme")),
        login(&mut superuser, "bob@example.org", PASSWORD),
        login(&mut superuser, "eve@example.org", PASSWORD),
    ] {
        assert_eq!(code(&answer), "42883");
        assert_eq!(answer["details"]["suggestions"], json!(["Let an administrator run: CREATE EXTENSION pgcrypto;"]));
    }
}
