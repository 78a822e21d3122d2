//! The text that a hash_diff is the hash of, part by part: two versions of one operation differ in a few of them.

use std::fmt::Write;
use std::net::IpAddr;
use std::ops::Range;

use super::address::address_text;
use super::escape::write_string;
use super::json_error::JsonError;
use super::key::Hash;
use super::metadata::merge_into;

/// The parts, in order: name, type, status, time, duration, user, address, objects, command, error, metadata.
const PARTS: usize = 11;

/// The jsonb array that a hash_diff is the hash of, written part by part, as PostgreSQL prints it.
///
/// The parts are those of [`DiffInput`](super::DiffInput), in its order; each call writes the next one. The buffer is used
/// again by [`begin`](Self::begin), and what two versions say alike is [copied](Self::same) as it is written.
///
/// # Examples
///
/// ```
/// use opledger::hash::Canonical;
///
/// let mut running = Canonical::default();
/// running.begin();
/// for text in ["vacuum", "MAINTENANCE", "RUNNING"] {
///     running.text(Some(text));
/// }
/// running.number(Some(1));
/// running.number(None);
/// (0..5).for_each(|_| running.text(None));
/// running.metadata(Some(r#"{"db": "crm"}"#));
/// assert_eq!(
///     running.as_str(),
///     r#"["v1", "vacuum", "MAINTENANCE", "RUNNING", 1, null, null, null, null, null, null, {"db": "crm"}]"#,
/// );
///
/// let mut completed = Canonical::default();
/// completed.begin();
/// (0..2).for_each(|_| completed.same(&running));
/// completed.text(Some("COMPLETED"));
/// completed.same(&running);
/// completed.number(Some(42));
/// (0..5).for_each(|_| completed.same(&running));
/// completed.merged(&running, r#"{"rows": 7}"#)?;
/// assert_eq!(
///     completed.as_str(),
///     r#"["v1", "vacuum", "MAINTENANCE", "COMPLETED", 1, 42, null, null, null, null, null, {"db": "crm", "rows": 7}]"#,
/// );
/// # Ok::<(), opledger::hash::JsonError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Canonical {
    text: String,
    /// Where each part stands, of those that are written.
    parts: [Range<usize>; PARTS],
    written: usize,
}

impl Canonical {
    /// Begins anew, with the buffer that there is.
    pub fn begin(&mut self) {
        self.text.clear();
        self.text.push_str("[\"v1\"");
        self.written = 0;
    }

    /// Writes a text.
    pub fn text(&mut self, text: Option<&str>) {
        self.part(|out| write_optional(text, out));
    }

    /// Writes a number.
    pub fn number(&mut self, number: Option<i64>) {
        self.part(|out| match number {
            // Writing into a String can't fail.
            Some(number) => drop(write!(out, "{number}")),
            None => out.push_str("null"),
        });
    }

    /// Writes an address, without mask or zone.
    pub fn address(&mut self, ip: Option<IpAddr>) {
        self.part(|out| write_optional(ip.map(|ip| address_text(&ip)).as_deref(), out));
    }

    /// Writes an array of texts.
    pub fn texts<'a>(&mut self, texts: Option<impl IntoIterator<Item = Option<&'a str>>>) {
        self.part(|out| {
            let Some(texts) = texts else { return out.push_str("null") };
            out.push('[');
            for (index, text) in texts.into_iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write_optional(text, out);
            }
            out.push(']');
        });
    }

    /// Writes the last part: metadata's canonical text, as it is.
    pub fn metadata(&mut self, metadata: Option<&str>) {
        self.part(|out| out.push_str(metadata.unwrap_or("null")));
    }

    /// Writes the last part: the metadata of `other`, joined with `added` as [`Metadata::merge`](super::Metadata::merge)
    /// does. Both are canonical.
    ///
    /// # Errors
    /// As `merge`; also where `other` has no metadata.
    pub fn merged(&mut self, other: &Self, added: &str) -> Result<(), JsonError> {
        let ours = other.parts.last().and_then(|part| other.text.get(part.clone())).unwrap_or_default();
        let mut merged = Ok(());
        self.part(|out| merged = merge_into(ours, added, out));
        merged
    }

    /// Writes the next part as `other` has it.
    pub fn same(&mut self, other: &Self) {
        let theirs = other.parts.get(self.written).and_then(|part| other.text.get(part.clone())).unwrap_or_default();
        self.part(|out| out.push_str(theirs));
    }

    /// Gives what is written; after the last part, all of the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Gives the hash of what is written: after the last part, the hash_diff.
    #[must_use]
    pub fn hash(&self) -> Hash {
        Hash::of(&self.text)
    }

    pub(super) fn with_capacity(length: usize) -> Self {
        Self { text: String::with_capacity(length), ..Self::default() }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    fn part(&mut self, write: impl FnOnce(&mut String)) {
        self.text.push_str(", ");
        let from = self.text.len();
        write(&mut self.text);
        if let Some(part) = self.parts.get_mut(self.written) {
            *part = from..self.text.len();
        }
        self.written += 1;
        if self.written == PARTS {
            self.text.push(']');
        }
    }
}

fn write_optional(text: Option<&str>, out: &mut String) {
    match text {
        Some(text) => write_string(text, out),
        None => out.push_str("null"),
    }
}
