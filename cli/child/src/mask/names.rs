//! Which names stand for secrets, and which values are none.

const SECRET_WORDS: [&str; 12] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "credential",
    "secretkey",
    "authkey",
    "encryptionkey",
];
/// Whole names (letters and digits only) without one of the words above.
const SECRET_NAMES: [&str; 4] = ["pass", "pgpass", "mysqlpwd", "rediscliauth"];
/// What follows the word when the value is about a secret, but is none.
const HARMLESS_ENDINGS: [&str; 24] = [
    "file",
    "path",
    "dir",
    "name",
    "names",
    "type",
    "length",
    "len",
    "policy",
    "ttl",
    "expiry",
    "expires",
    "url",
    "uri",
    "endpoint",
    "count",
    "limit",
    "stdin",
    "command",
    "cmd",
    "prompt",
    "encryption",
    "age",
    "fd",
];
const WORDS: [&str; 12] =
    ["true", "false", "null", "none", "yes", "no", "auto", "default", "enabled", "disabled", "prompt", "require"];

/// Whether what is assigned to this name (an option, a variable, a key) is a secret.
pub(super) fn is_secret(name: &str) -> bool {
    let parts = parts(name);
    let plain: String = parts.concat();
    if parts.last().is_some_and(|part| part == "pass")
        || SECRET_NAMES.contains(&plain.as_str())
        || plain.ends_with("authorization")
    {
        return true;
    }
    SECRET_WORDS.iter().any(|word| {
        plain.rfind(word).is_some_and(|at| {
            let rest = plain.get(at + word.len()..).unwrap_or_default();
            let tail = rest.strip_prefix('s').unwrap_or(rest);
            !HARMLESS_ENDINGS.contains(&tail)
                && !["izer", "ize", "ized", "ization", "izers", "ary", "ariat", "less"]
                    .iter()
                    .any(|ending| rest.starts_with(ending))
        })
    }) && !is_count(&parts)
}

/// `max_tokens`, `--num-tokens`: numbers of something.
fn is_count(parts: &[String]) -> bool {
    let counted = ["max", "min", "num", "n", "total", "count"];
    parts.last().is_some_and(|part| part == "tokens") && parts.iter().any(|part| counted.contains(&part.as_str()))
}

/// The words of a name, lower-case: parted at `_`, `-`, `.` and before a capital.
fn parts(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut was_lower = false;
    for c in name.chars() {
        let is_letter = c.is_alphanumeric();
        if !is_letter || (c.is_uppercase() && was_lower) {
            parts.push(String::new());
        }
        if let Some(part) = parts.last_mut()
            && is_letter
        {
            part.extend(c.to_lowercase());
        }
        was_lower = c.is_lowercase();
    }
    parts.retain(|part| !part.is_empty());
    parts
}

/// A value that says nothing: not masked elsewhere.
pub(super) fn is_word(value: &str) -> bool {
    let reference = value.strip_prefix('$').unwrap_or_default();
    let reference = reference.trim_start_matches('{').trim_end_matches('}');
    let is_reference = !reference.is_empty()
        && reference.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && reference.chars().all(|c| c.is_ascii_uppercase() || c == '_' || c.is_ascii_digit());
    is_reference || WORDS.contains(&value.to_lowercase().as_str())
}

/// The forms a found value may have elsewhere: itself, without its quotes, and its beginning, in
/// case more than the secret was taken for it.
pub(super) fn forms(value: &str) -> Vec<String> {
    let bare = value.trim_matches(|c: char| "'\"\\".contains(c) || c.is_whitespace());
    let first = bare.split(|c: char| c.is_whitespace() || ",;&|)<>}]'\"".contains(c)).next().unwrap_or_default();
    let word = bare.split_whitespace().next().unwrap_or_default();
    let ends = bare.trim_end_matches(|c: char| ".,;:!?)]}".contains(c));
    let unescaped = bare.replace("\\\\", "\u{1}").replace('\\', "").replace('\u{1}', "\\");
    [value, bare, word, first, ends, &unescaped].map(str::to_owned).into()
}
