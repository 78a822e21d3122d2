//! Bad input is refused and named; large input comes back as it was.

use opledger::hash::Metadata;
use opledger::model::{MAX_OBJECTS, MAX_TEXT};
use opledger::store::Scan;
use opledger::{Additions, ErrorKind, NewOperation, Outcome, Position, Scope};

use crate::bench::begin;
use crate::recount::records;
use crate::{Bench, Factory};

pub(super) async fn bad_input_is_refused<F: Factory>(bench: &mut Bench<F>) {
    let tracker = bench.tracker();
    let new = || NewOperation::new("fine");
    let (long, longer) = (ErrorKind::TooLong, ErrorKind::InvalidValue);
    let cases = [
        ("script_name", longer, NewOperation::new("a\0b")),
        ("script_name", longer, NewOperation::new("")),
        ("script_name", long, NewOperation::new("é".repeat(256))),
        ("script_type", longer, new().script_type("a\0b")),
        ("script_type", longer, new().script_type("")),
        ("script_type", longer, new().script_type("OVERALL")),
        ("script_type", long, new().script_type("é".repeat(51))),
        ("db_session_user", longer, new().user("a\0b")),
        ("db_session_user", long, new().user("é".repeat(101))),
        ("sql_command", longer, new().sql_command("a\0b")),
        ("affected_objects", longer, new().object("a\0b")),
    ];
    for (field, kind, new) in cases {
        let error = tracker.start(new).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.message().contains(field), "{error}");
    }
    assert_eq!(records(tracker.store(), Scope::All, Scan::Log { after: Position::START }, 10).await.unwrap(), []);
    for name in ["a".repeat(255), "é".repeat(255), "𝄞".repeat(255), " ".to_owned()] {
        let new = NewOperation::new(name.clone()).script_type("é".repeat(50)).user("é".repeat(100));
        let hk = tracker.start(new).await.unwrap().hash_key();
        assert_eq!(tracker.operation(hk).await.unwrap().unwrap().open.attributes.script_name, name);
    }
}

pub(super) async fn long_texts_are_refused<F: Factory>(bench: &mut Bench<F>) {
    let tracker = bench.tracker();
    let handle = begin(tracker, "A").await;
    let hk = handle.hash_key();
    let text = "x".repeat(MAX_TEXT + 1);
    let many = (0..=MAX_OBJECTS).map(|n| n.to_string()).collect();
    let half = "y".repeat(MAX_TEXT / 2 + 1);
    let additions = [
        Additions { sql_command: Some(text.clone()), ..Additions::default() },
        Additions { objects: vec![text.clone()], ..Additions::default() },
        Additions { objects: many, ..Additions::default() },
        Additions { objects: vec![half.clone(), format!("{half}!")], ..Additions::default() },
    ];
    for additions in additions {
        let error = tracker.annotate_operation(hk, additions).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLong, "{error}");
        assert_eq!(error.operation_id(), Some(hk));
    }
    for message in [text.as_str(), "a\0b"] {
        let error = tracker.complete_operation(hk, false, Some(message)).await.unwrap_err();
        assert!(error.kind().is_bad_input() && error.message().contains("error_message"), "{error}");
    }
    let error = Metadata::from_pairs([("k", text)]).unwrap_err();
    assert_eq!(error.sqlstate(), "22023");
    let half = |key: &str| Additions {
        metadata: Some(Metadata::from_pairs([(key, half.as_str())]).unwrap()),
        ..Additions::default()
    };
    tracker.annotate_operation(hk, half("a")).await.unwrap();
    let error = tracker.annotate_operation(hk, half("b")).await.unwrap_err();
    assert!(error.kind().is_bad_input(), "{error}");
    assert_eq!(tracker.versions(hk).await.unwrap().rows.len(), 2);
}

pub(super) async fn large_texts_come_back<F: Factory>(bench: &mut Bench<F>) {
    let message: String = "é€𝄞 ".chars().cycle().take(MAX_TEXT / 3).collect();
    let message = format!("{}{message}", "m".repeat(MAX_TEXT - message.len()));
    let command = "SELECT 1; ".repeat(MAX_TEXT / 10);
    let objects: Vec<_> = (0..MAX_OBJECTS).map(|n| format!("schema.table_{n}")).collect();
    let metadata = Metadata::from_pairs([("big", "v".repeat(MAX_TEXT - 100))]).unwrap();
    let tracker = bench.tracker();
    let mut handle = begin(tracker, "A").await;
    let hk = handle.hash_key();
    let small = begin(tracker, "A").await.hash_key();
    let additions = Additions { metadata: Some(metadata.clone()), objects: objects.clone(), sql_command: None };
    handle.annotate(additions).await.unwrap();
    let last = Additions { sql_command: Some(command.clone()), ..Additions::default() };
    handle.finish(Outcome::Failure(Some(message.clone())), last).await.unwrap();
    bench.reopen().await;
    let tracker = bench.tracker();
    let open = tracker.operation(hk).await.unwrap().unwrap().open;
    assert!(open.attributes.error_message.as_deref() == Some(&message), "error_message changed");
    assert!(open.attributes.sql_command.as_deref() == Some(&command), "sql_command changed");
    assert!(open.attributes.metadata == Some(metadata), "metadata changed");
    let stored = open.attributes.affected_objects.as_ref().unwrap();
    assert!(stored.iter().flatten().eq(&objects), "affected_objects changed");
    assert_eq!(open.hash_diff, open.attributes.hash_diff());
    assert_eq!(tracker.versions(hk).await.unwrap().rows.len(), 3);
    assert!(tracker.operation(small).await.unwrap().is_some());
    bench.clock.elapse(2 * opledger::report::DAY);
    assert_eq!(tracker.cleanup_old_data(1).await.unwrap().operations, 1);
}

pub(super) async fn all_fields_come_back<F: Factory>(bench: &mut Bench<F>) {
    let metadata = Metadata::parse(r#"{"n": 1.50, "nested": {"a": [1, null, "é\u0001"]}, "big": 1e400}"#).unwrap();
    let mut hks = Vec::new();
    for address in ["192.0.2.7", "2001:db8::1", "::ffff:192.0.2.7"] {
        let new = NewOperation::new("Größe_2024 \u{1f600}'\"\\")
            .script_type("REPORTING")
            .user("ünal")
            .client_ip(address.parse().unwrap())
            .object("a")
            .object("")
            .object("a")
            .sql_command("SELECT 'it''s'")
            .metadata(metadata.clone());
        let mut handle = bench.tracker().start(new).await.unwrap();
        let same = handle.operation().clone();
        assert_eq!(bench.tracker().operation(handle.hash_key()).await.unwrap(), Some(same));
        handle.annotate(Additions { objects: vec!["b".to_owned()], ..Additions::default() }).await.unwrap();
        hks.push(handle.operation().clone());
    }
    bench.reopen().await;
    for operation in hks {
        let hk = operation.hub.script_execution_hk;
        assert_eq!(bench.tracker().operation(hk).await.unwrap(), Some(operation));
    }
}
