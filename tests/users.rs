//! Users on stores of our own: what is on disk, costs that change, stores that fail, users carried from store to store.
#![allow(clippy::expect_used, clippy::unwrap_used)] // helpers of a test are not in a #[test] themselves

use std::path::Path;
use std::sync::Arc;

use opledger::blocking::Tracker;
use opledger::model::{Document, Kind};
use opledger::store::{DynStore, Record, Scan};
use opledger::users::{ExposeSecret, Login, SecretString, UserData, UserSettings, sync_users};
use opledger::{Error, ErrorKind, Hash, History, Result, Scope, Store, hash_key};
use opledger_memory::MemoryStore;
use opledger_testkit::{Fault, Faulty};
use pollster::block_on;

const EMAIL: &str = "bob@example.org";
const PASSWORD: &str = "correct horse battery";

fn secret(text: &str) -> SecretString {
    SecretString::from(text)
}

/// A tracker of all tenants whose bcrypt takes the least work.
fn tracker<S: Store>(store: S) -> Tracker<S> {
    with_cost(store, 4)
}

fn with_cost<S: Store>(store: S, bcrypt_cost: u32) -> Tracker<S> {
    let users = UserSettings { bcrypt_cost, ..UserSettings::default() };
    opledger::Tracker::builder().users(users).build(store).for_all().into()
}

fn register<S: Store>(tracker: &Tracker<S>, email: &str, password: &str) -> Hash {
    tracker.register_tenant("acme").unwrap();
    let data = UserData::new(email, &secret(password), "acme");
    tracker.register_user(&data).unwrap().ours().unwrap().user_hk
}

fn login<S: Store>(tracker: &Tracker<S>, email: &str, password: &str) -> Result<Login> {
    tracker.login_user(email, &secret(password), hash_key("acme")).and_then(opledger::users::UserAnswer::ours)
}

fn is_wrong<T>(answer: Result<T>) -> bool {
    answer.is_err_and(|error| error.kind() == ErrorKind::InvalidPassword)
}

fn documents<S: Store>(tracker: &Tracker<S>, kind: Kind) -> Vec<Document> {
    let scan = Scan::Documents { kind, after: None };
    let page = block_on(tracker.inner().store().scan(Scope::All, &scan, 1000)).unwrap();
    let documents = page.records.into_iter().filter_map(|record| match record {
        Record::Document(document) => Some(*document),
        _ => None,
    });
    documents.collect()
}

/// All bytes of all files under a folder.
fn bytes_in(folder: &Path, into: &mut Vec<u8>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { bytes_in(&path, into) } else { into.extend(std::fs::read(&path).unwrap()) }
    }
}

fn nothing_secret_in_files<S: Store>(folder: &Path, open: impl Fn(&Path) -> S) {
    let tracker = tracker(open(folder));
    register(&tracker, EMAIL, PASSWORD);
    let token = login(&tracker, EMAIL, PASSWORD).unwrap().session_token;
    let tenant = hash_key("acme");
    tracker.validate_session(&token, tenant).unwrap();
    for _ in 0..6 {
        login(&tracker, "eve@nowhere.example", PASSWORD).unwrap_err();
    }
    login(&tracker, PASSWORD, "eve@nowhere.example").unwrap_err();
    tracker.revoke_session(&token, tenant).unwrap();
    tracker.close().unwrap();
    drop(tracker);
    let mut bytes = Vec::new();
    bytes_in(folder, &mut bytes);
    let holds = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
    assert!(holds(EMAIL.as_bytes()) && holds(b"$2a$04$"), "the files have the user");
    let token = token.expose_secret();
    let raw: Hash = token.parse().unwrap();
    for (what, text) in [
        ("password", PASSWORD.as_bytes()),
        ("token", token.as_bytes()),
        ("token, as bytes", raw.as_bytes()),
        ("e-mail of nobody", b"eve@nowhere.example"),
    ] {
        assert!(!holds(text), "the {what} is in the files");
    }
}

#[test]
fn no_file_of_sled_holds_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    nothing_secret_in_files(folder.path(), |path| opledger_sled::SledStore::open(path, Default::default()).unwrap());
}

#[test]
fn no_file_of_redb_holds_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    nothing_secret_in_files(folder.path(), |path| opledger_redb::RedbStore::open(path, Default::default()).unwrap());
}

#[test]
fn no_file_of_fjall_holds_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    nothing_secret_in_files(folder.path(), |path| opledger_fjall::FjallStore::open(path, Default::default()).unwrap());
}

