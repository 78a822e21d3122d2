//! Users: the rules of the SQL API, on every store.

use std::time::Duration;

use opledger::hash::Metadata;
use opledger::model::{Document, Kind};
use opledger::store::{Record, Scan};
use opledger::users::{ExposeSecret, Login, Registration, SecretString, UserData, user_key};
use opledger::{Error, Hash, Operation, Position, Result, Scope, Status, Store, Tracker, hash_key};
use pollster::block_on;

use crate::recount::records;
use crate::{Bench, Factory};

const BOB: &str = "bob@example.org";
const PASSWORD: &str = "correct horse battery";
const WRONG: &str = "correct horse batterz";

fn secret(text: &str) -> SecretString {
    SecretString::from(text)
}

async fn register<S: Store>(tracker: &Tracker<S>, data: &UserData) -> Result<Registration> {
    tracker.register_user(data).await?.ours()
}

/// Logs in to the tracker's own tenant.
async fn login<S: Store>(tracker: &Tracker<S>, email: &str, password: &str) -> Result<Login> {
    login_to(tracker, email, password, tracker.scope().tenant().unwrap()).await
}

async fn login_to<S: Store>(tracker: &Tracker<S>, email: &str, password: &str, tenant: Hash) -> Result<Login> {
    tracker.login_user(email, &secret(password), tenant).await?.ours()
}

fn code<T>(answer: &Result<T>) -> &'static str {
    match answer {
        Ok(_) => "00000",
        Err(error) => error.kind().sqlstate(),
    }
}

/// The tenants acme and globex, and bob in acme; gives acme's tracker.
async fn with_bob<F: Factory>(bench: &Bench<F>) -> Tracker<F::Store> {
    for tenant in ["acme", "globex"] {
        assert_eq!(bench.tracker().register_tenant(tenant).await.unwrap(), hash_key(tenant));
    }
    let acme = bench.tenant("acme");
    register(&acme, &UserData::new(BOB, &secret(PASSWORD), "acme")).await.unwrap();
    acme
}

async fn documents<S: Store>(store: &S, scope: Scope, kind: Kind) -> Vec<Document> {
    let found = records(store, scope, Scan::Documents { kind, after: None }, 50).await.unwrap();
    let documents = found.into_iter().map(|record| match record {
        Record::Document(document) => *document,
        other => panic!("{other:?}"),
    });
    documents.collect()
}

/// The operation that an answer names, and the code it holds.
async fn recorded<S: Store>(tracker: &Tracker<S>, hk: Hash) -> (Operation, Option<String>) {
    let operation = tracker.operation(hk).await.unwrap().expect("the operation that the answer names");
    let code = operation.open.attributes.metadata.as_ref().unwrap().get("error_code");
    (operation, code.map(|code| code.trim_matches('"').to_owned()))
}

/// What a refusal must leave: an operation with its code and words, and nothing else.
async fn refused<S: Store, T>(tracker: &Tracker<S>, answer: Result<T>, expected: &str) -> Error {
    let code = code(&answer);
    let error = answer.err().unwrap_or_else(|| panic!("accepted, instead of {expected}"));
    assert_eq!(code, expected, "{error}");
    let (operation, code) = recorded(tracker, error.operation_id().expect("an operation")).await;
    let open = operation.open.attributes;
    assert_eq!((open.execution_status, code.as_deref()), (Status::Failed, Some(expected)));
    assert_eq!(open.error_message.as_deref(), Some(error.message()));
    let response = error.response(tracker.now());
    assert!(!response.success && !response.details.suggestions.is_empty(), "{response:?}");
    error
}

