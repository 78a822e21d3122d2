//! One migration: its file, and the file that takes it back.

use super::check::{CheckError, check};
use super::lexer::{Kind, Lexer};
use super::state::MigrationKind;
use super::version::MigrationVersion;
use crate::error::{Error, ErrorKind, Result};
use crate::hash::Hash;

/// The line that a file begins with to run statement by statement, each committed.
const NO_TRANSACTION: &str = "no-transaction";
/// What lines for us begin with.
const DIRECTIVE: &str = "opledger:";

/// A migration, as the folder has it.
#[derive(Debug, Clone)]
pub struct Migration {
    /// How often it runs.
    pub kind: MigrationKind,
    /// As rows have it: `001` of `V001__name.sql`, `R__name` of `R__name.sql`.
    pub version: String,
    /// The version as a number; none for a repeatable one.
    pub number: Option<MigrationVersion>,
    /// The file's name without version and ending, blanks for underscores.
    pub description: String,
    /// What makes the change.
    pub up: Script,
    /// What takes it back, where that is there.
    pub down: Option<Script>,
}

/// The text of a file.
#[derive(Clone, PartialEq, Eq)]
pub struct Script {
    /// The file's name.
    pub file: String,
    /// Its text, without a byte order mark.
    pub text: String,
    /// SHA-256 of the text with line feeds for other line endings, equal to SQL's `migration_checksum`.
    pub checksum: Hash,
    /// Whether it is one transaction; else its head says `-- opledger: no-transaction`.
    pub in_transaction: bool,
}

/// Which way a migration goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// It is made.
    Up,
    /// It is taken back.
    Down,
}

/// A file that was looked through and is to be run.
#[derive(Debug, Clone)]
pub struct Planned<'m> {
    /// The migration.
    pub migration: &'m Migration,
    /// Its version in the spelling that the database has.
    pub version: String,
    /// Which way.
    pub direction: Direction,
    /// The file of that way.
    pub script: &'m Script,
    /// How many statements it has.
    pub statements: usize,
}

impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Script").field("file", &self.file).field("checksum", &self.checksum).finish_non_exhaustive()
    }
}

impl Script {
    /// Reads a file's bytes.
    ///
    /// # Errors
    /// Gives 22P02 where they are no UTF-8, 22023 where they hold U+0000 or a directive that is not known.
    pub fn new(file: impl Into<String>, bytes: Vec<u8>) -> Result<Self> {
        let file = file.into();
        let mut text = String::from_utf8(bytes).map_err(|cause| {
            let at = cause.utf8_error().valid_up_to();
            Error::new(ErrorKind::InvalidText, format!("{file}: byte {at} is no UTF-8: save the file in that encoding"))
        })?;
        if text.starts_with('\u{feff}') {
            text.drain(..'\u{feff}'.len_utf8());
        }
        if let Some(at) = text.find('\0') {
            let message = format!("{file}: byte {at} is U+0000, which no SQL may hold");
            return Err(Error::new(ErrorKind::InvalidValue, message));
        }
        let checksum = if text.contains('\r') {
            Hash::of(&text.replace("\r\n", "\n").replace('\r', "\n"))
        } else {
            Hash::of(&text)
        };
        let in_transaction = !says_no_transaction(&text).map_err(|directive| {
            let message = format!("{file}: `-- {DIRECTIVE} {directive}` is not known; there is `{NO_TRANSACTION}`");
            Error::new(ErrorKind::InvalidValue, message)
        })?;
        Ok(Self { file, text, checksum, in_transaction })
    }
}

/// What the comments before the first statement say; gives what is not known as an error.
fn says_no_transaction(text: &str) -> Result<bool, String> {
    let mut found = false;
    for token in Lexer::new(text, 0).map_while(std::result::Result::ok) {
        match token.kind {
            Kind::Space => {}
            Kind::Comment => {
                let comment = text.get(token.range).unwrap_or_default().trim_start_matches('-').trim();
                match comment.strip_prefix(DIRECTIVE).map(str::trim) {
                    Some(NO_TRANSACTION) => found = true,
                    Some(other) => return Err(other.to_owned()),
                    None => {}
                }
            }
            _ => break,
        }
    }
    Ok(found)
}

impl Direction {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

impl Migration {
    /// Looks through the file of one way, so that it can be run.
    ///
    /// # Errors
    /// Gives 22P02 or 22023 naming file and line of what can't be run; 22023 where there is no file of that way.
    pub fn plan(&self, direction: Direction) -> Result<Planned<'_>> {
        let script = match direction {
            Direction::Up => &self.up,
            Direction::Down => self.down.as_ref().ok_or_else(|| {
                let file = self.up.file.trim_end_matches(".sql");
                let message = format!("{} can't be taken back: there is no {file}.down.sql", self.up.file);
                Error::new(ErrorKind::InvalidValue, message)
            })?,
        };
        let checked = check(&script.text, script.in_transaction).map_err(|cause| {
            let kind = match cause {
                CheckError::Split(_) => ErrorKind::InvalidText,
                _ => ErrorKind::InvalidValue,
            };
            Error::new(kind, format!("{}, {cause}", script.file))
        })?;
        Ok(Planned {
            migration: self,
            version: self.version.clone(),
            direction,
            script,
            statements: checked.statements,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(bytes: &[u8]) -> Result<Script> {
        Script::new("V1__a.sql", bytes.to_vec())
    }

    #[test]
    fn line_endings_and_marks_are_no_part_of_the_checksum() {
        let plain = script(b"SELECT 1;\nSELECT 2;\n").unwrap();
        for same in ["\u{feff}SELECT 1;\nSELECT 2;\n", "SELECT 1;\r\nSELECT 2;\r\n", "SELECT 1;\rSELECT 2;\r"] {
            assert_eq!(script(same.as_bytes()).unwrap().checksum, plain.checksum);
        }
        assert_ne!(script(b"SELECT 1;\n\nSELECT 2;\n").unwrap().checksum, plain.checksum);
        assert_eq!(plain.checksum, Hash::of("SELECT 1;\nSELECT 2;\n"));
    }

    #[test]
    fn only_the_head_of_a_file_says_how_it_runs() {
        let yes = "\n-- A title\n/* more */\n--opledger:   no-transaction  \r\nSELECT 1";
        assert!(!script(yes.as_bytes()).unwrap().in_transaction);
        assert!(script(b"SELECT 1;\n-- opledger: no-transaction\n").unwrap().in_transaction);
        assert!(script(b"").unwrap().in_transaction);
        let message = script(b"-- opledger: no-transactions\n").unwrap_err().to_string();
        assert!(message.contains("no-transactions` is not known"), "{message}");
    }

    #[test]
    fn what_is_no_text_is_refused() {
        assert!(script(b"SELECT \xff").unwrap_err().to_string().contains("byte 7 is no UTF-8"));
        assert!(script(b"SELECT '\0'").unwrap_err().to_string().contains("byte 8 is U+0000"));
    }
}
