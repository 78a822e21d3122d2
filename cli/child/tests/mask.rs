//! Which secrets are masked, and what is left alone.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "only tests are here")]

use std::ffi::OsString;

use opledger_child::Masker;
use proptest::prelude::*;

fn masker(argv: &[&str]) -> Masker {
    Masker::from_argv(&argv.iter().map(OsString::from).collect::<Vec<_>>())
}

fn masked(argv: &[&str]) -> Vec<String> {
    masker(argv).argv()
}

#[test]
fn secrets_in_arguments() {
    let cases: &[(&[&str], &[&str])] = &[
        (&["x", "--password", "hunter2"], &["x", "--password", "***"]),
        (&["x", "--password=hunter2"], &["x", "--password=***"]),
        (&["x", "--password=a b=c"], &["x", "--password=***"]),
        (&["x", "--db-password", "hunter2"], &["x", "--db-password", "***"]),
        (&["x", "--token", "t0k3n"], &["x", "--token", "***"]),
        (&["x", "--api-key", "k"], &["x", "--api-key", "***"]),
        (&["x", "--apiKey=k"], &["x", "--apiKey=***"]),
        (&["x", "--secret", "s", "--passphrase", "a b"], &["x", "--secret", "***", "--passphrase", "***"]),
        (&["x", "--password", "-Rx81kd02LQmnZ"], &["x", "--password", "***"]),
        (&["mysql", "-uroot", "-phunter2", "db"], &["mysql", "-uroot", "-p***", "db"]),
        (
            &["docker", "exec", "c", "/usr/bin/mysqldump", "-phunter2"],
            &["docker", "exec", "c", "/usr/bin/mysqldump", "-p***"],
        ),
        (&["sshpass", "-p", "hunter2", "ssh", "h"], &["sshpass", "-p", "***", "ssh", "h"]),
        (&["env", "PGPASSWORD=hunter2", "psql"], &["env", "PGPASSWORD=***", "psql"]),
        (&["docker", "run", "-e", "PGPASSWORD=a b", "i"], &["docker", "run", "-e", "PGPASSWORD=***", "i"]),
        (&["x", "--env=PGPASSWORD=hunter2"], &["x", "--env=PGPASSWORD=***"]),
        (&["helm", "--set", "db.password=hunter2"], &["helm", "--set", "db.password=***"]),
        (&["env", "AWS_SECRET_ACCESS_KEY=abcd/efg+"], &["env", "AWS_SECRET_ACCESS_KEY=***"]),
        (&["env", "my_Credential=abcd"], &["env", "my_Credential=***"]),
        (&["psql", "postgres://bob:hunter2@db/x"], &["psql", "postgres://bob:***@db/x"]),
        (&["psql", "postgres://bob:hun/ter2@db/x"], &["psql", "postgres://bob:***@db/x"]),
        (&["psql", "postgres://bob:hun@ter2@db/x"], &["psql", "postgres://bob:***@db/x"]),
        (&["redis-cli", "-u", "redis://:hunter2@db:6379"], &["redis-cli", "-u", "redis://:***@db:6379"]),
        (&["curl", "https://h/?token=abcd&q=1"], &["curl", "https://h/?token=***&q=1"]),
        (&["curl", "-u", "bob:hun:ter2", "h"], &["curl", "-u", "bob:***", "h"]),
        (&["curl", "-ubob:hunter2", "h"], &["curl", "-ubob:***", "h"]),
        (&["curl", "--user=bob:hunter2", "h"], &["curl", "--user=bob:***", "h"]),
        (&["sync", "bob:hunter2@host"], &["sync", "bob:***@host"]),
        (&["curl", "-H", "Authorization: Bearer abcdef"], &["curl", "-H", "Authorization: Bearer ***"]),
        (&["curl", "-HAuthorization: Basic dXNlcjpw"], &["curl", "-HAuthorization: Basic ***"]),
        (&["curl", "-H", "X-Api-Key: abc"], &["curl", "-H", "X-Api-Key: ***"]),
        (&["psql", "host=db password=hunter2 dbname=x"], &["psql", "host=db password=*** dbname=x"]),
        (&["psql", "password=hunter2 dbname=x"], &["psql", "password=*** dbname=x"]),
        (&["psql", "host=db password='a b' dbname=x"], &["psql", "host=db password='***' dbname=x"]),
        (&["psql", r"password='a\' b' dbname=x"], &["psql", "password='***' dbname=x"]),
        (&["x", "Server=s;Password=hunter2;Database=d"], &["x", "Server=s;Password=***;Database=d"]),
        (
            &["curl", "-d", r#"{"user":"u","password":"a \"b","n":1}"#],
            &["curl", "-d", r#"{"user":"u","password":"***","n":1}"#],
        ),
        (&["x", r#"{"password": 1234, "n":1}"#], &["x", r#"{"password": ***, "n":1}"#]),
        (&["sh", "-c", "PGPASSWORD=hunter2 psql -h db"], &["sh", "-c", "PGPASSWORD=*** psql -h db"]),
        (&["sh", "-c", "PGPASSWORD='a b' psql -h db"], &["sh", "-c", "PGPASSWORD='***' psql -h db"]),
        (&["sh", "-c", "mysql -phunter2 db && x --token abcd -v"], &["sh", "-c", "mysql -p*** db && x --token *** -v"]),
        (&["x", "ghp_0123456789abcdefABCDEF0123456789abcd"], &["x", "***"]),
        (&["x", "AKIAIOSFODNN7EXAMPLE", "xoxb-123456789-abc"], &["x", "***", "***"]),
        (&["x", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_"], &["x", "***"]),
        // A secret is masked wherever it turns up; a very short one only in its place.
        (&["x", "--password", "hunter2", "say hunter2!"], &["x", "--password", "***", "say ***!"]),
        (&["x", "--password", "ab", "cab"], &["x", "--password", "***", "cab"]),
        (&["psql", "postgres://u:p%40ssw@h/d", "p@ssw"], &["psql", "postgres://u:***@h/d", "***"]),
    ];
    for (argv, expected) in cases {
        assert_eq!(masked(argv), *expected, "{argv:?}");
    }
}

#[test]
fn innocent_arguments() {
    let cases: &[&[&str]] = &[
        &["x", "--password-file", "path/to", "--password-file=path", "PGPASSWORD_FILE=/run/x"],
        &["x", "--tokenizer", "bert", "--tokenizer=bert"],
        &["x", "--max-tokens", "4096", "max_tokens=10"],
        &["sort", "--key=2", "-k", "2", "--keyboard", "us"],
        &["git", "clone", "git@github.com:me/repo.git"],
        &["rsync", "-p", "src", "bob@host:dir/file"],
        &["x", "10:30@x", "12:00-13:00"],
        &["docker", "pull", "nginx:1.25@sha256:abc", "-p", "80:80"],
        &["npm", "i", "npm:foo@1.2.3", "@scope/pkg@1.0"],
        &["curl", "http://localhost:8080/@me", "http://[::1]:80/", "https://h/a:b"],
        &["mkdir", "-p", "some/path"],
        &["x", "PASSAGE=1", "--bypass", "on", "compass=n", "secretary=bob"],
        &["x", "--password", "--verbose"],
        &["kubectl", "get", "secret", "token", "-o", "yaml"],
        &["x", "PWD=/home/me", "KEY=value", "a==b"],
        &["psql", "-p", "5432", "postgres://bob@db:5432/x"],
        &["x", "password_encryption=scram-sha-256"],
    ];
    for argv in cases {
        assert_eq!(masked(argv), *argv);
    }
}

#[test]
fn secrets_in_text() {
    let masker = masker(&["x", "--password", "hunter2", "postgres://u:p%40ss%21@h"]);
    let cases = [
        ("failed for hunter2\nbye", "failed for ***\nbye"),
        ("with p@ss! or p%40ss%21", "with *** or ***"),
        ("FATAL: connecting to postgres://a:b@c/d", "FATAL: connecting to postgres://a:***@c/d"),
        ("+ PGPASSWORD=qwe psql", "+ PGPASSWORD=*** psql"),
        ("password: open sesame\nnext", "password: ***\nnext"),
        ("> Authorization: Bearer abc\r\n> Host: x", "> Authorization: Bearer ***\n> Host: x"),
        (r#"body {\"token\":\"abc\",\"n\":1}"#, r#"body {\"token\":\"***\",\"n\":1}"#),
        ("-----BEGIN RSA PRIVATE KEY-----\nMII\nabc", "-----BEGIN RSA PRIVATE KEY-----***"),
        ("syntax error: unexpected token `fi'", "syntax error: unexpected token `fi'"),
        ("error: option --password is required", "error: option --password is required"),
        ("at main.js:10:30 and Token::Eof", "at main.js:10:30 and Token::Eof"),
        ("basic understanding, bearer authentication", "basic understanding, bearer authentication"),
        ("", ""),
    ];
    for (text, expected) in cases {
        assert_eq!(masker.text(text), expected);
        assert_eq!(masker.text(expected), expected, "idempotent");
    }
}

#[test]
fn bytes_are_decoded_and_cut_after_masking() {
    use std::os::unix::ffi::OsStringExt;
    let argv = [OsString::from_vec(b"a\xff\0b".to_vec())];
    assert_eq!(Masker::from_argv(&argv).argv(), ["a\u{fffd}\u{fffd}b"]);

    let masker = masker(&["x", "--password", "hunter2hunter2"]);
    let text = format!("{}hunter2hunter2{}", "a".repeat(4000), "ä".repeat(2046));
    let kept = masker.stderr(text.as_bytes());
    assert!(kept.len() <= 4096 && kept.starts_with("a***ä"), "{kept}");
}

/// Every way a secret is written, as arguments.
fn places(secret: &str) -> Vec<Vec<String>> {
    let list = |words: &[&str]| words.iter().map(|word| word.replace('@', secret)).collect();
    vec![
        list(&["x", "--password", "@"]),
        list(&["x", "--password=@"]),
        list(&["x", "--client-secret", "@"]),
        list(&["x", "-e", "API_TOKEN=@"]),
        list(&["x", "--set=a.apiKey=@"]),
        list(&["mysql", "-p@"]),
        list(&["sshpass", "-p", "@"]),
        list(&["curl", "-u", "bob:@"]),
        list(&["curl", "-H", "Authorization: Bearer @"]),
        list(&["psql", "host=h password=@ dbname=d"]),
        list(&["psql", "host=h password='@ @' dbname=d"]),
        list(&["curl", r#"{"a":1,"password":"@"}"#]),
        list(&["sh", "-c", "PGPASSWORD=@ psql -h x"]),
        list(&["sh", "-c", "PGPASSWORD='@' psql"]),
        list(&["sh", "-c", "x --token @ y"]),
        list(&["sh", "-c", "sshpass -p @ ssh h"]),
        vec!["psql".to_owned(), format!("postgres://bob:{secret}@host/db")],
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn no_secret_survives(secret in "[A-Za-z0-9][A-Za-z0-9_.+!#$%^~/,;&|=:-]{4,20}[A-Za-z0-9]") {
        for mut argv in places(&secret) {
            argv.push(format!("again {secret} there"));
            let masker = Masker::from_argv(&argv.iter().map(OsString::from).collect::<Vec<_>>());
            let shown = masker.argv();
            prop_assert!(shown.iter().all(|word| !word.contains(&secret)), "{argv:?} -> {shown:?}");
            let text = masker.text(&format!("oh\n{secret} failed: ({secret})"));
            prop_assert!(!text.contains(&secret), "{argv:?} -> {text}");
            prop_assert_eq!(masker.text(&text), text);
        }
    }

    #[test]
    fn anything_goes(
        argv in prop::collection::vec("(--password|PGPASSWORD=|://|:|@|'|\"|\\\\|\\*|mysql -p|\\PC| ){0,12}", 0..5),
        text in "(--token |password=|\"token\": ?|a:b@|://|:|@|'|\"|\\\\|\\*|;|mysql -p|\\PC|\n| ){0,30}",
    ) {
        let masker = Masker::from_argv(&argv.iter().map(OsString::from).collect::<Vec<_>>());
        prop_assert_eq!(masker.argv().len(), argv.len());
        let once = masker.text(&text);
        prop_assert_eq!(masker.text(&once), once);
        prop_assert!(masker.stderr(text.as_bytes()).len() <= 4096);
    }
}

#[test]
fn its_debug_output_holds_no_secret() {
    // A derived Debug printed every secret that it knew.
    let argv = ["psql", "--password", "hunter2"].map(std::ffi::OsString::from);
    let shown = format!("{:?}", Masker::from_argv(&argv));
    assert!(shown.contains("psql") && !shown.contains("hunter2"), "{shown}");
}
