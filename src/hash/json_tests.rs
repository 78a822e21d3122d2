//! What jsonb does to a text; PostgreSQL 15 printed the expected forms.

use super::*;
use crate::hash::JsonErrorKind;

fn canonical(text: &str) -> Result<String, JsonError> {
    Json::parse(text).map(|json| json.canonical())
}

#[test]
fn numbers_are_printed_as_numeric_prints_them() {
    for (given, expected) in [
        ("1e5", "100000"),
        ("1E+5", "100000"),
        ("1.50", "1.50"),
        ("-0", "0"),
        ("-0.0", "0.0"),
        ("-0e5", "0"),
        ("0e-3", "0.000"),
        ("0e1073741822", "0"),
        ("1.5e1", "15"),
        ("1.50e1", "15.0"),
        ("-1.5e-3", "-0.0015"),
        ("0.001e2", "0.1"),
        ("0.00100e2", "0.100"),
        ("0.001e5", "100"),
        ("120e-1", "12.0"),
        ("120e-5", "0.00120"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("1e0", "1"),
        ("1e-000001", "0.1"),
    ] {
        assert_eq!(canonical(given).as_deref(), Ok(expected), "{given}");
    }
    assert_eq!(canonical("5e-324"), Ok(format!("0.{}5", "0".repeat(323))));
}

#[test]
fn numbers_past_the_limits_are_refused_without_printing_them() {
    assert_eq!(canonical("1e131071").map(|text| text.len()), Ok(131_072));
    assert_eq!(canonical("0.001e131074").map(|text| text.len()), Ok(131_072));
    assert_eq!(canonical("1e-16383").map(|text| text.len()), Ok(16_385));
    for text in ["1e131072", "1e999999999999", "-1e99999999999999999999999", "0e1073741823", "10e131071"] {
        assert_eq!(canonical(text), Err(JsonError::NumberTooLarge { offset: 0 }), "{text}");
    }
    for text in ["1e-16384", "0e-16384", "0.1e-16383", "1e-9223372036854775808", "0e-99999999999999999999999"] {
        assert_eq!(canonical(text), Err(JsonError::NumberTooFine { offset: 0 }), "{text}");
    }
    assert_eq!(canonical(&"9".repeat(131_073)).unwrap_err().sqlstate(), "22003");
    assert_eq!(canonical(&format!("0.{}", "0".repeat(16_384))).unwrap_err().sqlstate(), "22003");
}

#[test]
fn keys_are_sorted_by_length_and_then_bytes_and_the_last_duplicate_kept() {
    let text = r#"{"b":1,"aa":2,"a":3,"":4,"b":5,"é":6,"Z":7,"b":8}"#;
    assert_eq!(canonical(text).unwrap(), r#"{"": 4, "Z": 7, "a": 3, "b": 8, "aa": 2, "é": 6}"#);
    assert_eq!(
        canonical("[1,[],{},[{\"x\":[null,true,false]}]]").unwrap(),
        r#"[1, [], {}, [{"x": [null, true, false]}]]"#
    );
}

#[test]
fn escapes_are_read() {
    let text = r#""\u0041\/\"\\\b\f\n\r\t\u001F\ud83d\uDE00\u007f""#;
    assert_eq!(canonical(text).unwrap(), "\"A/\\\"\\\\\\b\\f\\n\\r\\t\\u001f😀\u{7f}\"");
}

#[test]
fn what_jsonb_refuses_is_refused() {
    for text in [
        "",
        " ",
        "{",
        "[",
        "[1,]",
        "{\"a\":1,}",
        "{a:1}",
        "{\"a\" 1}",
        "{1:2}",
        "01",
        "-",
        "-01",
        "1.",
        ".5",
        "1e",
        "1e+",
        "+1",
        "0x1",
        "NaN",
        "Infinity",
        "-Infinity",
        "tru",
        "truex",
        "TRUE",
        "nul",
        "'a'",
        "\"a",
        "\"\\x\"",
        "\"\\",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\n\"",
        "\"\u{1f}\"",
        "\"\0\"",
        "\0",
        "1 2",
        "{} x",
        "[1 2]",
        "\u{a0}1",
        "\u{feff}1",
        "\"\\u0000\"",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud800\\n\"",
        "\"\\ud800\\ud800\"",
        "\"\\ud800\\u0041\"",
        "\"\\ud800x\"",
        "\u{b}1",
    ] {
        let error = canonical(text).unwrap_err();
        assert_eq!((error.kind(), error.sqlstate()), (JsonErrorKind::Syntax, "22P02"), "{text}");
    }
}

#[test]
fn nesting_is_accepted_to_128_and_never_overflows_the_stack() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(canonical(&nested(128)), Ok(nested(128)));
    assert_eq!(canonical(&nested(129)), Err(JsonError::TooDeep { offset: 128 }));
    assert_eq!(canonical(&"{\"a\":".repeat(1_000_000)), Err(JsonError::TooDeep { offset: 128 * 5 }));
    let many = format!("[{}]", vec!["[]"; 1000].join(", "));
    assert_eq!(canonical(&many), Ok(many));
}

#[test]
fn the_limit_of_1_mib_counts_the_canonical_text() {
    let at_most = format!("\"{}\"", "x".repeat(1_048_574));
    assert_eq!(canonical(&at_most), Ok(at_most.clone()));
    assert_eq!(canonical(&format!(" {at_most} ")), Ok(at_most.clone()));
    let over = format!("\"{}\"", "x".repeat(1_048_575));
    assert_eq!(canonical(&over), Err(JsonError::TooLong { length: 1_048_577 }));
    assert_eq!(canonical(&format!("{{\"a\": {over}, \"a\": 1}}")), Ok("{\"a\": 1}".to_owned()));
    let hundred = format!("[{}]", vec!["1e99999"; 100].join(","));
    assert_eq!(canonical(&hundred), Err(JsonError::TooLong { length: 100 * 100_000 + 99 * 2 + 2 }));
    assert_eq!(canonical(&hundred).unwrap_err().sqlstate(), "22023");
}
