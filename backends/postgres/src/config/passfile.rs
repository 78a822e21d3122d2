//! The file of passwords, as libpq reads it: `hostname:port:database:username:password`, `*` for any.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use super::Secret;

/// What a connection is looked up by.
pub(super) struct Wanted<'a> {
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) database: &'a str,
    pub(super) user: &'a str,
}

/// The first password whose line fits. A file that others may read is not used, as libpq doesn't.
pub(super) fn look_up(path: &Path, wanted: &Wanted<'_>) -> Option<Secret> {
    let file = File::open(path).ok()?;
    let metadata = file.metadata().ok()?;
    if !metadata.is_file() {
        return None;
    }
    if is_open_to_others(&metadata) {
        tracing::warn!(path = %path.display(), "others may read this password file, so it is not used: chmod 0600");
        return None;
    }
    BufReader::new(file).lines().map_while(Result::ok).find_map(|line| fitting(&line, wanted))
}

#[cfg(unix)]
fn is_open_to_others(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o077 != 0
}

#[cfg(not(unix))]
fn is_open_to_others(_: &std::fs::Metadata) -> bool {
    false
}

fn fitting(line: &str, wanted: &Wanted<'_>) -> Option<Secret> {
    if line.starts_with('#') {
        return None;
    }
    let (mut rest, port) = (line, wanted.port.to_string());
    // libpq looks for a local socket under the name localhost.
    let host = if wanted.host.starts_with('/') { "localhost" } else { wanted.host };
    for expected in [host, &port, wanted.database, wanted.user] {
        let (field, after) = field(rest)?;
        let is_socket_folder = std::ptr::eq(expected, host) && field == wanted.host;
        if field != expected && !is_socket_folder && !rest.starts_with("*:") {
            return None;
        }
        rest = after;
    }
    // The password runs to the end of the line.
    Some(Secret::new(field_to_end(rest)))
}

/// The text up to the next colon, and what follows it; a backslash takes what follows as it is.
fn field(text: &str) -> Option<(String, &str)> {
    let mut field = String::new();
    let mut chars = text.chars();
    loop {
        match chars.next()? {
            ':' => return Some((field, chars.as_str())),
            '\\' => field.push(chars.next()?),
            c => field.push(c),
        }
    }
}

fn field_to_end(text: &str) -> String {
    let mut field = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            ':' => break,
            '\\' => field.extend(chars.next()),
            c => field.push(c),
        }
    }
    field
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(host: &str) -> Wanted<'_> {
        Wanted { host, port: 5432, database: "db", user: "me" }
    }

    fn password(line: &str, host: &str) -> Option<String> {
        fitting(line, &wanted(host)).map(|secret| secret.reveal().to_owned())
    }

    #[test]
    fn lines_fit_as_in_libpq() {
        assert_eq!(password("h:5432:db:me:pa\\:ss\\\\", "h").as_deref(), Some("pa:ss\\"));
        assert_eq!(password("*:*:*:*:x", "h").as_deref(), Some("x"));
        assert_eq!(password("localhost:*:*:me:x", "/tmp").as_deref(), Some("x"));
        assert_eq!(password("/tmp:*:*:me:x", "/tmp").as_deref(), Some("x"));
        for other in ["h2:*:*:*:x", "h:5433:*:*:x", "h:*:other:*:x", "h:*:*:you:x", "#h:*:*:me:x", "h:*:me", ""] {
            assert_eq!(password(other, "h"), None, "{other}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_may_read_is_not_used() {
        use std::os::unix::fs::PermissionsExt;
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "other:*:*:*:no\n*:*:*:me:yes\n").unwrap();
        let mode = |mode| std::fs::set_permissions(file.path(), PermissionsExt::from_mode(mode)).unwrap();
        mode(0o600);
        assert_eq!(look_up(file.path(), &wanted("h")).unwrap().reveal(), "yes");
        mode(0o640);
        assert_eq!(look_up(file.path(), &wanted("h")), None);
    }
}
