//! SQL and error messages without what stands in strings: the rules of `redact_sql` and `mask_message` in SQL.

use std::fmt::Write;

use super::lexer::{Kind, Lexer};

/// Numbers of so many digits may be keys or codes.
const LONG_NUMBER: usize = 5;

/// A SQL text in which each string, comment and long number is a `?`, cut to `limit` characters.
///
/// Where a string has no end, all the rest counts as inside: too little is stored, never too much.
pub(super) fn redact(sql: &str, limit: usize) -> String {
    let mut shown = String::new();
    let mut length = 0;
    for token in Lexer::new(sql, 0) {
        let Ok(token) = token else {
            shown.push('?');
            break;
        };
        let text = sql.get(token.range).unwrap_or_default();
        match token.kind {
            Kind::Text | Kind::Comment => shown.push('?'),
            Kind::Number if text.bytes().filter(u8::is_ascii_digit).count() >= LONG_NUMBER => shown.push('?'),
            _ => shown.push_str(text),
        }
        length += text.len();
        if length > limit.saturating_mul(8) {
            break;
        }
    }
    shown.chars().take(limit).collect()
}

/// An error message without what PostgreSQL quoted from the strings of the statement that failed: what is in double quotes
/// stays where the statement has it outside of strings. In other languages the quotes are others, and nothing is kept.
pub(super) fn mask_message(message: &str, sql: &str, is_english: bool) -> String {
    if !is_english {
        return "?".to_owned();
    }
    let known = redact(sql, sql.len());
    let mut shown = String::new();
    let mut parts = message.split('"');
    shown.push_str(parts.next().unwrap_or_default());
    while let Some(quoted) = parts.next() {
        let kept = if quoted.is_empty() || known.contains(quoted) { quoted } else { "?" };
        // Writing to a String can't fail.
        let _ = write!(shown, "\"{kept}");
        if let Some(plain) = parts.next() {
            let _ = write!(shown, "\"{plain}");
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_comments_and_long_numbers_are_not_kept() {
        let sql = "ALTER ROLE \"a b\" PASSWORD 'hunter2' /* x */ -- y\n; SELECT $q$z$q$, 1234, 12345, E'\\'s', U&'s'";
        assert_eq!(redact(sql, 200), "ALTER ROLE \"a b\" PASSWORD ? ? ?\n; SELECT ?, 1234, ?, ?, U&?");
        assert_eq!(redact("SELECT 'open secret", 200), "SELECT ?");
        assert_eq!(redact("SELECT abc", 8), "SELECT a");
    }

    #[test]
    fn a_message_keeps_names_and_no_values() {
        let sql = "INSERT INTO app.users VALUES ('hunter2'::int)";
        let message = "invalid input syntax for type integer: \"hunter2\"";
        assert_eq!(mask_message(message, sql, true), "invalid input syntax for type integer: \"?\"");
        assert_eq!(mask_message("relation \"app.users\" is \"x", sql, true), "relation \"app.users\" is \"?");
        assert_eq!(mask_message(message, sql, false), "?");
    }
}
