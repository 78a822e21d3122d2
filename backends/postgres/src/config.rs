//! Where the server is and how to reach it: a URL, libpq's environment variables, the password file.

mod parameters;
mod passfile;
mod secret;

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use opledger::{Error, ErrorKind, Result};
use tokio_postgres::config::{ChannelBinding, SslNegotiation};

use self::parameters::Parameters;
pub(crate) use self::secret::Secret;
use crate::tls::{SslMode, TlsFiles};

/// What a URL, the environment and the password file say about a server.
///
/// A URL is `postgres://USER:PASSWORD@HOST:PORT,HOST:PORT/DATABASE?OPTION=VALUE&…`; libpq's `host=… user=…` form is
/// read too. What it leaves open is taken from libpq's environment variables (`PGHOST`, `PGUSER`, `PGSSLMODE`, …), then
/// from libpq's defaults; a password also from `~/.pgpass`, unless others may read that file.
///
/// Beside libpq's options (`sslmode`, `sslrootcert`, `sslcert`, `sslkey`, `target_session_attrs`, `connect_timeout`,
/// `application_name`, `options`, `keepalives…`, `passfile`, …) there are:
///
/// | option | default | |
/// |---|---|---|
/// | `pool_size` | 8 | connections at most |
/// | `prepare` | on | `off` behind a pooler in transaction mode; found out where the pooler refuses `options` |
/// | `statement_timeout` | 30000 | milliseconds; a statement over it is cancelled |
/// | `lock_timeout` | 10000 | milliseconds |
/// | `retry_timeout` | 10000 | milliseconds that a commit is tried again while the server can't be reached |
/// | `log_wait` | 2000 | milliseconds that a reader of the log waits for other sessions' open transactions |
#[derive(Clone)]
pub struct Config {
    pub(crate) hosts: Vec<Address>,
    pub(crate) user: String,
    pub(crate) database: String,
    password: Option<Secret>,
    passfile: Option<PathBuf>,
    pub(crate) application_name: String,
    pub(crate) options: Option<String>,
    pub(crate) channel_binding: ChannelBinding,
    pub(crate) target: Target,
    pub(crate) ssl_mode: SslMode,
    pub(crate) ssl_negotiation: SslNegotiation,
    pub(crate) tls_files: TlsFiles,
    pub(crate) keepalive: Option<Keepalive>,
    pub(crate) tcp_user_timeout: Option<Duration>,
    pub(crate) connect_timeout: Duration,
    pub(crate) statement_timeout: Duration,
    pub(crate) lock_timeout: Duration,
    pub(crate) retry_timeout: Duration,
    pub(crate) log_wait: Duration,
    pub(crate) pool_size: usize,
    pub(crate) prepare: bool,
}

/// One place where the server may be.
#[derive(Clone)]
pub(crate) struct Address {
    /// A name, an address, or the folder of a socket.
    pub(crate) host: String,
    pub(crate) hostaddr: Option<IpAddr>,
    pub(crate) port: u16,
}

/// When and how often an idle connection is probed.
#[derive(Clone)]
pub(crate) struct Keepalive {
    pub(crate) idle: Option<Duration>,
    pub(crate) interval: Option<Duration>,
    pub(crate) count: Option<u32>,
}

/// What the server must be, in libpq's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Any,
    ReadWrite,
    ReadOnly,
    Primary,
    Standby,
    PreferStandby,
}

impl Config {
    /// Reads a URL, and the process's environment for what it leaves open.
    ///
    /// # Errors
    /// Gives 22P02 or 22023 naming the option that is wrong. No error shows a part of the URL.
    pub fn new(url: &str) -> Result<Self> {
        Self::with_environment(url, |name| std::env::var(name).ok())
    }

