//! calculate_hash_key and calculate_hash_diff, on the vectors that the Rust core passes.

use std::path::Path;

use crate::support::installed;

fn vectors(name: &str) -> Vec<serde_json::Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn hash_keys() {
    let database = installed();
    let mut reader = database.connect_as("reader").unwrap();
    let cases = vectors("hash_key.jsonl");
    assert!(!cases.is_empty());
    for case in cases {
        let query = "SELECT encode(script_tracking.calculate_hash_key($1), 'hex')";
        let key = case["business_key"].as_str().unwrap();
        let found: String = reader.query_one(query, &[&key]).unwrap().get(0);
        assert_eq!(found, case["hash_key"].as_str().unwrap(), "{key:?}");
    }
}

#[test]
fn hash_diffs() {
    let database = installed();
    let mut reader = database.connect_as("reader").unwrap();
    let cases = vectors("hash_diff.jsonl");
    assert!(!cases.is_empty());
    // Settings of the session must not change a hash.
    reader
        .batch_execute("SET TimeZone = 'Asia/Kathmandu'; SET DateStyle = 'SQL, DMY'; SET bytea_output = 'escape'")
        .unwrap();
    for case in cases {
        let attributes = serde_json::to_string(&case["attributes"]).unwrap();
        let query = "WITH a AS (SELECT $1::text::json AS a),
            row AS (SELECT jsonb_populate_record(NULL::script_tracking.script_execution_s, jsonb_build_object(
                'script_name', a->>'script_name', 'script_type', a->>'script_type',
                'execution_status', a->>'execution_status', 'execution_duration_ms', a->'execution_duration_ms',
                'db_session_user', a->>'db_session_user', 'client_ip', a->>'client_ip',
                'affected_objects', a->'affected_objects', 'sql_command', a->>'sql_command',
                'error_message', a->>'error_message', 'metadata', (a->>'metadata')::jsonb,
                'execution_timestamp', timestamptz '1970-01-01 00:00Z'
                    + (a->>'execution_timestamp_us')::bigint / 1000000 * interval '1 s'
                    + (a->>'execution_timestamp_us')::bigint % 1000000 * interval '1 us')) AS r FROM a)
            SELECT encode(script_tracking.calculate_hash_diff(r), 'hex') FROM row";
        let found: String = reader.query_one(query, &[&attributes]).unwrap().get(0);
        assert_eq!(found, case["hash_diff"].as_str().unwrap(), "{}", case["canonical"]);
    }
}
