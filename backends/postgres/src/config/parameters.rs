//! From a URL or a `key=value` text to named parameters. No error tells a part of the text: it may be a password.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;

use opledger::{Error, ErrorKind, Result};
use percent_encoding::percent_decode_str;

/// Every parameter that is known, and the environment variable that gives it where the text does not.
const KNOWN: [(&str, Option<&str>); 28] = [
    ("application_name", Some("PGAPPNAME")),
    ("channel_binding", Some("PGCHANNELBINDING")),
    ("connect_timeout", Some("PGCONNECT_TIMEOUT")),
    ("dbname", Some("PGDATABASE")),
    ("host", Some("PGHOST")),
    ("hostaddr", Some("PGHOSTADDR")),
    ("keepalives", None),
    ("keepalives_count", None),
    ("keepalives_idle", None),
    ("keepalives_interval", None),
    ("lock_timeout", None),
    ("log_wait", None),
    ("options", Some("PGOPTIONS")),
    ("passfile", Some("PGPASSFILE")),
    ("password", Some("PGPASSWORD")),
    ("pool_size", None),
    ("port", Some("PGPORT")),
    ("prepare", None),
    ("retry_timeout", None),
    ("sslcert", Some("PGSSLCERT")),
    ("sslkey", Some("PGSSLKEY")),
    ("sslmode", Some("PGSSLMODE")),
    ("sslnegotiation", Some("PGSSLNEGOTIATION")),
    ("sslrootcert", Some("PGSSLROOTCERT")),
    ("statement_timeout", None),
    ("target_session_attrs", Some("PGTARGETSESSIONATTRS")),
    ("tcp_user_timeout", None),
    ("user", Some("PGUSER")),
];

/// Parameters by name; empty ones are not there.
#[derive(Default)]
pub(super) struct Parameters(BTreeMap<&'static str, String>);

impl Parameters {
    pub(super) fn parse(text: &str) -> Result<Self> {
        let mut found = Self::default();
        match text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://")) {
            Some(rest) => found.read_url(rest)?,
            None => found.read_pairs(text)?,
        }
        Ok(found)
    }

    /// Adds what the environment says and the text did not.
    pub(super) fn complete(&mut self, variable: impl Fn(&str) -> Option<String>) {
        for (name, from) in KNOWN {
            if let Some(value) = from.and_then(&variable).filter(|value| !value.is_empty()) {
                self.0.entry(name).or_insert(value);
            }
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn set(&mut self, name: &str, value: String) -> Result<()> {
        let Some((name, _)) = KNOWN.into_iter().find(|(known, _)| *known == name) else {
            let known: Vec<_> = KNOWN.iter().map(|(name, _)| *name).collect();
            let message = format!(
                "the store URL has an option that is not known (not shown: it may be part of a password, where ? and @ are \
                 written %3F and %40); the known ones are {}",
                known.join(", ")
            );
            return Err(Error::new(ErrorKind::InvalidValue, message));
        };
        if !value.is_empty() {
            self.0.insert(name, value);
        }
        Ok(())
    }

    fn read_url(&mut self, rest: &str) -> Result<()> {
        let (place, options) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = place.split_once('/').unwrap_or((place, ""));
        let (login, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        self.set("user", decoded(user)?)?;
        self.set("password", decoded(password)?)?;
        self.set("dbname", decoded(database)?)?;
        let (mut names, mut ports) = (Vec::new(), Vec::new());
        for host in hosts.split(',') {
            let (name, port) = host_and_port(host)?;
            names.push(decoded(name)?);
            ports.push(port);
        }
        self.set("host", listed(&names))?;
        self.set("port", listed(&ports))?;
        for option in options.split('&').filter(|option| !option.is_empty()) {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            self.set(&decoded(name)?, decoded(value)?)?;
        }
        Ok(())
    }

    fn read_pairs(&mut self, text: &str) -> Result<()> {
        let mut chars = text.chars().peekable();
        loop {
            while chars.next_if(|c| c.is_whitespace()).is_some() {}
            if chars.peek().is_none() {
                return Ok(());
            }
            let mut name = String::new();
            while let Some(c) = chars.next_if(|c| *c != '=' && !c.is_whitespace()) {
                name.push(c);
            }
            while chars.next_if(|c| c.is_whitespace()).is_some() {}
            if chars.next() != Some('=') {
                return Err(malformed());
            }
            while chars.next_if(|c| c.is_whitespace()).is_some() {}
            let value = pair_value(&mut chars)?;
            self.set(&name, value)?;
        }
    }
}

/// A value as libpq reads it: bare up to a space, or in single quotes; a backslash takes what follows as it is.
fn pair_value(chars: &mut Peekable<Chars<'_>>) -> Result<String> {
    let quoted = chars.next_if_eq(&'\'').is_some();
    let mut value = String::new();
    loop {
        match chars.next() {
            None if quoted => return Err(malformed()),
            None => return Ok(value),
            Some('\'') if quoted => return Ok(value),
            Some(c) if c.is_whitespace() && !quoted => return Ok(value),
            Some('\\') => value.extend(chars.next()),
            Some(c) => value.push(c),
        }
    }
}

fn host_and_port(text: &str) -> Result<(&str, String)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']').ok_or_else(malformed)?;
        return Ok((address, port.strip_prefix(':').unwrap_or_default().to_owned()));
    }
    let (name, port) = text.split_once(':').unwrap_or((text, ""));
    Ok((name, port.to_owned()))
}

