//! Hashes against the cases that PostgreSQL itself made.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use opledger::hash::{DiffInput, Hash, Metadata, address_text, hash_key};
use serde_json::Value;

fn cases(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("a case is one line of JSON")).collect()
}

fn text<'a>(case: &'a Value, name: &str) -> Option<&'a str> {
    match &case[name] {
        Value::Null => None,
        value => Some(value.as_str().unwrap_or_else(|| panic!("{name} is not a text: {value}"))),
    }
}

#[test]
fn hash_keys_are_postgresqls() {
    let cases = cases(include_str!("vectors/hash_key.jsonl"));
    assert_eq!(cases.len(), 8);
    for case in cases {
        let expected: Hash = text(&case, "hash_key").unwrap().parse().unwrap();
        assert_eq!(hash_key(text(&case, "business_key").unwrap()), expected, "{case}");
    }
}

#[test]
fn hash_diffs_are_postgresqls() {
    let cases = cases(include_str!("vectors/hash_diff.jsonl"));
    assert_eq!(cases.len(), 80);
    for case in cases {
        let given = &case["attributes"];
        let metadata = text(given, "metadata").map(|metadata| Metadata::parse(metadata).unwrap());
        let objects: Option<Vec<Option<String>>> = serde_json::from_value(given["affected_objects"].clone()).unwrap();
        let client_ip = text(given, "client_ip").map(|ip| ip.parse().unwrap());
        let input = DiffInput {
            script_name: text(given, "script_name").unwrap(),
            script_type: text(given, "script_type").unwrap(),
            execution_status: text(given, "execution_status").unwrap(),
            execution_timestamp_us: given["execution_timestamp_us"].as_i64().unwrap(),
            execution_duration_ms: serde_json::from_value(given["execution_duration_ms"].clone()).unwrap(),
            db_session_user: text(given, "db_session_user"),
            client_ip,
            affected_objects: objects.as_deref(),
            sql_command: text(given, "sql_command"),
            error_message: text(given, "error_message"),
            metadata: metadata.as_ref(),
        };
        assert_eq!(input.canonical(), text(&case, "canonical").unwrap());
        assert_eq!(input.hash_diff().to_string(), text(&case, "hash_diff").unwrap(), "{case}");
        if let Some(ip) = client_ip {
            assert!(input.canonical().contains(&format!("\"{}\"", address_text(&ip))), "{case}");
        }
    }
}