#[test]
fn a_login_moves_a_user_to_the_cost_of_today() {
    let store: Arc<dyn DynStore> = Arc::new(MemoryStore::new());
    let user = register(&tracker(Arc::clone(&store)), EMAIL, PASSWORD);
    let costly = with_cost(store, 5);
    assert!(is_wrong(login(&costly, EMAIL, "a wrong password")));
    assert_eq!(documents(&costly, Kind::Credential).len(), 1, "a wrong password moves nobody");
    for _ in 0..2 {
        login(&costly, EMAIL, PASSWORD).unwrap();
    }
    let versions = documents(&costly, Kind::Credential);
    let prefixes: Vec<_> =
        versions.iter().map(|version| version.body.get("password_hash").unwrap()[..8].to_owned()).collect();
    assert_eq!(prefixes, ["\"$2a$04$", "\"$2a$05$"]);
    assert!(versions.iter().all(|version| version.key == user) && versions[0].load_date < versions[1].load_date);
}

#[test]
fn settings_outside_their_limits_are_refused() {
    let tracker = with_cost(MemoryStore::new(), 3);
    tracker.register_tenant("acme").unwrap();
    let error = tracker.register_user(&UserData::new(EMAIL, &secret(PASSWORD), "acme")).unwrap_err();
    assert_eq!(
        (error.kind(), error.message()),
        (ErrorKind::InvalidValue, "setting bcrypt_cost must be from 4 to 15, not 3")
    );
}

#[test]
fn a_login_that_can_not_be_counted_or_recorded_fails() {
    let (store, faults) = Faulty::new(MemoryStore::new());
    let tracker = tracker(store);
    register(&tracker, EMAIL, PASSWORD);
    let failed = |answer: Result<Login>| answer.unwrap_err().kind();
    faults.fail_commits([Fault::Before(ErrorKind::DiskFull)]);
    assert_eq!(failed(login(&tracker, EMAIL, PASSWORD)), ErrorKind::DiskFull, "not counted");
    faults.fail_commits([Fault::Before(ErrorKind::DiskFull)]);
    assert_eq!(failed(login(&tracker, EMAIL, "a wrong password")), ErrorKind::DiskFull, "not counted, not judged");
    faults.fail_reads(1, ErrorKind::Connection);
    assert_eq!(failed(login(&tracker, EMAIL, PASSWORD)), ErrorKind::Connection);
    assert_eq!(documents(&tracker, Kind::Session).len(), 0);
    login(&tracker, EMAIL, PASSWORD).unwrap();
    assert_eq!(documents(&tracker, Kind::Session).len(), 1);
}

/// Two logins in one microsecond drew the same six hex digits, and one of them was not on record.
#[test]
fn a_login_whose_business_key_is_taken_is_recorded_all_the_same() {
    let (store, faults) = Faulty::new(MemoryStore::new());
    let tracker = tracker(store);
    register(&tracker, EMAIL, PASSWORD);
    faults.fail_commits([Fault::Forestalled]);
    // Refused before it is counted, so that the record of it is the only commit.
    let error = login(&tracker, &"e".repeat(256), PASSWORD).unwrap_err();
    let logins = tracker.execution_history(&History::default()).unwrap().rows;
    let logins: Vec<_> = logins.iter().filter(|row| row.script_name == "User login").collect();
    assert_eq!(logins.len(), 2);
    assert_eq!(logins.iter().filter(|row| Some(row.script_execution_hk) == error.operation_id()).count(), 1);
}

#[test]
fn a_registration_that_was_cut_short_can_be_made_again() {
    // A crash between user and credential would have left an e-mail that nobody could register or log in with.
    let tracker = tracker(MemoryStore::new());
    let user = register(&tracker, EMAIL, PASSWORD);
    let half = self::tracker(MemoryStore::new());
    half.register_tenant("acme").unwrap();
    let document = documents(&tracker, Kind::User).remove(0);
    let put = opledger::store::Put { next: document, expect_open: None };
    let change = opledger::store::Change::Put(put);
    let unit = opledger::store::Unit { id: opledger::model::UnitId::random().unwrap(), change };
    block_on(half.inner().store().commit(vec![unit])).unwrap();
    assert!(is_wrong(login(&half, EMAIL, PASSWORD)));
    assert_eq!(register(&half, EMAIL, "another password"), user);
    login(&half, EMAIL, "another password").unwrap();
}

