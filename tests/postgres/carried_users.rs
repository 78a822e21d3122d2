//! Users between an agent's own store and PostgreSQL, where the SQL functions log them in.

use opledger::blocking::Tracker;
use opledger::model::{Kind, UnitId};
use opledger::store::{Change, Put, Record, Scan, Unit};
use opledger::users::{ExposeSecret, Login, SecretString, UserAnswer, UserData, UserSettings, UserSync, sync_users};
use opledger::{ErrorKind, Result, Scope, Store, hash_key};
use opledger_memory::MemoryStore;
use opledger_postgres::PostgresStore;
use opledger_sled::{Options, SledStore};
use opledger_testkit_postgres::Database;
use pollster::block_on;

use crate::support::{config, installed};

const EMAIL: &str = "bob@example.org";
/// With bytes above 127, where implementations of bcrypt differ; and as long as may be.
const PASSWORDS: [&str; 5] = [
    "correct horse battery",
    "ÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿÿ",
    "p\u{a3}\u{ff}\u{ff} \u{1f600} x",
    "0123456789012345678901234567890123456789012345678901234567890123456789ab",
    "\" ' \\ $2a$ \t %",
];

fn secret(text: &str) -> SecretString {
    SecretString::from(text)
}

/// An agent's store, with a cost of its own.
fn agent(folder: &tempfile::TempDir, bcrypt_cost: u32) -> Tracker<SledStore> {
    let users = UserSettings { bcrypt_cost, ..UserSettings::default() };
    let store = SledStore::open(folder.path(), Options::default()).expect("a store");
    opledger::Tracker::builder().users(users).build(store).into()
}

fn acme<S: Store>(tracker: &Tracker<S>) -> Tracker<S> {
    tracker.for_tenant(hash_key("acme"))
}

fn server(database: &Database<'_>, login: &str) -> Tracker<PostgresStore> {
    acme(&Tracker::new(PostgresStore::open(&config(database, login)).expect("the store opens")))
}

fn register<S: Store>(tracker: &Tracker<S>, email: &str, password: &str) {
    tracker.register_user(&UserData::new(email, &secret(password), "acme")).unwrap();
}

fn login<S: Store>(tracker: &Tracker<S>, email: &str, password: &str) -> Result<Login> {
    tracker.login_user(email, &secret(password), hash_key("acme")).and_then(UserAnswer::ours)
}

fn carry<A: Store, B: Store>(from: &Tracker<A>, to: &Tracker<B>) -> Result<UserSync> {
    block_on(sync_users(from.inner(), to.inner()))
}

fn counts(done: &UserSync) -> (u64, u64, u64, usize) {
    (done.tenants, done.users, done.credentials, done.conflicts.len())
}

/// One value that a superuser reads.
fn value(database: &Database<'_>, query: &str) -> String {
    database.connect().unwrap().query_one(query, &[]).unwrap().get(0)
}

/// What the SQL function says to a login, as `acme`.
fn sql_login(database: &Database<'_>, email: &str, password: &str) -> String {
    let call = "SELECT coalesce(a->>'error_code', a->>'success') FROM
        auth.login_user_tracking($1, $2, script_tracking.calculate_hash_key('acme')) a";
    database.connect_as("acme").unwrap().query_one(call, &[&email, &password]).unwrap().get(0)
}