pub(super) async fn tenants_are_registered_once<F: Factory>(bench: &mut Bench<F>) {
    let tracker = bench.tracker();
    let acme = tracker.register_tenant("acme").await.unwrap();
    assert_eq!(acme, hash_key("acme"));
    let found = documents(tracker.store(), Scope::All, Kind::Tenant).await;
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].key, found[0].tenant), (acme, Some(acme)));
    assert_eq!(found[0].body.get("tenant_id").as_deref(), Some("\"acme\""));
    assert_eq!(tracker.register_tenant("acme").await.unwrap(), acme);
    assert_eq!(documents(tracker.store(), Scope::Tenant(acme), Kind::Tenant).await, found);
    assert_eq!(documents(tracker.store(), Scope::Tenant(hash_key("globex")), Kind::Tenant).await, []);
    for (id, expected) in [("", "22023"), ("a\0b", "22023"), (&*"é".repeat(256), "22001")] {
        let answer = tracker.register_tenant(id).await;
        assert_eq!(code(&answer), expected, "{id:?}");
        assert!(answer.unwrap_err().message().contains("p_tenant_id"));
    }
    assert_eq!(code(&bench.tenant("acme").register_tenant("mine").await), "42501");
    for id in ["Robert'); DROP TABLE script_tracking.tenant_h;--", &"é".repeat(255)] {
        assert_eq!(tracker.register_tenant(id).await.unwrap(), hash_key(id));
    }
    assert_eq!(documents(tracker.store(), Scope::All, Kind::Tenant).await.len(), 3);
}

