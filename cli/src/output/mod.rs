//! Rows to standard output: as a table, as JSON, as CSV.

mod csv;
mod json;
mod table;

use std::borrow::Cow;
use std::io::{self, BufWriter, Write};

use opledger::report::{Decimal, Rating, Trend};
use opledger::store::Damage;
use opledger::{Hash, Metadata, Status, Timestamp};

use crate::args::Format;
use crate::exit::{self, Failure};

/// One value of a row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Text(String),
    /// A text whose line breaks a table keeps.
    Lines(String),
    /// A hash key.
    Key(Hash),
    /// A name from a fixed list.
    Name(&'static str),
    /// A word that is coloured by what it says.
    Word(&'static str),
    /// A number as JSON writes it.
    Number(String),
    Bool(bool),
    Time(Timestamp),
    /// A time that a table shows to the microsecond.
    ExactTime(Timestamp),
    List(Vec<Option<String>>),
    /// A JSON text.
    Json(String),
}

macro_rules! values {
    ($($from:ty => |$name:ident| $value:expr),+ $(,)?) => {$(
        impl From<$from> for Value {
            fn from($name: $from) -> Self {
                $value
            }
        }
    )+};
}

values! {
    String => |text| Self::Text(text),
    &'static str => |name| Self::Name(name),
    Hash => |hash| Self::Key(hash),
    Status => |status| Self::Word(status.as_str()),
    Rating => |rating| Self::Word(rating.as_str()),
    Trend => |trend| Self::Word(trend.as_str()),
    i32 => |number| Self::Number(number.to_string()),
    u64 => |number| Self::Number(number.to_string()),
    Decimal => |number| Self::Number(number.to_string()),
    bool => |yes| Self::Bool(yes),
    Timestamp => |time| Self::Time(time),
    Vec<Option<String>> => |list| Self::List(list),
    Metadata => |metadata| Self::Json(metadata.as_str().to_owned()),
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A table of rows, each as long as the header.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rows {
    pub(crate) columns: Vec<&'static str>,
    pub(crate) rows: Vec<Vec<Value>>,
}

impl Rows {
    pub(crate) fn new<const N: usize>(columns: [&'static str; N]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    pub(crate) fn push<const N: usize>(&mut self, row: [Value; N]) {
        debug_assert_eq!(N, self.columns.len());
        self.rows.push(row.to_vec());
    }
}

/// Prints the rows in the format that was asked for.
pub(crate) fn print(format: Format, rows: &Rows) -> Result<(), Failure> {
    let write = match format {
        Format::Table => return print_text(&(table::render(rows) + "\n")),
        Format::Json => json::write,
        Format::Csv => csv::write,
    };
    let mut out = BufWriter::new(io::stdout().lock());
    write(rows, &mut out)?;
    Ok(out.flush()?)
}

/// Prints a text that is data by itself.
pub(crate) fn print_text(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// Tells each record that could not be read; the exit code says whether there was one.
pub(crate) fn report_damage(damaged: &[Damage]) -> u8 {
    for Damage { record, reason } in damaged {
        exit::error(format_args!("{record} is damaged: {reason}"));
    }
    if damaged.is_empty() {
        return exit::OK;
    }
    exit::note(format_args!("everything else was read; `opledger verify` lists all that is damaged"));
    exit::FOUND
}

/// Colours are for people who want them: <https://no-color.org>.
pub(crate) fn colours_wanted() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// The text with everything that a terminal would obey, or that would reorder it, shown as an escape.
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    escape(text, false)
}

/// [`harmless`], but line breaks stay.
pub(crate) fn harmless_lines(text: &str) -> Cow<'_, str> {
    escape(text, true)
}

fn escape(text: &str, keep_lines: bool) -> Cow<'_, str> {
    let obeyed = |c: char| (c.is_control() || is_invisible(c)) && !(keep_lines && c == '\n');
    if !text.contains(obeyed) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if obeyed(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    Cow::Owned(shown)
}

/// Characters that change how others are shown, without being seen.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown() {
        assert_eq!(harmless("caf\u{e9} \\ ok"), "caf\u{e9} \\ ok");
        assert_eq!(harmless("\x1b[31mred\x07\n\u{9b}2J\u{202e}x"), "\\u{1b}[31mred\\u{7}\\n\\u{9b}2J\\u{202e}x");
        assert_eq!(harmless_lines("a\nb\r\tc"), "a\nb\\r\\tc");
    }
}