#[test]
fn a_user_of_an_offline_agent_logs_in_by_sql() {
    let (database, folder) = (installed(), tempfile::tempdir().unwrap());
    let offline = agent(&folder, 4);
    offline.register_tenant("acme").unwrap();
    let offline = acme(&offline);
    for (n, password) in PASSWORDS.iter().enumerate() {
        register(&offline, &format!("user{n}@Example.org"), password);
    }
    let online = server(&database, "acme");
    let error = carry(&offline, &online).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Permission, "a tenant is registered by an admin: {error}");
    assert_eq!(value(&database, "SELECT count(*)::text FROM script_tracking.user_h"), "0");
    database.connect_as("admin").unwrap().batch_execute("SELECT auth.register_tenant('acme')").unwrap();
    assert_eq!(counts(&carry(&offline, &online).unwrap()), (0, 5, 5, 0));
    let again = carry(&offline, &online).unwrap();
    assert_eq!((counts(&again), again.withheld), ((0, 0, 0, 0), 5), "a writer is shown no credential");
    let again = carry(&offline, &server(&database, "keeper")).unwrap();
    assert_eq!((counts(&again), again.withheld), ((0, 0, 0, 0), 0), "an admin is, and they are the same");
    for (n, password) in PASSWORDS.iter().enumerate() {
        let email = format!("USER{n}@example.org");
        assert_eq!(sql_login(&database, &email, password), "true", "{password}");
        assert_eq!(sql_login(&database, &email, &password[..8]), "28P01", "{password}");
        login(&online, &email, password).unwrap();
    }
    let same = "SELECT string_agg(DISTINCT concat_ws(' ', h.user_hk = sha256(convert_to(h.user_bk, 'UTF8')),
            u.hash_diff = script_tracking.hash_texts(u.email), c.hash_diff = script_tracking.hash_texts(c.password_hash),
            u.load_date = h.load_date, c.bcrypt_cost, c.record_source), ', ')
        FROM script_tracking.user_h h JOIN script_tracking.user_s u USING (user_hk) JOIN script_tracking.credential_s c USING (user_hk)";
    assert_eq!(value(&database, same), "t t t t 4 opledger", "rows as the SQL API would have written them");
}

#[test]
fn a_user_of_postgres_logs_in_on_an_agent_and_the_newest_password_comes_back() {
    let (database, folder) = (installed(), tempfile::tempdir().unwrap());
    database.connect_as("admin").unwrap().batch_execute("SELECT auth.register_tenant('acme')").unwrap();
    let online = server(&database, "acme");
    for (n, password) in PASSWORDS.iter().enumerate() {
        let data =
            serde_json::json!({"email": format!("user{n}@example.org"), "password": password, "tenant_id": "acme"});
        let call = "SELECT auth.register_user_tracking($1::text::jsonb)->>'success'";
        let done: String = database.connect_as("acme").unwrap().query_one(call, &[&data.to_string()]).unwrap().get(0);
        assert_eq!(done, "true");
    }
    // The least cost that an agent may go on with is another one.
    let offline = acme(&agent(&folder, 5));
    let error = carry(&online, &offline).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Permission);
    assert!(error.message().contains("carry_credentials"), "{error}");
    let allow = "SELECT script_tracking.set_setting('carry_credentials', 'on')";
    database.connect_as("admin").unwrap().batch_execute(allow).unwrap();
    assert_eq!(counts(&carry(&online, &offline).unwrap()), (0, 5, 5, 0));
    assert_eq!(counts(&carry(&online, &offline).unwrap()), (0, 0, 0, 0));
    for (n, password) in PASSWORDS.iter().enumerate() {
        let email = format!("user{n}@example.org");
        assert_eq!(login(&offline, &email, &password[..8]).unwrap_err().kind(), ErrorKind::InvalidPassword);
        login(&offline, &email, password).unwrap();
    }
    // Each login moved its user to the agent's cost: newer versions, which go back.
    assert_eq!(counts(&carry(&offline, &online).unwrap()), (0, 0, 5, 0));
    assert_eq!(counts(&carry(&offline, &online).unwrap()), (0, 0, 0, 0));
    let chains = "SELECT string_agg(DISTINCT chain, ', ') FROM (SELECT concat_ws(' ', count(*), min(bcrypt_cost), max(bcrypt_cost),
            bool_and(load_end_date IS NOT DISTINCT FROM next)) AS chain
        FROM (SELECT *, lead(load_date) OVER (PARTITION BY user_hk ORDER BY load_date) AS next FROM script_tracking.credential_s) s
        GROUP BY user_hk) g";
    assert_eq!(value(&database, chains), "2 4 5 t");
    for (n, password) in PASSWORDS.iter().enumerate() {
        assert_eq!(sql_login(&database, &format!("user{n}@example.org"), password), "true");
    }
    let (there, here) = (online.inner(), offline.inner());
    for kind in [Kind::Tenant, Kind::User] {
        let scan = Scan::Documents { kind, after: None };
        let scope = Scope::Tenant(hash_key("acme"));
        let pages = (block_on(there.store().scan(scope, &scan, 50)), block_on(here.store().scan(scope, &scan, 50)));
        assert_eq!(pages.0.unwrap().records, pages.1.unwrap().records, "{kind}");
    }
}

