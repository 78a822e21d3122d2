//! CSV with a header line: an empty field is NULL, lists and metadata are JSON texts.

use std::io::{self, Write};

use super::{Rows, Value, json};

pub(super) fn write(rows: &Rows, out: &mut impl Write) -> io::Result<()> {
    let mut csv = ::csv::Writer::from_writer(out);
    csv.write_record(&rows.columns).map_err(unwrapped)?;
    for row in &rows.rows {
        csv.write_record(row.iter().map(text)).map_err(unwrapped)?;
    }
    csv.flush()
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Text(text) | Value::Lines(text) => text.clone(),
        Value::Key(key) => key.to_string(),
        Value::Name(word) | Value::Word(word) => (*word).to_owned(),
        Value::Time(time) | Value::ExactTime(time) => time.to_string(),
        other => json::text(other),
    }
}

/// The error below, so that a broken pipe is known as one.
fn unwrapped(error: ::csv::Error) -> io::Error {
    match error.into_kind() {
        ::csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}