/// A list as libpq writes it; nothing where it is empty all through.
fn listed(values: &[String]) -> String {
    if values.iter().all(String::is_empty) { String::new() } else { values.join(",") }
}

fn decoded(text: &str) -> Result<String> {
    let decoded = percent_decode_str(text).decode_utf8().map_err(|_| malformed())?;
    if decoded.contains('\0') {
        return Err(malformed());
    }
    Ok(decoded.into_owned())
}

fn malformed() -> Error {
    let form = "postgres://USER@HOST:PORT/DATABASE?OPTION=VALUE, or HOST=… USER=… in libpq's form";
    Error::new(ErrorKind::InvalidText, format!("the store URL can't be read (it is not shown); its form is {form}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<(&'static str, String)> {
        Parameters::parse(text).map(|found| found.0.into_iter().collect()).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn a_url_is_taken_apart() {
        let all = of("postgresql://me:p%40ss@h1:1,[::1]:2,%2Ftmp/d%20b?sslmode=verify-full&application_name=a%26b");
        let expected = [
            ("application_name", "a&b"),
            ("dbname", "d b"),
            ("host", "h1,::1,/tmp"),
            ("password", "p@ss"),
            ("port", "1,2,"),
            ("sslmode", "verify-full"),
            ("user", "me"),
        ];
        assert_eq!(all, expected.map(|(name, value)| (name, value.to_owned())));
        assert_eq!(of("postgres://"), []);
    }

    #[test]
    fn pairs_are_read_as_libpq_does() {
        let all = of(r"host=h  user = 'o\'brien x' password=a\ b dbname=''");
        let expected = [("host", "h"), ("password", "a b"), ("user", "o'brien x")];
        assert_eq!(all, expected.map(|(name, value)| (name, value.to_owned())));
    }

    #[test]
    fn errors_do_not_quote() {
        for text in
            ["postgres://me:hun?ter2@host/db", "user hunter2", "password='hunter2", "hunter2=x", "postgres://[hunter2"]
        {
            let error = Parameters::parse(text).err().unwrap_or_else(|| panic!("{text}"));
            assert!(!error.to_string().contains("ter2"), "{error}");
        }
    }

    #[test]
    fn the_environment_fills_gaps() {
        let mut found = Parameters::parse("postgres://h/db").unwrap();
        found.complete(|name| match name {
            "PGHOST" => Some("other".to_owned()),
            "PGUSER" => Some("me".to_owned()),
            "PGPASSWORD" => Some(String::new()),
            _ => None,
        });
        assert_eq!((found.get("host"), found.get("user"), found.get("password")), (Some("h"), Some("me"), None));
    }
}