    /// Reads a URL, and `variable` instead of the process's environment.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_environment(url: &str, variable: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let mut given = Parameters::parse(url)?;
        given.complete(&variable);
        let home = variable("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
        let user = match given.get("user") {
            Some(user) => user.to_owned(),
            None => whoami::username().map_err(|cause| {
                let message = "the store URL names no user, PGUSER is not set, and the system's user has no name";
                Error::new(ErrorKind::InvalidValue, message).caused_by(cause)
            })?,
        };
        let milliseconds =
            |name, default| Ok::<_, Error>(Duration::from_millis(number(&given, name)?.unwrap_or(default)));
        let seconds = |name| Ok::<_, Error>(number(&given, name)?.map(Duration::from_secs));
        let keepalive = Keepalive {
            idle: seconds("keepalives_idle")?,
            interval: seconds("keepalives_interval")?,
            count: number(&given, "keepalives_count")?,
        };
        let hosts = addresses(&given)?;
        let tls_files = TlsFiles::new(|name| given.get(name), home.as_deref());
        let pool_size = number(&given, "pool_size")?.unwrap_or(8);
        if pool_size == 0 {
            return Err(invalid("pool_size", "a number from 1"));
        }
        Ok(Self {
            hosts,
            database: given.get("dbname").unwrap_or(&user).to_owned(),
            user,
            password: given.get("password").map(|text| Secret::new(text.to_owned())),
            passfile: given.get("passfile").map(PathBuf::from).or_else(|| Some(home.as_ref()?.join(".pgpass"))),
            application_name: given.get("application_name").unwrap_or("opledger").to_owned(),
            options: given.get("options").map(str::to_owned),
            channel_binding: word(&given, "channel_binding", &CHANNEL_BINDINGS)?.unwrap_or(ChannelBinding::Prefer),
            target: word(&given, "target_session_attrs", &TARGETS)?.unwrap_or(Target::Any),
            ssl_mode: tls_files.mode(word(&given, "sslmode", &SslMode::NAMES)?)?,
            ssl_negotiation: word(&given, "sslnegotiation", &NEGOTIATIONS)?.unwrap_or(SslNegotiation::Postgres),
            tls_files,
            keepalive: number::<u8>(&given, "keepalives")?.is_none_or(|on| on != 0).then_some(keepalive),
            tcp_user_timeout: number(&given, "tcp_user_timeout")?.map(Duration::from_millis),
            // As in libpq: 0 waits for ever.
            connect_timeout: match number(&given, "connect_timeout")? {
                Some(0) => Duration::MAX,
                given => Duration::from_secs(given.unwrap_or(10)),
            },
            statement_timeout: milliseconds("statement_timeout", 30_000)?,
            lock_timeout: milliseconds("lock_timeout", 10_000)?,
            retry_timeout: milliseconds("retry_timeout", 10_000)?,
            log_wait: milliseconds("log_wait", 2_000)?,
            pool_size,
            prepare: word(&given, "prepare", &SWITCH)?.unwrap_or(true),
        })
    }

    /// The same for another database of the server.
    #[must_use]
    pub fn with_database(mut self, name: impl Into<String>) -> Self {
        self.database = name.into();
        self
    }

    /// Where the store is, without secrets: `postgres://user@host:port/database`.
    #[must_use]
    pub fn location(&self) -> String {
        let hosts: Vec<_> = self.hosts.iter().map(ToString::to_string).collect();
        format!("postgres://{}@{}/{}", self.user, hosts.join(","), self.database)
    }

    /// How long a commit is tried again while the server can't be reached.
    #[must_use]
    pub fn retry_timeout(mut self, time: Duration) -> Self {
        self.retry_timeout = time;
        self
    }

    /// How long a statement may take before it is cancelled; zero for any time.
    #[must_use]
    pub fn statement_timeout(mut self, time: Duration) -> Self {
        self.statement_timeout = time;
        self
    }

    /// The name that the server shows for our connections.
    #[must_use]
    pub fn application_name(mut self, name: impl Into<String>) -> Self {
        self.application_name = name.into();
        self
    }

    /// The password for one of the hosts.
    pub(crate) fn password_for(&self, address: &Address) -> Option<Secret> {
        let look_up = |path: &PathBuf| {
            let Address { host, port, .. } = address;
            passfile::look_up(path, &passfile::Wanted { host, port: *port, database: &self.database, user: &self.user })
        };
        self.password.clone().or_else(|| self.passfile.as_ref().and_then(look_up))
    }
}

impl FromStr for Config {
    type Err = Error;

    fn from_str(url: &str) -> Result<Self> {
        Self::new(url)
    }
}