#[test]
fn users_are_carried_over_once_and_nothing_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let agent = tracker(opledger_sled::SledStore::open(folder.path(), Default::default()).unwrap());
    let server = with_cost(MemoryStore::new(), 5);
    let carry = || block_on(sync_users(agent.inner(), server.inner())).unwrap();
    for n in 0..250 {
        // More than a page.
        register(&agent, &format!("user{n}@example.org"), if n == 7 { PASSWORD } else { "12345678" });
    }
    let done = carry();
    assert_eq!((done.tenants, done.users, done.credentials), (1, 250, 250), "{:?}", done.conflicts);
    assert_eq!(carry(), opledger::users::UserSync::default(), "again, there is nothing to do");
    for kind in [Kind::Tenant, Kind::User, Kind::Credential] {
        assert_eq!(documents(&agent, kind), documents(&server, kind), "{kind}");
    }
    let email = "user7@example.org";
    assert!(is_wrong(login(&server, email, "12345678")));
    // The server moves the user to its cost: that version is newer, and goes back as it is.
    login(&server, email, PASSWORD).unwrap();
    assert_eq!(carry(), opledger::users::UserSync::default(), "what is behind overwrites nothing");
    let back = block_on(sync_users(server.inner(), agent.inner())).unwrap();
    assert_eq!((back.tenants, back.users, back.credentials, back.conflicts.len()), (0, 0, 1, 0));
    assert_eq!(documents(&agent, Kind::Credential), documents(&server, Kind::Credential));
    login(&agent, email, PASSWORD).unwrap();
}

#[test]
fn who_was_registered_on_both_sides_keeps_both_passwords() {
    let (agent, server) = (tracker(MemoryStore::new()), tracker(MemoryStore::new()));
    let user = register(&server, EMAIL, "of the server");
    register(&agent, "Bob@example.org", "of the agent");
    register(&agent, "eve@example.org", PASSWORD);
    for (from, to) in [(&agent, &server), (&server, &agent)] {
        let done = block_on(sync_users(from.inner(), to.inner())).unwrap();
        assert_eq!(done.conflicts.len(), 1);
        let conflict = &done.conflicts[0];
        assert_eq!((conflict.kind, conflict.user_hk, conflict.tenant), (Kind::User, user, Some(hash_key("acme"))));
        assert!(conflict.theirs.is_some_and(|theirs| theirs != conflict.ours));
    }
    login(&server, "eve@example.org", PASSWORD).unwrap();
    login(&server, EMAIL, "of the server").unwrap();
    assert!(is_wrong(login(&server, EMAIL, "of the agent")), "an agent can't take over a user of the server");
    login(&agent, EMAIL, "of the agent").unwrap();
}

#[test]
fn a_tenants_tracker_carries_its_own_users() {
    let (agent, server) = (tracker(MemoryStore::new()), tracker(MemoryStore::new()));
    register(&agent, EMAIL, PASSWORD);
    agent.register_tenant("globex").unwrap();
    let data = UserData::new(EMAIL, &secret(PASSWORD), "globex");
    agent.register_user(&data).unwrap();
    let globex = agent.for_tenant(hash_key("globex"));
    let done = block_on(sync_users(globex.inner(), server.for_tenant(hash_key("globex")).inner())).unwrap();
    assert_eq!((done.tenants, done.users, done.credentials), (1, 1, 1));
    assert!(documents(&server, Kind::User).iter().all(|user| user.tenant == Some(hash_key("globex"))));
}

#[test]
fn calls_can_run_on_any_executor() {
    fn is_send<T: Send>(future: T) -> T {
        future
    }
    let tracker = tracker(MemoryStore::new());
    let (inner, password) = (tracker.inner(), secret(PASSWORD));
    let data = UserData::new(EMAIL, &password, "acme");
    block_on(is_send(inner.register_tenant("acme"))).unwrap();
    block_on(is_send(inner.register_user(&data))).unwrap();
    let token =
        block_on(is_send(inner.login_user(EMAIL, &password, hash_key("acme")))).unwrap().ours().unwrap().session_token;
    block_on(is_send(inner.validate_session(&token, hash_key("acme")))).unwrap();
    block_on(is_send(inner.revoke_session(&token, hash_key("acme")))).unwrap();
    block_on(is_send(sync_users(inner, inner))).unwrap();
    let error: Error = tracker.validate_session(&token, hash_key("acme")).unwrap_err();
    assert!(error.to_string().starts_with("validate_session: "), "{error}");
}
