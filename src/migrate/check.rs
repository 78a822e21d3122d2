//! What a migration's file may not hold, found before any of it runs.

use super::lexer::Kind;
use super::split::{Piece, SplitError, Splitter, Statement};

/// A file's statements, counted and checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Checked {
    pub(super) statements: usize,
}

/// Why a file can't be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum CheckError {
    #[error(transparent)]
    Split(#[from] SplitError),
    #[error(
        "line {line}: COPY from or to the client can't be run: use INSERT, or COPY with a file or program of the server"
    )]
    Copy { line: usize },
    #[error(
        "line {line}: {word} in a file that is one transaction: take it out, or begin the file with `-- opledger: no-transaction`"
    )]
    Transaction { line: usize, word: String },
    #[error("line {line}: standard_conforming_strings must stay on: write strings that have escapes as E'…'")]
    Strings { line: usize },
}

/// Looks through a whole file; stops at the first thing that can't be run.
pub(super) fn check(text: &str, in_transaction: bool) -> Result<Checked, CheckError> {
    let mut statements = 0;
    for piece in Splitter::new(text) {
        // What follows a COPY is data, and could be taken for anything: it is looked at first.
        check_piece(&piece?, text, in_transaction)?;
        statements += 1;
    }
    Ok(Checked { statements })
}

fn check_piece(piece: &Piece<'_>, text: &str, in_transaction: bool) -> Result<(), CheckError> {
    let Statement { line, .. } = piece.statement;
    let words: Vec<String> = piece.words(text).take(4).map(str::to_ascii_lowercase).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["copy", ..] if copies_with_client(piece, text) => Err(CheckError::Copy { line }),
        ["rollback", "to", ..] | ["rollback", "work" | "transaction", "to", ..] => Ok(()),
        [word @ ("begin" | "commit" | "end" | "rollback" | "abort"), ..]
        | [word @ ("start" | "prepare"), "transaction", ..]
            if in_transaction =>
        {
            Err(CheckError::Transaction { line, word: word.to_ascii_uppercase() })
        }
        ["set", "standard_conforming_strings", ..]
        | ["set", "session" | "local", "standard_conforming_strings", ..] => Err(CheckError::Strings { line }),
        _ => Ok(()),
    }
}

/// `FROM STDIN`, `TO STDOUT`: outside of the parentheses of a query or of options.
fn copies_with_client(piece: &Piece<'_>, text: &str) -> bool {
    let mut depth = 0_usize;
    let mut before = "";
    for token in &piece.tokens {
        match token.kind {
            Kind::Other(b'(') => depth += 1,
            Kind::Other(b')') => depth = depth.saturating_sub(1),
            Kind::Word if depth == 0 => {
                let word = text.get(token.range.clone()).unwrap_or_default();
                let is = |a: &str, b: &str| before.eq_ignore_ascii_case(a) && word.eq_ignore_ascii_case(b);
                if is("from", "stdin") || is("to", "stdout") || is("from", "stdout") || is("to", "stdin") {
                    return true;
                }
                before = word;
                continue;
            }
            _ => {}
        }
        before = "";
    }
    false
}

impl Piece<'_> {
    /// The words that are no quoted names.
    pub(super) fn words<'t>(&self, text: &'t str) -> impl Iterator<Item = &'t str> {
        let words = self.tokens.iter().filter(|token| token.kind == Kind::Word);
        words.filter_map(|token| text.get(token.range.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        check(text, true).unwrap_err().to_string()
    }

    #[test]
    fn what_the_server_can_not_run_is_refused_with_its_line() {
        for (text, words) in [
            ("SELECT 1;\nCOPY t (a, b) FROM stdin;\n1\t'it''s\n\\.\n", "line 2: COPY"),
            ("copy t from /* x */ STDIN with (format csv)", "line 1: COPY"),
            ("COPY (SELECT 1) TO STDOUT", "line 1: COPY"),
            ("SELECT 1;\n\n\\i other.sql\n", "line 3: a backslash"),
            ("\\connect db", "line 1: a backslash"),
            ("SELECT 1 \\gexec", "line 1: a backslash"),
            ("\\copy t from 'x'", "line 1: a backslash"),
            ("SELECT 1;\nBEGIN;", "line 2: BEGIN in a file"),
            ("COMMIT", "COMMIT"),
            ("start transaction isolation level serializable", "START"),
            ("PREPARE TRANSACTION 'x'", "PREPARE"),
            ("ROLLBACK", "ROLLBACK"),
            ("END", "END"),
            ("SELECT\n1;\nSELECT 'x", "line 3: the string that begins here has no end"),
            ("SELECT 1;\n/* a /* b */", "line 2: the comment"),
            ("SELECT $a$ $b$", "line 1: the dollar-quoted string"),
            ("SELECT \"x", "line 1: the quoted name"),
            ("SET LOCAL standard_conforming_strings = off", "must stay on"),
        ] {
            let message = refusal(text);
            assert!(message.contains(words), "{text}: {message}");
        }
    }

    #[test]
    fn what_only_looks_like_it_is_not() {
        for text in [
            "COPY t FROM '/var/lib/data.csv'",
            "COPY t FROM PROGRAM 'cat x'",
            "COPY (SELECT stdin FROM stdin) TO '/tmp/x'",
            "SAVEPOINT a; ROLLBACK TO a; ROLLBACK TO SAVEPOINT a; RELEASE a",
            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END",
            "DO $$ BEGIN COMMIT; END $$",
            "SELECT '\\i x', E'\\\\', \"a\\b\" -- \\copy\n/* \\d */",
            "PREPARE p AS SELECT 1",
            "CREATE TABLE \"begin\" (a int)",
        ] {
            assert!(check(text, true).is_ok(), "{text}: {:?}", check(text, true));
        }
        assert_eq!(check("BEGIN; SELECT 1; COMMIT;", false), Ok(Checked { statements: 3 }));
    }
}
