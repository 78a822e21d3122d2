//! `sync` and `copy` between an embedded store and PostgreSQL.

use std::time::{Duration, Instant};

use opledger::blocking::Tracker;
use opledger::users::{SecretString, UserData, UserSettings};
use opledger::{Store, hash_key};
use opledger_sled::{Options, SledStore};
use opledger_testkit_postgres::Database;

use crate::common::{Answer, Ledger, text};
use crate::support::{call, count, empty, installed, json, on, opledger, schema, url};

/// An agent's work: `operations` for a tenant, the first of them running, and one of the system's own.
fn work(ledger: &Ledger, tenant: &str, operations: usize) {
    let sled = SledStore::open(ledger.store(), Options::default()).unwrap();
    let tracker = Tracker::new(sled);
    tracker.track_operation("own", "MANUAL").unwrap().complete().unwrap();
    let theirs = tracker.for_tenant(hash_key(tenant));
    for n in 0..operations {
        let operation = theirs.track_operation(&format!("job {n}"), "MAINTENANCE").unwrap();
        match n {
            0 => {}
            n if n % 5 == 0 => drop(operation.fail("no power").unwrap()),
            _ => drop(operation.complete().unwrap()),
        }
    }
    tracker.close().unwrap();
}

fn register<S: Store>(store: S, email: &str, password: &str) {
    let users = UserSettings { bcrypt_cost: 4, ..UserSettings::default() };
    let tracker = Tracker::from(opledger::Tracker::builder().users(users).build(store));
    tracker.register_tenant("acme").unwrap();
    tracker
        .for_tenant(hash_key("acme"))
        .register_user(&UserData::new(email, &SecretString::from(password), "acme"))
        .unwrap();
    tracker.close().unwrap();
}

/// What the SQL function says to a login, as `acme`.
fn sql_login(database: &Database<'_>, email: &str, password: &str) -> String {
    let call = "SELECT coalesce(a->>'error_code', a->>'success')
        FROM auth.login_user_tracking($1, $2, script_tracking.calculate_hash_key('acme')) a";
    database.connect_as("acme").unwrap().query_one(call, &[&email, &password]).unwrap().get(0)
}

fn ok(answer: Answer) -> Answer {
    assert_eq!(answer.code, 0, "{}{}", answer.out, answer.err);
    answer
}

/// Rows without what is a store's own.
fn history(store: &str, tenant: &str) -> Vec<serde_json::Value> {
    json(store, ["history", "--tenant", tenant])
}

#[test]
fn an_agents_operations_and_users_arrive_as_its_tenants_login() {
    let (database, ledger) = (installed(), Ledger::new());
    let (to, from, acme) = (url(&database, "acme"), ledger.url(), hash_key("acme").to_string());
    work(&ledger, "acme", 20);
    register(SledStore::open(ledger.store(), Options::default()).unwrap(), "bob@example.org", "correct horse");
    database.connect_as("admin").unwrap().batch_execute("SELECT auth.register_tenant('acme')").unwrap();

    // The registration is an operation of its own.
    let sync = ["sync", "--to", &to, "--name", "agent-7", "--tenant", &acme];
    let sent = json(&from, sync);
    let numbers = |row: &serde_json::Value, fields: &[&str]| -> Vec<u64> {
        fields.iter().map(|field| row[field].as_u64().unwrap_or_else(|| panic!("{field} of {row}"))).collect()
    };
    let fields = ["conflicts", "users_sent", "users_received", "user_conflicts"];
    assert_eq!(numbers(&sent[0], &fields), [0, 1, 0, 0]);
    assert_eq!(history(&to, &acme), history(&from, &acme));
    assert_eq!(sql_login(&database, "BOB@example.org", "correct horse"), "true");
    assert_eq!(sql_login(&database, "bob@example.org", "correct hors"), "28P01");
    let own = "script_tracking.script_execution_s WHERE script_name = 'own'";
    assert_eq!(count(&database, own), 0, "the login's tenant, and nothing else");

    // Again there is nothing to send; that the server keeps its credentials to itself is said, and no error.
    let again = ok(on(&from, sync));
    assert!(again.err.contains("users were withheld") && again.err.contains("carry_credentials"), "{}", again.err);
    // The agent's own system rows are not this login's.
    let refused = on(&from, ["sync", "--to", &to, "--name", "agent-7"]);
    assert_eq!(refused.code, 3, "{}", refused.err);
    assert!(refused.err.contains("42501"), "{}", refused.err);

    for (store, direction) in [(&from, "to"), (&to, "from")] {
        let status = json(store, ["sync", "--status", "--tenant", &acme]);
        assert_eq!((text(&status[0], "direction"), text(&status[0], "agent")), (direction, "agent-7"));
        assert_eq!(status[0]["versions"], sent[0]["versions"]);
    }
}