impl fmt::Debug for Config {
    /// Shows the location alone: `options` may hold secrets too.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("location", &self.location()).finish_non_exhaustive()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, .. } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

const TARGETS: [(&str, Target); 6] = [
    ("any", Target::Any),
    ("read-write", Target::ReadWrite),
    ("read-only", Target::ReadOnly),
    ("primary", Target::Primary),
    ("standby", Target::Standby),
    ("prefer-standby", Target::PreferStandby),
];

const CHANNEL_BINDINGS: [(&str, ChannelBinding); 3] =
    [("disable", ChannelBinding::Disable), ("prefer", ChannelBinding::Prefer), ("require", ChannelBinding::Require)];

const NEGOTIATIONS: [(&str, SslNegotiation); 2] =
    [("postgres", SslNegotiation::Postgres), ("direct", SslNegotiation::Direct)];

const SWITCH: [(&str, bool); 2] = [("on", true), ("off", false)];

/// Hosts, addresses and ports belong together by place; one port serves all.
fn addresses(given: &Parameters) -> Result<Vec<Address>> {
    let list =
        |name| given.get(name).map(|text| text.split(',').map(str::trim).collect::<Vec<_>>()).unwrap_or_default();
    let (hosts, hostaddrs, ports) = (list("host"), list("hostaddr"), list("port"));
    let count = hosts.len().max(hostaddrs.len()).max(1);
    if (!hosts.is_empty() && hosts.len() != count) || (!hostaddrs.is_empty() && hostaddrs.len() != count) {
        return Err(invalid("hostaddr", "a list as long as that of the hosts"));
    }
    if ports.len() > 1 && ports.len() != count {
        return Err(invalid("port", "one, or a list as long as that of the hosts"));
    }
    let at = |list: &[&str], place: usize| list.get(place).copied().filter(|text| !text.is_empty()).map(str::to_owned);
    (0..count)
        .map(|place| {
            let port = if ports.len() == 1 { at(&ports, 0) } else { at(&ports, place) };
            let port = match port {
                Some(text) => {
                    text.parse().ok().filter(|port| *port > 0).ok_or_else(|| invalid("port", "from 1 to 65535"))?
                }
                None => 5432,
            };
            let hostaddr = match at(&hostaddrs, place) {
                Some(text) => Some(text.parse().map_err(|_| invalid("hostaddr", "an address such as 192.0.2.1"))?),
                None => None,
            };
            let named = at(&hosts, place).or_else(|| hostaddr.map(|address: IpAddr| address.to_string()));
            Ok(Address { host: named.unwrap_or_else(|| default_host(port)), hostaddr, port })
        })
        .collect()
}

/// The socket of a server on this machine, where distributions put it; else the machine itself.
fn default_host(port: u16) -> String {
    let socket = |folder: &&str| Path::new(folder).join(format!(".s.PGSQL.{port}")).exists();
    ["/var/run/postgresql", "/tmp"].iter().find(|folder| socket(folder)).unwrap_or(&"localhost").to_string()
}

fn number<T: FromStr>(given: &Parameters, name: &'static str) -> Result<Option<T>> {
    given.get(name).map(|text| text.parse().map_err(|_| invalid(name, "a whole number in its range"))).transpose()
}

fn word<T: Copy>(given: &Parameters, name: &'static str, known: &[(&str, T)]) -> Result<Option<T>> {
    let Some(text) = given.get(name) else { return Ok(None) };
    let names = || known.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
    let found = known.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
    found.map(Some).ok_or_else(|| invalid(name, &format!("one of {}", names())))
}

fn invalid(name: &str, expected: &str) -> Error {
    Error::new(ErrorKind::InvalidValue, format!("{name} of the store URL (or its PG variable) must be {expected}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(url: &str) -> Config {
        Config::with_environment(url, |_| None).unwrap()
    }

    #[test]
    fn no_secret_is_shown() {
        let config = config("postgres://me:hunter2@h1,h2:6000/db?options=-c%20x.key%3Dhunter2");
        assert_eq!(config.location(), "postgres://me@h1:5432,h2:6000/db");
        assert!(!format!("{config:?}").contains("hunter2"));
        assert!(!format!("{:?}", config.password_for(&config.hosts[0])).contains("hunter2"));
    }

    #[test]
    fn wrong_options_are_named_and_not_shown() {
        for (option, words) in [
            ("sslmode=hunter2", "sslmode of the store URL (or its PG variable) must be one of disable, allow"),
            ("sslmode=require&sslrootcert=system", "verify-full"),
            ("pool_size=hunter2", "pool_size"),
            ("pool_size=0", "pool_size"),
            ("port=70000", "port"),
            ("target_session_attrs=hunter2", "read-write"),
            ("hostaddr=1.2.3.4,hunter2", "hostaddr"),
            ("prepare=maybe", "on, off"),
        ] {
            let error = Config::with_environment(&format!("postgres://me@h/db?{option}"), |_| None).unwrap_err();
            assert!(error.to_string().contains(words) && !error.to_string().contains("hunter2"), "{error}");
            assert_eq!(error.kind(), ErrorKind::InvalidValue);
        }
    }

    #[test]
    fn hosts_come_from_many_places() {
        let environment = |name: &str| match name {
            "PGHOST" => Some("a,b".to_owned()),
            "PGPORT" => Some("7000".to_owned()),
            "PGUSER" => Some("me".to_owned()),
            _ => None,
        };
        let config = Config::with_environment("postgres://", environment).unwrap();
        assert_eq!(config.location(), "postgres://me@a:7000,b:7000/me");
        assert_eq!(
            super::tests::config("postgres://me@h/db?hostaddr=::1").hosts[0].hostaddr,
            Some("::1".parse().unwrap())
        );
    }
}