#[test]
fn who_was_registered_on_both_sides_is_not_taken_over() {
    let (database, folder) = (installed(), tempfile::tempdir().unwrap());
    database.connect_as("admin").unwrap().batch_execute("SELECT auth.register_tenant('acme')").unwrap();
    let (online, offline) = (server(&database, "acme"), agent(&folder, 4));
    offline.register_tenant("acme").unwrap();
    let offline = acme(&offline);
    register(&online, EMAIL, "of the server");
    register(&offline, EMAIL, "of the agent");
    let done = carry(&offline, &online).unwrap();
    assert_eq!(counts(&done), (0, 0, 0, 1), "{:?}", done.conflicts);
    assert_eq!(sql_login(&database, EMAIL, "of the agent"), "28P01");
    assert_eq!(sql_login(&database, EMAIL, "of the server"), "true");
}

#[test]
fn a_login_carries_users_of_its_own_tenant_and_replaces_no_password() {
    let database = installed();
    let tenants = "SELECT auth.register_tenant('acme'), auth.register_tenant('globex')";
    database.connect_as("admin").unwrap().batch_execute(tenants).unwrap();
    let elsewhere: Tracker<MemoryStore> = opledger::Tracker::builder()
        .users(UserSettings { bcrypt_cost: 4, ..UserSettings::default() })
        .build(MemoryStore::new())
        .for_all()
        .into();
    for tenant in ["acme", "globex"] {
        elsewhere.register_tenant(tenant).unwrap();
        elsewhere.register_user(&UserData::new(EMAIL, &secret("12345678"), tenant)).unwrap();
    }
    let online = server(&database, "acme");
    let globex = elsewhere.for_tenant(hash_key("globex"));
    assert_eq!(carry(&globex, &online).unwrap_err().kind(), ErrorKind::Permission);
    assert_eq!(carry(&acme(&elsewhere), &server(&database, "reader")).unwrap_err().kind(), ErrorKind::Permission);
    assert_eq!(
        counts(&carry(&acme(&elsewhere), &online).unwrap()),
        (0, 1, 1, 0),
        "a new user is as good as registered"
    );
    // A newer password for a user who is there already.
    let newer = opledger::Tracker::builder().users(UserSettings { bcrypt_cost: 5, ..UserSettings::default() });
    let other: Tracker<MemoryStore> = newer.build(MemoryStore::new()).for_tenant(hash_key("acme")).into();
    carry(&acme(&elsewhere), &other).unwrap();
    login(&other, EMAIL, "12345678").unwrap();
    assert_eq!(carry(&other, &online).unwrap().withheld, 1);
    let scan = Scan::Documents { kind: Kind::Credential, after: None };
    let newest = block_on(other.inner().store().scan(Scope::All, &scan, 9)).unwrap().records.pop().unwrap();
    let Record::Document(newest) = newest else { panic!("{newest:?}") };
    let first = block_on(acme(&elsewhere).inner().store().scan(Scope::Tenant(hash_key("acme")), &scan, 9))
        .unwrap()
        .records
        .pop()
        .unwrap();
    let Record::Document(first) = first else { panic!("{first:?}") };
    let put = Put { next: *newest, expect_open: Some(first.hash_diff) };
    let unit = Unit { id: UnitId::random().unwrap(), change: Change::Put(put) };
    let error = block_on(online.inner().store().commit(vec![unit])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Permission, "who knows the hash there can't put another: {error}");
    assert!(error.message().contains("carry_credentials"), "{error}");
    assert_eq!(value(&database, "SELECT count(*)::text FROM script_tracking.credential_s"), "1");
    assert_eq!(counts(&carry(&other, &server(&database, "keeper")).unwrap()), (0, 0, 1, 0), "an admin may");
    for refused in ["store_user_put", "store_user_documents", "write_user_document", "user_document", "credential_s"] {
        let granted = format!(
            "SELECT (coalesce(has_table_privilege('acme', to_regclass('script_tracking.{refused}'), 'SELECT'), false) OR EXISTS (SELECT FROM pg_proc
                WHERE pronamespace = 'script_tracking'::regnamespace AND proname = '{refused}' AND has_function_privilege('acme', oid, 'EXECUTE')))::text"
        );
        assert_eq!(value(&database, &granted), "false", "{refused}");
    }
}

