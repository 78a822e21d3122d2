//! JSON: an array of objects, one row a line; every number with the digits it has.

use std::io::{self, Write};

use super::{Rows, Value};

pub(super) fn write(rows: &Rows, out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"[")?;
    for (index, row) in rows.rows.iter().enumerate() {
        out.write_all(if index == 0 { b"{" } else { b",\n{" })?;
        for (index, (column, value)) in rows.columns.iter().zip(row).enumerate() {
            write!(out, "{}\"{column}\": {}", if index == 0 { "" } else { ", " }, text(value))?;
        }
        out.write_all(b"}")?;
    }
    out.write_all(b"]\n")
}

/// The JSON text of a value; numbers and metadata are JSON already.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Text(text) | Value::Lines(text) => quoted(text),
        Value::Key(key) => quoted(&key.to_string()),
        Value::Name(word) | Value::Word(word) => quoted(word),
        Value::Number(json) | Value::Json(json) => json.clone(),
        Value::Bool(yes) => yes.to_string(),
        Value::Time(time) | Value::ExactTime(time) => quoted(&time.to_string()),
        Value::List(list) => {
            let entries: Vec<_> =
                list.iter().map(|entry| entry.as_deref().map_or_else(|| "null".to_owned(), quoted)).collect();
            format!("[{}]", entries.join(", "))
        }
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_a_line_and_every_digit_kept() {
        let mut rows = Rows::new(["a", "b", "c"]);
        rows.push([Value::Text("\u{1b}\"".into()), Value::Number("12.50".into()), Value::Json("{\"x\": 1e0}".into())]);
        rows.push([Value::Null, Value::Bool(true), Value::List(vec![None, Some("o".into())])]);
        let mut out = Vec::new();
        write(&rows, &mut out).unwrap();
        let expected = "[{\"a\": \"\\u001b\\\"\", \"b\": 12.50, \"c\": {\"x\": 1e0}},\n\
                        {\"a\": null, \"b\": true, \"c\": [null, \"o\"]}]\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