pub(super) async fn a_registration_is_recorded<F: Factory>(bench: &mut Bench<F>) {
    let acme = with_bob(bench).await;
    let data = UserData::new("Eve@Example.org", &secret(PASSWORD), "acme");
    let answer = register(&acme, &data).await.unwrap();
    let tenant = hash_key("acme");
    assert_eq!(answer.user_hk, hash_key(&format!("{tenant}:eve@example.org")));
    assert_eq!((answer.user_hk, answer.tenant_hk), (user_key(tenant, "EVE@example.org"), tenant));
    let users = documents(acme.store(), acme.scope(), Kind::User).await;
    let eve = users.iter().find(|user| user.key == answer.user_hk).expect("the user");
    assert_eq!(eve.body.as_str(), r#"{"email": "Eve@Example.org"}"#);
    let credentials = documents(acme.store(), acme.scope(), Kind::Credential).await;
    assert_eq!((users.len(), credentials.len()), (2, 2));
    let stored = credentials.iter().find(|credential| credential.key == answer.user_hk).expect("the credential");
    let hash = stored.body.get("password_hash").unwrap();
    assert!(hash.starts_with("\"$2a$04$") && hash.len() == 62, "{hash}");
    let (operation, code) = recorded(&acme, answer.operation_id).await;
    let open = &operation.open.attributes;
    assert_eq!((open.script_name.as_str(), open.script_type.as_str()), ("User registration", "AUTHENTICATION"));
    assert_eq!((open.execution_status, code, &open.error_message), (Status::Completed, None, &None));
    let metadata = Metadata::from_pairs([("user_hk", answer.user_hk.to_string())]).unwrap();
    assert_eq!((open.metadata.as_ref(), operation.hub.tenant), (Some(&metadata), Some(tenant)));
    assert!(open.execution_duration_ms.is_some());
}

pub(super) async fn registrations_are_checked<F: Factory>(bench: &mut Bench<F>) {
    let acme = with_bob(bench).await;
    let with = |email: &str, password: &str, tenant_id: &str| {
        format!(r#"{{"email": {email}, "password": {password}, "tenant_id": {tenant_id}}}"#)
    };
    let (eve, right, own) = (r#""eve@example.org""#, r#""correct horse battery""#, r#""acme""#);
    let text = |text: &str| format!("\"{text}\"");
    let cases = [
        (r#""text""#.to_owned(), "22023", "p_user_data"),
        (format!("[{}]", with(eve, right, own)), "22023", "p_user_data"),
        ("{}".to_owned(), "22004", "email"),
        (r#"{"email": "eve@example.org", "tenant_id": "acme"}"#.to_owned(), "22004", "password"),
        (with(eve, "null", own), "22004", "password"),
        (with(eve, "12345678", own), "22023", "password"),
        (with(r#"["eve@example.org"]"#, right, own), "22023", "email"),
        (with(eve, right, r#"{"id": "acme"}"#), "22023", "tenant_id"),
        (with(eve, right, r#""acme", "role": "admin""#), "22023", "p_user_data"),
        (with(eve, &text("1234567"), own), "22023", "password"),
        (with(eve, &text(""), own), "22023", "password"),
        (with(eve, &text(&format!("{}a", "é".repeat(36))), own), "22023", "password"),
        (with(eve, &text(&"x".repeat(100_000)), own), "22023", "password"),
        (with(eve, right, &text(&"x".repeat(256))), "22001", "tenant_id"),
        (with(eve, right, r#""globex""#), "42501", "tenant"),
        (with(eve, right, r#""""#), "42501", "tenant"),
        (with(&text(&format!("{}@example.org", "x".repeat(300))), right, own), "22001", "email"),
        (with(&text("eve@example"), right, own), "22023", "email"),
        (with(&text("bob@example.org"), right, own), "23505", "e-mail"),
        (with(&text("BOB@Example.ORG"), right, own), "23505", "e-mail"),
    ];
    let before = documents(acme.store(), Scope::All, Kind::Credential).await;
    for (data, expected, named) in cases {
        let answer = register(&acme, &UserData::from_json(SecretString::from(data)).unwrap()).await;
        let error = refused(&acme, answer, expected).await;
        assert!(error.message().contains(named), "{error}");
        assert!(!error.message().contains("horse"), "{error}");
    }
    let nowhere = bench.tenant("nowhere");
    let answer = register(&nowhere, &UserData::new("eve@example.org", &secret(PASSWORD), "nowhere")).await;
    assert!(refused(&nowhere, answer, "22023").await.message().contains("registered tenant"));
    assert_eq!(code(&register(bench.tracker(), &UserData::new("eve@x.org", &secret(PASSWORD), "acme")).await), "42501");
    for text in ["{", r#"{"password": "correct horse battery}"#, "{\"password\": \"\\u0000\"}"] {
        let error = UserData::from_json(secret(text)).unwrap_err();
        assert!(error.kind().is_bad_input() && !error.to_string().contains("horse"), "{error}");
    }
    let answer = register(&acme, &UserData::new("eve@example.org", &secret("\0 correct horse"), "acme")).await;
    assert!(answer.unwrap_err().kind().is_bad_input());
    assert_eq!(documents(acme.store(), Scope::All, Kind::Credential).await, before, "only bob's");
    assert_eq!(documents(acme.store(), Scope::All, Kind::User).await.len(), 1, "only bob");
}

pub(super) async fn logins_are_answered_and_recorded<F: Factory>(bench: &mut Bench<F>) {
    let acme = with_bob(bench).await;
    for email in [BOB, "Bob@Example.org"] {
        let answer = login(&acme, email, PASSWORD).await.unwrap();
        assert_eq!(answer.session_token.expose_secret().len(), 64);
        let (operation, code) = recorded(&acme, answer.operation_id).await;
        let open = operation.open.attributes;
        assert_eq!((open.script_name.as_str(), open.execution_status, code), ("User login", Status::Completed, None));
        assert_eq!(open.metadata.unwrap().get("user_hk"), Some(format!("\"{}\"", user_key(hash_key("acme"), BOB))));
        assert_eq!(acme.versions(answer.operation_id).await.unwrap().rows.len(), 2);
    }
    let wrong = refused(&acme, login(&acme, BOB, WRONG).await, "28P01").await;
    let unknown = refused(&acme, login(&acme, "eve@example.org", PASSWORD).await, "28P01").await;
    assert_eq!(wrong.message(), unknown.message());
    let suggestions = |error: &Error| error.response(acme.now()).details.suggestions;
    assert_eq!(suggestions(&wrong), suggestions(&unknown));
    assert_eq!(suggestions(&wrong), ["Check e-mail and password"]);
    let too_long = "x".repeat(73);
    refused(&acme, login(&acme, BOB, &too_long).await, "22023").await;
    refused(&acme, login(&acme, &"x".repeat(256), PASSWORD).await, "22001").await;
    refused(&acme, login(&acme, "", PASSWORD).await, "28P01").await;
    refused(&acme, login(&acme, BOB, "").await, "28P01").await;
    for (email, password) in [("bob\0@example.org", PASSWORD), (BOB, "a\0b")] {
        assert!(login(&acme, email, password).await.unwrap_err().kind().is_bad_input());
    }
    for email in ["' OR '1'='1", "bob@example.org'--", "$$", "$1", "%", "\\", "\"}"] {
        refused(&acme, login(&acme, email, "' OR true --").await, "28P01").await;
    }
}

pub(super) async fn seventy_two_bytes_count<F: Factory>(bench: &mut Bench<F>) {
    let acme = with_bob(bench).await;
    let password = "é".repeat(36);
    register(&acme, &UserData::new("eve@example.org", &secret(&password), "acme")).await.unwrap();
    assert_eq!(code(&login(&acme, "eve@example.org", &password).await), "00000");
    let last = format!("{}è", "é".repeat(35));
    assert_eq!(code(&login(&acme, "eve@example.org", &last).await), "28P01");
    assert_eq!(code(&login(&acme, "eve@example.org", &format!("{password}x")).await), "22023");
    // Letters that need an escape in JSON.
    let odd = "quote \" slash \\ tab \t";
    register(&acme, &UserData::new("odd@example.org", &secret(odd), "acme")).await.unwrap();
    assert_eq!(code(&login(&acme, "odd@example.org", odd).await), "00000");
}

pub(super) async fn tenants_do_not_share_users<F: Factory>(bench: &mut Bench<F>) {
    let acme = with_bob(bench).await;
    let globex = bench.tenant("globex");
    register(&globex, &UserData::new(BOB, &secret("another password"), "globex")).await.unwrap();
    assert_eq!(code(&login(&acme, BOB, PASSWORD).await), "00000");
    assert_eq!(code(&login(&globex, BOB, PASSWORD).await), "28P01");
    assert_eq!(code(&login(&globex, BOB, "another password").await), "00000");
    let other = hash_key("acme");
    refused(&globex, login_to(&globex, BOB, PASSWORD, other).await, "42501").await;
    refused(bench.tracker(), login_to(bench.tracker(), BOB, PASSWORD, other).await, "42501").await;
    let nowhere = bench.tenant("nowhere");
    refused(&nowhere, login(&nowhere, BOB, PASSWORD).await, "28P01").await;
    assert_eq!(documents(globex.store(), globex.scope(), Kind::User).await.len(), 1);
    assert_eq!(documents(globex.store(), globex.scope(), Kind::Credential).await.len(), 1);
    assert_eq!(documents(bench.tracker().store(), Scope::System, Kind::Credential).await, []);
}

pub(super) async fn sessions_are_validated_and_revoked<F: Factory>(bench: &mut Bench<F>) {
    let acme = with_bob(bench).await;
    let (globex, tenant, other) = (bench.tenant("globex"), hash_key("acme"), hash_key("globex"));
    let answer = login(&acme, BOB, PASSWORD).await.unwrap();
    let token = &answer.session_token;
    let session = acme.validate_session(token, tenant).await.unwrap();
    assert_eq!((session.email.as_str(), session.user_hk), (BOB, answer.user_hk));
    assert_eq!((session.tenant_hk, session.expires_at), (tenant, answer.expires_at));
    let second = login(&acme, BOB, PASSWORD).await.unwrap().session_token;
    assert_ne!(second.expose_secret(), token.expose_secret());
    let before = records(acme.store(), Scope::All, Scan::HISTORY, 50).await.unwrap().len();
    assert_eq!(code(&globex.validate_session(token, other).await), "28000");
    assert_eq!(code(&globex.revoke_session(token, other).await), "28000");
    assert_eq!(code(&globex.validate_session(token, tenant).await), "42501");
    assert_eq!(code(&globex.revoke_session(token, tenant).await), "42501");
    assert_eq!(code(&bench.tracker().validate_session(token, tenant).await), "42501");
    for token in ["no token", "", "' OR true --"] {
        assert_eq!(code(&acme.validate_session(&secret(token), tenant).await), "28000");
        assert_eq!(code(&acme.revoke_session(&secret(token), tenant).await), "28000");
    }
    assert_eq!(code(&acme.validate_session(token, tenant).await), "00000", "nothing of that revoked it");
    assert_eq!(code(&acme.revoke_session(token, tenant).await), "00000");
    assert_eq!(code(&acme.revoke_session(token, tenant).await), "28000");
    assert_eq!(code(&acme.validate_session(token, tenant).await), "28000");
    assert_eq!(code(&acme.validate_session(&second, tenant).await), "00000", "another session goes on");
    bench.elapse_for_logins(Duration::from_secs(479 * 60));
    assert_eq!(code(&acme.validate_session(&second, tenant).await), "00000");
    bench.elapse_for_logins(Duration::from_secs(60));
    assert_eq!(code(&acme.validate_session(&second, tenant).await), "28000");
    assert_eq!(code(&acme.revoke_session(&second, tenant).await), "28000");
    let after = records(acme.store(), Scope::All, Scan::HISTORY, 50).await.unwrap().len();
    assert_eq!(after, before, "validating and revoking record no operation");
}

pub(super) async fn failures_lock_out_the_known_and_the_unknown<F: Factory>(bench: &mut Bench<F>) {
    let acme = with_bob(bench).await;
    let eve = "eve@example.org";
    for _ in 0..4 {
        assert_eq!(code(&login(&acme, BOB, WRONG).await), "28P01");
        assert_eq!(code(&login(&acme, eve, WRONG).await), "28P01");
    }
    assert_eq!(code(&login(&acme, BOB, PASSWORD).await), "00000", "a success ends the count");
    assert_eq!(code(&login(&acme, eve, WRONG).await), "28P01");
    for _ in 0..5 {
        assert_eq!(code(&login(&acme, BOB, WRONG).await), "28P01");
    }
    bench.elapse_for_logins(Duration::from_secs(14 * 60));
    for email in [BOB, eve] {
        let error = refused(&acme, login(&acme, email, PASSWORD).await, "28000").await;
        assert_eq!(error.message(), "too many failed logins within 15 minutes", "even with the right password");
        assert_eq!(error.response(acme.now()).details.suggestions, ["Log in again later"]);
    }
    assert_eq!(code(&login(&acme, "carl@example.org", PASSWORD).await), "28P01", "another is not locked out");
    assert_eq!(code(&login(&acme, BOB, WRONG).await), "28000", "and this does not prolong it");
    bench.elapse_for_logins(Duration::from_secs(60));
    assert_eq!(code(&login(&acme, BOB, PASSWORD).await), "00000", "it ends by itself");
    assert_eq!(code(&login(&acme, eve, PASSWORD).await), "28P01");
}

pub(super) async fn guesses_at_once_are_counted<F: Factory>(bench: &mut Bench<F>) {
    let acme = with_bob(bench).await;
    let codes: Vec<&str> = std::thread::scope(|scope| {
        let guess = || scope.spawn(|| code(&block_on(login(&acme, BOB, WRONG))));
        let threads: Vec<_> = (0..12).map(|_| guess()).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let count = |wanted: &str| codes.iter().filter(|code| **code == wanted).count();
    assert_eq!((count("28P01"), count("28000")), (5, 7), "{codes:?}");
    assert_eq!(code(&login(&acme, BOB, PASSWORD).await), "28000");
}

pub(super) async fn of_registrations_and_revocations_at_once_one_does<F: Factory>(bench: &mut Bench<F>) {
    let acme = with_bob(bench).await;
    let token = login(&acme, BOB, PASSWORD).await.unwrap().session_token;
    let answers: Vec<(&str, &str)> = std::thread::scope(|scope| {
        let (acme, token) = (&acme, &token);
        let both = move |n: usize| {
            let data = UserData::new("eve@example.org", &secret(&format!("password of {n}")), "acme");
            let registered = code(&block_on(register(acme, &data)));
            (registered, code(&block_on(acme.revoke_session(token, hash_key("acme")))))
        };
        let threads: Vec<_> = (0..4).map(|n| scope.spawn(move || both(n))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let done = answers.iter().position(|(registered, _)| *registered == "00000").expect("one registers");
    assert_eq!(answers.iter().filter(|(registered, _)| *registered == "23505").count(), 3, "{answers:?}");
    assert_eq!(answers.iter().filter(|(_, revoked)| *revoked == "00000").count(), 1, "{answers:?}");
    assert_eq!(answers.iter().filter(|(_, revoked)| *revoked == "28000").count(), 3, "{answers:?}");
    assert_eq!(code(&login(&acme, "eve@example.org", &format!("password of {done}")).await), "00000");
}

pub(super) async fn no_secret_is_stored_or_printed<F: Factory>(bench: &mut Bench<F>) {
    let acme = with_bob(bench).await;
    let (password, email) = ("Xyzzy-plugh-7391", "carl@example.org");
    let data = UserData::new(email, &secret(password), "acme");
    let mut printed = vec![format!("{data:?} {acme:?}"), format!("{:?}", register(&acme, &data).await)];
    let answer = login(&acme, email, password).await.unwrap();
    let token = answer.session_token.expose_secret().to_owned();
    printed.push(format!("{answer:?}"));
    printed.push(format!("{:?}", acme.validate_session(&answer.session_token, hash_key("acme")).await));
    // In wrong places, and in what is refused.
    printed.push(format!("{:?}", login(&acme, password, email).await));
    for text in [
        format!(r#"{{"email": "{password}", "password": "{email}", "tenant_id": "acme"}}"#),
        format!(r#"{{"{password}": "{password}", "email": "{email}", "password": "{password}", "tenant_id": "acme"}}"#),
        format!(r#"{{"email": "{email}", "password": "{password}", "tenant_id": "{password}"}}"#),
        format!("\"{password}\""),
    ] {
        printed.push(format!("{:?}", register(&acme, &UserData::from_json(SecretString::from(text)).unwrap()).await));
    }
    printed.push(format!("{:?}", UserData::from_json(SecretString::from(format!("{{\"{password}\""))).unwrap_err()));
    for _ in 0..6 {
        printed.push(format!("{:?}", login(&acme, "eve@example.org", password).await));
    }
    printed.push(format!("{:?}", acme.revoke_session(&answer.session_token, hash_key("acme")).await));
    let secrets = [password, &token, "carl", "eve@"];
    for text in &printed {
        assert!(secrets.iter().all(|secret| !text.contains(secret)), "{text}");
    }
    let mut stored = 0;
    for kind in Kind::ALL {
        for document in documents(acme.store(), Scope::All, kind).await {
            stored += 1;
            let text = format!("{document:?} {}", document.body.as_str());
            let secrets = if kind == Kind::User { &secrets[..2] } else { &secrets[..] };
            assert!(secrets.iter().all(|secret| !text.contains(secret)), "{text}");
        }
    }
    assert!(stored >= 6, "tenants, users and credentials");
    let log = Scan::Log { after: Position::START };
    let entries = records(acme.store(), Scope::All, log, 50).await.unwrap();
    assert!(entries.len() >= 28, "{} entries", entries.len());
    for entry in entries {
        let text = format!("{entry:?}");
        assert!(secrets.iter().all(|secret| !text.contains(secret)), "{text}");
    }
}

pub(super) async fn reopening_keeps_users<F: Factory>(bench: &mut Bench<F>) {
    let acme = with_bob(bench).await;
    for _ in 0..5 {
        assert_eq!(code(&login(&acme, "eve@example.org", PASSWORD).await), "28P01");
    }
    let token = login(&acme, BOB, PASSWORD).await.unwrap().session_token;
    drop(acme);
    bench.reopen().await;
    let acme = bench.tenant("acme");
    assert_eq!(code(&acme.validate_session(&token, hash_key("acme")).await), "00000");
    assert_eq!(code(&login(&acme, "eve@example.org", PASSWORD).await), "28000", "a lock outlasts the process");
    assert_eq!(code(&login(&acme, BOB, WRONG).await), "28P01");
    assert_eq!(code(&login(&acme, BOB, PASSWORD).await), "00000");
    let again = UserData::new(BOB, &secret(PASSWORD), "acme");
    assert_eq!(code(&register(&acme, &again).await), "23505");
}

pub(super) async fn answers_have_the_shape_of_sql<F: Factory>(bench: &mut Bench<F>) {
    let acme = with_bob(bench).await;
    let keys = |text: &str, keys: &[&str]| {
        let answer = Metadata::parse(text).unwrap();
        assert!(keys.iter().all(|key| answer.get(key).is_some()), "{text}");
        let parts = keys.iter().map(|key| (*key, ""));
        assert!(Metadata::from_pairs(parts).unwrap().additions_to(&answer).is_some(), "{text}");
        answer
    };
    let answer = login(&acme, BOB, PASSWORD).await.unwrap();
    let text = answer.response(acme.now());
    let login =
        keys(text.expose_secret(), &["success", "session_token", "expires_at", "user_hk", "tenant_hk", "details"]);
    assert_eq!(login.get("success").as_deref(), Some("true"));
    let details = Metadata::parse(&login.get("details").unwrap()).unwrap();
    assert_eq!(details.get("operation_id"), Some(format!("\"{}\"", answer.operation_id)));
    let session = acme.validate_session(&answer.session_token, hash_key("acme")).await.unwrap();
    let session = keys(&session.response(acme.now()), &["success", "email", "user_hk", "tenant_hk", "expires_at"]);
    assert_eq!(session.get("expires_at"), login.get("expires_at"));
}
