//! Secrets in a list of arguments: where a value ends is known here, whatever stands in it.

use std::path::Path;

use super::{Span, names, text};

/// A family of programs, and the options of theirs whose value is a password.
struct Client {
    programs: &'static [&'static str],
    /// A subcommand that must be there too.
    subcommand: Option<&'static str>,
    /// `-pSECRET`
    attached: &'static [&'static str],
    /// `-p SECRET`
    separate: &'static [&'static str],
    /// `-u user:SECRET`, `-U user%SECRET`
    user: &'static [&'static str],
}

const fn client(
    programs: &'static [&'static str],
    attached: &'static [&'static str],
    separate: &'static [&'static str],
    user: &'static [&'static str],
) -> Client {
    Client { programs, subcommand: None, attached, separate, user }
}

const MYSQL: [&str; 13] = [
    "mysql",
    "mysqldump",
    "mysqladmin",
    "mysqlimport",
    "mysqlcheck",
    "mysqlshow",
    "mysqlslap",
    "mysqlbinlog",
    "mysqlsh",
    "mariadb",
    "mariadb-dump",
    "mariadb-admin",
    "mycli",
];

const CLIENTS: [Client; 10] = [
    client(&MYSQL, &["-p"], &[], &[]),
    client(&["sshpass"], &["-p"], &["-p"], &[]),
    client(&["redis-cli", "valkey-cli"], &[], &["-a"], &[]),
    client(&["curl"], &["-u", "-U"], &[], &["-u", "--user", "-U", "--proxy-user"]),
    client(&["smbclient", "rpcclient"], &[], &[], &["-U", "--user"]),
    client(&["ldapsearch", "ldapmodify", "ldapadd", "ldapdelete"], &["-w"], &["-w"], &[]),
    client(&["mongo", "mongosh", "mongodump", "mongorestore"], &["-p"], &["-p"], &[]),
    client(&["sqlcmd", "bcp", "mosquitto_pub", "mosquitto_sub"], &["-P"], &["-P"], &[]),
    client(&["zip", "unzip", "7z", "7za"], &["-p", "-P"], &["-P"], &[]),
    Client { subcommand: Some("login"), ..client(&["docker", "podman", "helm", "oc", "az"], &["-p"], &["-p"], &[]) },
];

/// The secret spans of each argument; those that show in its text alone are left to
/// [`text::secrets`].
pub(super) fn secrets(argv: &[String]) -> Vec<Vec<Span>> {
    let mut spans: Vec<Vec<Span>> = of_clients(argv);
    let mut before: Option<&String> = None;
    for (argument, spans) in argv.iter().zip(&mut spans) {
        let takes_value = before.is_some_and(|before| {
            before.starts_with('-') && !before.contains('=') && names::is_secret(before.trim_start_matches('-'))
        });
        let is_script =
            before.is_some_and(|before| before.starts_with('-') && !before.starts_with("--") && before.ends_with('c'));
        if takes_value && !is_option(argument) {
            spans.push(0..argument.len());
        }
        if let Some((name, value)) = argument.split_once('=')
            && names::is_secret(name.trim_start_matches('-'))
            && name.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c))
            && !is_script
            && !(name == "password" && is_conninfo(value))
        {
            spans.push(name.len() + 1..argument.len());
        }
        before = Some(argument);
    }
    spans
}

/// Whether this stands where a value could, but is the next option. A random secret may begin
/// with a dash; it is longer than options without one more dash are.
pub(super) fn is_option(argument: &str) -> bool {
    let name = argument.trim_start_matches('-');
    argument.starts_with("--") && name.starts_with(|c: char| c.is_ascii_alphabetic())
        || argument == "-"
        || argument == "--"
        || argument.starts_with('-') && (argument.len() < 12 || argument.contains('='))
}

/// `password=x dbname=y`: more settings follow.
fn is_conninfo(value: &str) -> bool {
    let quoted = value.starts_with('\'');
    quoted || value.split_whitespace().skip(1).any(|setting| setting.contains('='))
}

/// The same clients in a line of text.
pub(super) fn secrets_of_commands(text: &str) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if CLIENTS.iter().flat_map(|client| client.programs).any(|name| line.contains(name)) {
            let words = words(line);
            let shown: Vec<String> =
                words.iter().map(|word| line.get(word.clone()).unwrap_or_default().to_owned()).collect();
            let ends = |word: &String| word.ends_with([';', '|', '&']);
            let found = shown.split_inclusive(ends).flat_map(of_clients);
            for (word, found) in words.iter().zip(found) {
                let base = at + word.start;
                spans.extend(found.iter().map(|span| base + span.start..base + span.end));
            }
        }
        at += line.len();
    }
    spans
}

fn words(line: &str) -> Vec<Span> {
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(rest) = line.get(at..) {
        let start = at + (rest.len() - rest.trim_start().len());
        if start >= line.len() {
            break;
        }
        // A quote that opens the line's command (`sh -c 'mysql …'`) is no part of its words.
        let opens = line.get(start..).is_some_and(|rest| {
            let program = rest.trim_start_matches(['\'', '"', '(', '`', '$']);
            program.len() < rest.len() && program.split_whitespace().next().is_some_and(is_program)
        });
        let word = if opens { plain_word(line, start) } else { text::value(line, start) };
        at = word.end.max(start + 1);
        words.push(word);
    }
    words
}

fn plain_word(line: &str, start: usize) -> Span {
    let rest = line.get(start..).unwrap_or_default();
    start..start + rest.find(char::is_whitespace).unwrap_or(rest.len())
}

fn is_program(word: &str) -> bool {
    CLIENTS.iter().any(|client| client.programs.contains(&basename(word)))
}

fn basename(word: &str) -> &str {
    let word = word.trim_matches(|c: char| "'\"(`$".contains(c));
    Path::new(word).file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

fn of_clients(argv: &[String]) -> Vec<Vec<Span>> {
    let mut spans = vec![Vec::new(); argv.len()];
    for client in &CLIENTS {
        let program = argv.iter().position(|word| client.programs.contains(&basename(word)));
        let Some(program) = program else { continue };
        let has_subcommand = client.subcommand.is_none_or(|wanted| argv.iter().any(|word| word == wanted));
        if !has_subcommand {
            continue;
        }
        let mut before = "";
        for (word, spans) in argv.iter().zip(&mut spans).skip(program + 1) {
            spans.extend(client.secret(before, word));
            before = word;
        }
    }
    spans
}

impl Client {
    fn secret(&self, before: &str, word: &str) -> Option<Span> {
        let whole = 0..word.len();
        let after_colon = |from: usize| {
            let user = word.get(from..)?;
            let at = user.find([':', '%'])?;
            Some(from + at + 1..word.len())
        };
        if self.separate.contains(&before) && !is_option(word) {
            return Some(whole);
        }
        if self.user.contains(&before) {
            return after_colon(0);
        }
        if let Some((option, _)) = word.split_once('=')
            && self.user.contains(&option)
        {
            return after_colon(option.len() + 1);
        }
        let attached = self.attached.iter().find(|option| word.starts_with(**option))?;
        if self.user.contains(attached) {
            return after_colon(attached.len());
        }
        (word.len() > attached.len()).then_some(attached.len()..word.len())
    }
}
