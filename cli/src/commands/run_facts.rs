//! What `run` keeps under the metadata key `run`, and the command line as one text.

use std::time::Duration;

use opledger::model::MAX_NAME;
use opledger::{Hash, Metadata};
use opledger_child::{Ended, Masker, Report};
use serde_json::{Map, Value, json};

use crate::who;

/// How much of a command line is kept, in bytes: even fully escaped it fits the metadata.
const KEPT: usize = 128 * 1024;

/// The facts at the start, to which those at the end are added: a merge replaces the whole object.
#[derive(Debug, Clone)]
pub(super) struct Facts(Map<String, Value>);

impl Facts {
    pub(super) fn at_start(masker: &Masker) -> Self {
        let mut facts = Map::new();
        let mut set = |key: &str, value: Value| facts.insert(key.to_owned(), value);
        let argv = masker.argv();
        let kept = fitting(&argv);
        if kept.len() < argv.len() {
            set("argv_omitted", json!(argv.len() - kept.len()));
        }
        set("argv", json!(kept));
        if let Some(parent) = parent() {
            set("parent", json!(parent));
        }
        set("user", json!(who::user()));
        set("host", json!(who::host()));
        set("pid", json!(std::process::id()));
        if let Ok(folder) = std::env::current_dir() {
            set("cwd", json!(masker.text(&folder.to_string_lossy())));
        }
        Self(facts)
    }

    pub(super) fn with_end(mut self, report: &Report) -> Self {
        let mut set = |key: &str, value: Value| self.0.insert(key.to_owned(), value);
        match report.ended {
            Ended::Signaled(signal) => set("signal", json!(signal)),
            ref ended => set("exit_code", json!(ended.exit_code())),
        };
        if !matches!(report.ended, Ended::NotFound | Ended::NotExecutable(_)) {
            set("cpu_user_ms", json!(millis(report.user_cpu)));
            set("cpu_system_ms", json!(millis(report.system_cpu)));
            set("peak_memory_bytes", json!(report.peak_memory_bytes));
        }
        self
    }

    pub(super) fn metadata(&self) -> opledger::Result<Metadata> {
        Ok(Metadata::parse(&json!({"run": self.0}).to_string())?)
    }
}

/// The operation in which this one runs, where there is one.
fn parent() -> Option<String> {
    let hash: Hash = std::env::var("OPLEDGER_OPERATION").ok()?.parse().ok()?;
    Some(hash.to_string())
}

pub(super) fn millis(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis()).unwrap_or(i32::MAX)
}

/// The first arguments, as many as fit; at least the program, cut where that alone is too long.
fn fitting(argv: &[String]) -> Vec<String> {
    let mut room = KEPT;
    let mut kept = Vec::new();
    for argument in argv {
        let end = floor(argument, room);
        if end < argument.len() && !kept.is_empty() {
            break;
        }
        // Two quotes and a comma, though nothing else.
        room = room.saturating_sub(end + 4);
        kept.push(argument.get(..end).unwrap_or_default().to_owned());
    }
    kept
}

/// The command line as a shell would take it; what was masked stays readable.
pub(super) fn command_line(argv: &[String]) -> String {
    let line = argv.iter().map(|argument| quoted(argument)).collect::<Vec<_>>().join(" ");
    line.get(..floor(&line, KEPT)).unwrap_or_default().to_owned()
}

/// A name from a command line: its beginning.
pub(super) fn name(command_line: &str) -> String {
    who::cut(command_line, MAX_NAME)
}

fn quoted(argument: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "@%+=:,./_-".contains(c);
    if !argument.is_empty() && argument.replace("***", "").chars().all(plain) {
        argument.to_owned()
    } else {
        format!("'{}'", argument.replace('\'', r"'\''"))
    }
}

fn floor(text: &str, limit: usize) -> usize {
    let mut end = text.len().min(limit);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(argv: &[&str]) -> String {
        command_line(&argv.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn command_lines_are_quoted() {
        assert_eq!(line(&["sh", "-c", "echo 'x' >&2", ""]), r"sh -c 'echo '\''x'\'' >&2' ''");
        assert_eq!(line(&["mysql", "--password=***", "caf\u{e9}"]), "mysql --password=*** caf\u{e9}");
        assert_eq!(line(&[&format!("x{}", "\u{e9}".repeat(KEPT))]).len(), KEPT - 1);
    }

    #[test]
    fn long_argument_lists_are_cut() {
        let argv: Vec<String> = (0..3).map(|_| "x".repeat(60_000)).collect();
        assert_eq!(fitting(&argv).len(), 2);
        assert_eq!(fitting(&["y".repeat(KEPT * 2)]).first().map(String::len), Some(KEPT));
        assert!(fitting(&[]).is_empty());
    }
}
