//! Secrets in running text: shell strings, connection strings, headers, JSON, URLs, tokens.

use std::sync::LazyLock;

use regex_lite::{Captures, Regex};

use super::{Span, arguments, names};

/// The regex of a rule leaves the place of the value to code, where its end depends on context.
type Find = fn(&str, &Captures<'_>) -> Option<Span>;

const RULES: [(&str, Find); 11] = [
    // NAME=value
    (r"([A-Za-z0-9_.\-]+)[ \t]*=[ \t]*", assigned),
    // "name": "value", 'name' => 'value', and the same with the quotes escaped
    (r#"\\*["']([A-Za-z0-9_.\- ]+)\\*["'][ \t]*(?::|=>|=)[ \t]*"#, quoted_key),
    // name: value, Header: value
    (r"([A-Za-z0-9_.\-]+)[ \t]*:[ \t]*", header),
    // --name value
    (r#"(?:^|[\s'"(\[,=])--?([A-Za-z][A-Za-z0-9_.\-]*)[ \t]+"#, option),
    // scheme://user:password@host
    (r"[A-Za-z][A-Za-z0-9+.\-]*://", url),
    // user:password@host
    (r#"(?:^|[\s'"=,(<])([A-Za-z0-9_.+%\-]*):([^\s/'"]+)@([A-Za-z0-9\[][A-Za-z0-9._\-]*)"#, userinfo),
    (r"(?i)\bbearer[ \t]+([A-Za-z0-9._~+/=\-]*[0-9][A-Za-z0-9._~+/=\-]*)", group),
    (r"(?i)\bbasic[ \t]+([A-Za-z0-9+/]*[0-9][A-Za-z0-9+/]{5,}=*)", group),
    (
        r"\b(gh[a-z]_[A-Za-z0-9]{16,}|github_pat_\w{16,}|glpat-[\w\-]{16,}|(?:AKIA|ASIA)[A-Z0-9]{12,}|xox[a-z]-[A-Za-z0-9\-]{8,}|xapp-[A-Za-z0-9\-]{8,}|sk-[A-Za-z0-9_\-]{20,}|[sr]k_(?:live|test)_\w{16,}|AIza[\w\-]{30,}|npm_\w{30,}|pypi-[\w\-]{30,}|hv[sb]\.[\w\-]{20,}|SG\.[\w\-]{16,}\.[\w\-]{16,})",
        group,
    ),
    (r"\b(eyJ[\w\-]{6,}(?:\.[\w\-]*){0,4})", group),
    (r"-----BEGIN [A-Z ]*PRIVATE KEY-----([^\-]*(?:-----END [A-Z ]*PRIVATE KEY-----)?)", group),
];

static COMPILED: LazyLock<Vec<(Regex, Find)>> =
    LazyLock::new(|| RULES.iter().filter_map(|(rule, find)| Some((Regex::new(rule).ok()?, *find))).collect());

pub(super) fn secrets(text: &str) -> Vec<Span> {
    let mut spans = arguments::secrets_of_commands(text);
    for (regex, find) in COMPILED.iter() {
        spans.extend(regex.captures_iter(text).filter_map(|found| find(text, &found)));
    }
    spans.into_iter().map(|span| unquoted(text, span)).collect()
}

/// Quotes around the whole of a value may stay.
fn unquoted(text: &str, span: Span) -> Span {
    let shown = text.get(span.clone()).unwrap_or_default();
    let slashes = shown.len() - shown.trim_start_matches('\\').len();
    let quote = shown.get(..=slashes).unwrap_or_default();
    let is_quoted = quote.ends_with(['\'', '"']) && shown.ends_with(quote) && shown.len() >= 2 * quote.len();
    if is_quoted { span.start + quote.len()..span.end - quote.len() } else { span }
}

/// Where the match ends, if its name is a secret's: the value begins there.
fn named(found: &Captures<'_>) -> Option<usize> {
    let name = found.get(1).filter(|name| names::is_secret(name.as_str()))?;
    Some(found.get(0)?.end().max(name.end()))
}

fn assigned(text: &str, found: &Captures<'_>) -> Option<Span> {
    let start = named(found)?;
    let before = text.get(..found.get(0)?.start())?;
    let span = value(text, after_scheme(text, start));
    let in_query = before.ends_with(['?', '&']) && before.contains("://");
    let shown = text.get(span.clone())?;
    let end = if in_query {
        shown.find(['&', '#']).unwrap_or(shown.len())
    } else if before.ends_with(';') {
        // `Server=s;Password=x;Database=y`; elsewhere the `;` may belong to the password.
        next_setting(shown).unwrap_or(shown.len())
    } else {
        shown.len()
    };
    Some(span.start..span.start + end)
}

fn next_setting(value: &str) -> Option<usize> {
    let (head, tail) = value.split_once(';')?;
    let name = tail.split_once('=')?.0.trim();
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    (is_name && !head.is_empty()).then_some(head.len())
}

fn quoted_key(text: &str, found: &Captures<'_>) -> Option<Span> {
    let start = named(found)?;
    let span = value(text, start);
    let shown = text.get(span.clone())?;
    if shown.starts_with(['\'', '"', '\\']) {
        return Some(span);
    }
    let end = shown.find([',', '}', ']']).unwrap_or(shown.len());
    Some(span.start..span.start + end)
}

fn header(text: &str, found: &Captures<'_>) -> Option<Span> {
    let start = named(found)?;
    let name = found.get(1)?;
    let before = text.get(..name.start())?;
    let line = before.rsplit('\n').next()?.trim_start_matches([' ', '\t', '-', '>', '<', '*']);
    let is_key = line.is_empty()
        || line.ends_with(['\'', '"', '{', ','])
        || name.as_str().contains(['-', '_'])
        || name.as_str().to_lowercase().ends_with("authorization");
    let rest = text.get(start..)?;
    if !is_key || rest.starts_with([':', '\n', '=']) {
        return None;
    }
    let start = after_scheme(text, start);
    let rest = text.get(start..)?;
    let end = match (rest.chars().next()?, before.chars().next_back()) {
        ('\'' | '"', _) => return Some(value(text, start)),
        // The whole header is quoted.
        (_, Some(quote @ ('\'' | '"'))) => rest.find([quote, '\n']),
        _ => rest.find('\n'),
    };
    Some(start..start + end.unwrap_or(rest.len()))
}

/// After the scheme of an Authorization header.
fn after_scheme(text: &str, start: usize) -> usize {
    let rest = text.get(start..).unwrap_or_default();
    let schemes = ["bearer ", "basic ", "digest ", "token ", "negotiate ", "apikey "];
    let scheme =
        schemes.iter().find(|scheme| rest.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme)));
    let after = start + scheme.map_or(0, |scheme| scheme.len());
    let spaces = text.get(after..).unwrap_or_default();
    after + (spaces.len() - spaces.trim_start_matches([' ', '\t']).len())
}

fn option(text: &str, found: &Captures<'_>) -> Option<Span> {
    let start = named(found)?;
    let span = value(text, start);
    let shown = text.get(span.clone())?;
    // In a usage message, or another option: no value.
    let prose = ["is", "to", "or", "and", "must", "requires", "required", "cannot", "with", "for"];
    let is_value = !arguments::is_option(shown) && !shown.starts_with(['<', '[', '|']) && !prose.contains(&shown);
    is_value.then_some(span)
}

fn url(text: &str, found: &Captures<'_>) -> Option<Span> {
    let start = found.get(0)?.end();
    let rest = text.get(start..)?;
    let rest = rest.get(..rest.find([' ', '\t', '\n', '"', '\'', '<', '>']).unwrap_or(rest.len()))?;
    if rest.starts_with('[') {
        return None;
    }
    let authority = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let colon = rest.find(':').filter(|&colon| colon < authority)?;
    let head = rest.get(..authority)?;
    // A password may hold an unescaped `/`; but on the web that begins a path, after a port.
    let scheme = found.get(0)?.as_str().to_lowercase();
    let port = rest.get(colon + 1..authority)?;
    let is_web = scheme.starts_with("http") || scheme.starts_with("ws");
    let has_port = is_web && !head.contains('@') && port.chars().all(|c| c.is_ascii_digit());
    let at = if has_port { None } else { head.rfind('@').or_else(|| rest.rfind('@')) };
    at.filter(|&at| at > colon).map(|at| start + colon + 1..start + at)
}

fn userinfo(_: &str, found: &Captures<'_>) -> Option<Span> {
    let (user, password, host) = (found.get(1)?, found.get(2)?, found.get(3)?);
    let packages = ["npm", "jsr", "pypi", "mailto", "sip", "sips", "acct", "workspace", "file"];
    let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit() || c == ':' || c == '.');
    let time = digits(user.as_str()) && digits(password.as_str());
    let position = password.as_str().contains(':') && digits(password.as_str());
    let image = ["sha256", "sha512"].contains(&host.as_str());
    let innocent = time || position || image || packages.contains(&user.as_str());
    (!innocent).then_some(password.range())
}

fn group(_: &str, found: &Captures<'_>) -> Option<Span> {
    found.get(1).map(|secret| secret.range())
}

/// The value that begins here: quoted (then the quotes belong to it) or up to white space. An
/// open quote reaches to the end of the text.
pub(super) fn value(text: &str, start: usize) -> Span {
    let rest = text.get(start..).unwrap_or_default();
    let slashes = rest.len() - rest.trim_start_matches('\\').len();
    let opening = rest.get(slashes..).and_then(|rest| rest.chars().next());
    let mut from = 0;
    if let Some(quote @ ('\'' | '"')) = opening {
        // The closing quote has as many backslashes before it as the opening one.
        let closing = format!("{}{quote}", "\\".repeat(slashes));
        from = slashes + 1;
        loop {
            let Some(at) = rest.get(from..).and_then(|rest| rest.find(&closing)) else {
                return start..text.len();
            };
            let before = rest.get(..from + at).unwrap_or_default();
            from += at + closing.len();
            let escapes = before.len() - before.trim_end_matches('\\').len();
            if escapes % 2 == 0 || (slashes > 0 && escapes == 0) {
                break;
            }
        }
        let next = rest.get(from..).and_then(|rest| rest.chars().next());
        if next.is_none_or(|next| next.is_whitespace() || ",;)}]&|:>".contains(next)) {
            return start..start + from;
        }
    }
    let mut escaped = false;
    let end = rest.get(from..).unwrap_or_default().char_indices().find(|&(_, c)| {
        let ends = c.is_whitespace() && (!escaped || c == '\n');
        escaped = c == '\\' && !escaped;
        ends
    });
    start..start + end.map_or(rest.len(), |(at, _)| from + at)
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_rule_compiles() {
        assert_eq!(super::COMPILED.len(), super::RULES.len());
    }
}