#[test]
fn a_sites_own_functions_answer_as_they_do() {
    let database = installed();
    let functions = r#"
        CREATE FUNCTION auth.login_user(varchar, varchar, bytea) RETURNS jsonb LANGUAGE sql AS
            $$SELECT jsonb_build_object('success', $2 = 'theirs', 'ticket', 7)$$;
        CREATE FUNCTION auth.register_user(jsonb) RETURNS jsonb LANGUAGE sql AS
            $$SELECT jsonb_build_object('success', true, 'role', $1->>'role')$$;"#;
    database.connect().unwrap().batch_execute(functions).unwrap();
    let online = server(&database, "acme");
    for (password, success) in [("theirs", true), ("another", false)] {
        let answer = online.login_user(EMAIL, &secret(password), hash_key("acme")).unwrap();
        let UserAnswer::Site(site) = answer else { panic!("{answer:?}") };
        assert_eq!((site.success(), site.json().expose_secret().contains("\"ticket\": 7")), (success, true));
    }
    let data = r#"{"email": "bob@example.org", "role": "boss", "tenant_id": "acme"}"#;
    let answer = online.register_user(&UserData::from_json(secret(data)).unwrap()).unwrap();
    let UserAnswer::Site(site) = answer else { panic!("{answer:?}") };
    assert!(site.json().expose_secret().contains("boss"), "more keys than ours are the site's affair");
    let recorded =
        "SELECT string_agg(execution_status, ', ' ORDER BY version_number) FROM script_tracking.current_executions
        WHERE script_type = 'AUTHENTICATION'";
    assert_eq!(value(&database, recorded), "COMPLETED, FAILED, COMPLETED");
}

#[test]
fn no_table_and_no_log_of_the_server_holds_a_secret() {
    let database = installed();
    database.connect_as("admin").unwrap().batch_execute("SELECT auth.register_tenant('acme')").unwrap();
    let (online, password) = (server(&database, "acme"), "Xyzzy-plugh-7391");
    register(&online, EMAIL, password);
    let token = login(&online, EMAIL, password).unwrap().session_token;
    online.validate_session(&token, hash_key("acme")).unwrap();
    login(&online, password, EMAIL).unwrap_err();
    login(&online, "eve@nowhere.example", password).unwrap_err();
    online.revoke_session(&token, hash_key("acme")).unwrap();
    let mut dump = database.server().program("pg_dump");
    let output = dump.args(["-d", database.name(), "--data-only", "--inserts"]).output().unwrap();
    let dump = String::from_utf8(output.stdout).unwrap();
    assert!(dump.contains(EMAIL) && dump.contains("$2a$04$"), "{}", String::from_utf8_lossy(&output.stderr));
    let log = std::fs::read_to_string(database.server().files_folder().join("log")).unwrap();
    for text in [&dump, &log] {
        for secret in [password, token.expose_secret(), "eve@nowhere"] {
            assert!(!text.contains(secret), "{secret}");
        }
    }
}
