//! calculate_hash_key and calculate_hash_diff, on the vectors that the Rust core passes.

use std::path::Path;

use postgres::{Client, NoTls};

use crate::support::{installed, rows, run, server, value};

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

/// A hash is of UTF-8, however the database keeps its texts: else an agent's operations would be others here. What broke: a driver
/// could not install there at all, for a comment's `…` that LATIN1 has no place for.
#[test]
fn a_database_in_another_encoding_has_the_same_hashes() {
    let cluster = installed();
    run(
        &mut cluster.connect().unwrap(),
        "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'",
    );
    let beyond = opledger_sql::install_files().into_iter().filter(|file| !file.text.is_ascii()).map(|file| file.path);
    assert_eq!(beyond.collect::<Vec<_>>(), [""; 0], "files hold ASCII only");
    let mut client = Client::connect(&server().dsn("latin", "postgres"), NoTls).unwrap();
    client.batch_execute(&opledger_sql::install_script()).unwrap();
    let key = "SELECT encode(script_tracking.calculate_hash_key('é_Ünï'), 'hex')";
    assert_eq!(value(&mut client, key), value(&mut cluster.connect().unwrap(), key));
    let tracked = r#"SELECT script_tracking.complete_operation(script_tracking.start_operation(
        'é', 'T', '{ü}', 'SELECT ''ö''', '{"ñ": "å"}'), false, 'ß')"#;
    assert_eq!(value(&mut client, tracked), "t");
    let own = "SELECT count(*) FILTER (WHERE script_name = 'é'), count(*) FILTER (WHERE hash_diff = sha256(convert_to(
            jsonb_build_array('v1', script_name, script_type, execution_status,
                (extract(epoch FROM execution_timestamp) * 1000000)::bigint, execution_duration_ms, db_session_user, host(client_ip),
                to_jsonb(affected_objects), sql_command, error_message, metadata)::text, 'UTF8')))
        FROM script_tracking.script_execution_s WHERE script_type = 'T'";
    assert_eq!(rows(&mut client, own), [["2", "2"]]);
}