#[test]
fn users_come_to_the_agent_where_the_setting_allows_it() {
    let (database, ledger) = (installed(), Ledger::new());
    let (to, acme) = (url(&database, "acme"), hash_key("acme").to_string());
    work(&ledger, "acme", 2);
    let register = "SELECT auth.register_tenant('acme')";
    database.connect_as("admin").unwrap().batch_execute(register).unwrap();
    let register = "SELECT auth.register_user_tracking(
        '{\"email\": \"eve@example.org\", \"password\": \"from the server\", \"tenant_id\": \"acme\"}'::jsonb)";
    database.connect_as("acme").unwrap().batch_execute(register).unwrap();
    let sync = ["sync", "--to", &to, "--tenant", &acme];
    assert_eq!(json(&ledger.url(), sync)[0]["users_received"], 0);
    let allow = "SELECT script_tracking.set_setting('carry_credentials', 'on')";
    database.connect_as("admin").unwrap().batch_execute(allow).unwrap();
    assert_eq!(json(&ledger.url(), sync)[0]["users_received"], 1);
    assert_eq!(json(&ledger.url(), sync)[0]["users_received"], 0);

    let agent = Tracker::new(SledStore::open(ledger.store(), Options::default()).unwrap());
    let login = |password: &str| {
        let password = SecretString::from(password);
        agent.for_tenant(hash_key("acme")).login_user("eve@example.org", &password, hash_key("acme"))
    };
    login("from the server").unwrap();
    login("from elsewhere").unwrap_err();
}

#[test]
fn a_store_moves_to_postgresql_and_back_with_its_tenants_and_users() {
    let (database, ledger) = (installed(), Ledger::new());
    let (server, from) = (url(&database, "admin"), ledger.url());
    work(&ledger, "acme", 20);
    register(SledStore::open(ledger.store(), Options::default()).unwrap(), "bob@example.org", "correct horse");
    let folder = |engine: &str| format!("{engine}:{}", ledger.dir.path().join(engine).display());
    let (redb, fjall) = (folder("redb"), folder("fjall"));
    for (from, to) in [(&from, &server), (&server, &redb), (&redb, &fjall)] {
        let copied = call(opledger().args(["--format", "json", "copy", "--from", from, "--to", to]));
        let row = &crate::support::rows(&ok(copied))[0];
        assert_eq!(
            (&row["differences"], &row["users_copied"], &row["user_conflicts"]),
            (&0.into(), &1.into(), &0.into())
        );
        assert_eq!(row["versions"], row["versions_sent"]);
        // It goes on where it stopped: at the end.
        let again = call(opledger().args(["--format", "json", "copy", "--from", from, "--to", to]));
        let row = &crate::support::rows(&ok(again))[0];
        assert_eq!((&row["versions_sent"], &row["users_copied"]), (&0.into(), &0.into()));
    }
    assert_eq!(history(&fjall, "all"), history(&from, "all"));
    assert_eq!(history(&fjall, "all").len(), 22, "tenants' operations, the system's own, and the registration");
    assert_eq!(sql_login(&database, "bob@example.org", "correct horse"), "true");
}

#[test]
fn a_copy_that_may_not_have_the_users_is_not_whole() {
    let (database, ledger) = (installed(), Ledger::new());
    work(&ledger, "acme", 2);
    register(SledStore::open(ledger.store(), Options::default()).unwrap(), "bob@example.org", "correct horse");
    let acme = hash_key("acme").to_string();
    // Nobody registered the tenant there, which its writer may not.
    let args = ["copy", "--from", &ledger.url(), "--to", &url(&database, "acme"), "--tenant", &acme];
    let copied = call(opledger().args(args));
    assert_eq!(copied.code, 1, "{}", copied.err);
    assert!(copied.err.contains("users were withheld"), "{}", copied.err);
    assert_eq!(count(&database, "script_tracking.user_h"), 0);
}

#[test]
fn one_database_under_two_urls_is_the_same_store() {
    let (database, ledger) = (installed(), Ledger::new());
    let (one, other) = (url(&database, "admin"), format!("{}&application_name=other", url(&database, "postgres")));
    on(&one, ["start", "job"]);
    for args in [vec!["copy", "--from", &one, "--to", &other], vec!["--store", &one, "sync", "--to", &other]] {
        let refused = call(opledger().args(&args));
        assert_eq!(refused.code, 2, "{args:?}: {}", refused.err);
        assert!(refused.err.contains("the same store"), "{args:?}: {}", refused.err);
    }
    // Another database of the server is another store, unless it was made from this one.
    let there = empty();
    schema(&there, "install", &[]);
    work(&ledger, "acme", 1);
    ok(call(opledger().args(["copy", "--from", &one, "--to", &url(&there, "admin")])));
    assert_eq!(count(&there, "script_tracking.script_execution_h"), 1);
}

#[test]
fn a_server_that_is_away_or_silent_is_given_up_within_30_seconds() {
    let ledger = Ledger::new();
    work(&ledger, "acme", 1);
    // Nobody listens on the one; the other takes connections and says nothing.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    for place in [closed, silent.local_addr().unwrap()] {
        let began = Instant::now();
        let answer = on(&ledger.url(), ["sync", "--to", &format!("postgres://robot@{place}/ledger")]);
        assert_eq!(answer.code, 3, "{}", answer.err);
        assert!(answer.err.contains("127.0.0.1"), "{}", answer.err);
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    }
    // What waits stays: where no sync was set up, a cleanup would take it. It did so until a first sync had reached its server.
    let status = json(&ledger.url(), ["sync", "--status"]);
    assert_eq!((&status[0]["waiting_versions"], &status[0]["versions"]), (&2.into(), &0.into()));
}
