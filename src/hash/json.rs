//! JSON text in and PostgreSQL's canonical jsonb text out.

use std::borrow::Cow;

use super::escape::{string_length, write_string};
use super::json_error::JsonError;
use super::json_parser::Parser;
use super::members::order;
use super::number::Number;

/// An object's members, sorted as jsonb sorts them, each key once.
pub(crate) type Members<'a> = Vec<(Cow<'a, str>, Json<'a>)>;

/// A JSON value as jsonb holds it; it borrows from the text it was parsed from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Json<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, with every digit it was written with.
    Number(Number<'a>),
    /// A string, unescaped.
    String(Cow<'a, str>),
    /// An array.
    Array(Vec<Json<'a>>),
    /// An object: keys sorted by byte length and then bytes, the last of duplicates kept.
    Object(Members<'a>),
}

impl<'a> Json<'a> {
    /// Parses a whole text, refusing what jsonb refuses and what goes past our limits.
    pub(crate) fn parse(text: &'a str) -> Result<Self, JsonError> {
        let json = Parser::new(text).document()?;
        json.check_length()?;
        Ok(json)
    }

    /// Makes an object of members in any order; of equal keys the last one counts.
    pub(crate) fn object(mut members: Members<'a>) -> Self {
        // The sort is stable, so duplicates stand in the order they came; mostly they are sorted already.
        members.sort_by(|(a, _), (b, _)| order(a, b));
        members.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                std::mem::swap(later, kept);
            }
            same
        });
        Self::Object(members)
    }

    /// Refuses a value whose canonical text would be over the limit, before that text is made.
    pub(crate) fn check_length(&self) -> Result<(), JsonError> {
        match self.length() {
            length if length > JsonError::MAX_LENGTH => Err(JsonError::TooLong { length }),
            _ => Ok(()),
        }
    }

    /// The canonical text.
    pub(crate) fn canonical(&self) -> String {
        let mut out = String::with_capacity(self.length());
        self.write(&mut out);
        out
    }

    /// Writes the canonical text.
    pub(crate) fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(true) => out.push_str("true"),
            Self::Bool(false) => out.push_str("false"),
            Self::Number(number) => number.write(out),
            Self::String(text) => write_string(text, out),
            Self::Array(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push_str(", ");
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (index, (key, value)) in members.iter().enumerate() {
                    if index > 0 {
                        out.push_str(", ");
                    }
                    write_string(key, out);
                    out.push_str(": ");
                    value.write(out);
                }
                out.push('}');
            }
        }
    }

    /// The canonical text's length in bytes.
    fn length(&self) -> usize {
        match self {
            Self::Null | Self::Bool(true) => 4,
            Self::Bool(false) => 5,
            Self::Number(number) => number.length(),
            Self::String(text) => string_length(text),
            Self::Array(items) => {
                items.iter().map(Self::length).fold(2, usize::saturating_add) + separators(items.len())
            }
            Self::Object(members) => {
                let each = members.iter().map(|(key, value)| string_length(key) + 2 + value.length());
                each.fold(2, usize::saturating_add) + separators(members.len())
            }
        }
    }
}

/// The bytes that separate so many items.
fn separators(items: usize) -> usize {
    items.saturating_sub(1) * 2
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
