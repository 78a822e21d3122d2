//! From a store URL to a store.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

use opledger::store::DynStore;
use opledger::{Scope, Tracker};

use crate::args::{Global, Tenancy};
use crate::exit::Failure;
#[cfg(feature = "postgres")]
use crate::server::ServerUrl;
use opledger_fjall::FjallStore;
use opledger_memory::MemoryStore;
use opledger_redb::RedbStore;
use opledger_sled::{Options, SledStore};

/// A store chosen at run time.
pub(crate) type AnyTracker = Tracker<Box<dyn DynStore>>;

/// Where a store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Url {
    Memory,
    /// In a folder, on an engine.
    Folder(OnDisk, PathBuf),
    /// In PostgreSQL.
    #[cfg(feature = "postgres")]
    Server(ServerUrl),
}

/// The engines of stores on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnDisk {
    Sled,
    Redb,
    Fjall,
}

const KNOWN: &str = "sled:DIR, redb:DIR, fjall:DIR, memory: and postgres://…";

/// The store that the command line, the environment or the user's data folder names.
pub(crate) fn url(global: &Global) -> Result<Url, Failure> {
    let set = |text: &OsString| !text.is_empty();
    let given = match &global.store {
        Some(url) => Some(url.clone()),
        None => std::env::var_os("OPLEDGER_STORE").filter(set),
    };
    match given {
        Some(url) => parse(&url),
        None => data_folder(|name| std::env::var_os(name)).map(|folder| Url::Folder(OnDisk::Sled, folder)),
    }
}

/// Nothing of the URL after its scheme is told: there may be a password in it.
pub(crate) fn parse(url: &OsStr) -> Result<Url, Failure> {
    let bytes = url.as_bytes();
    let colon = bytes.iter().position(|byte| *byte == b':');
    let (scheme, rest) = match colon.and_then(|at| bytes.split_at_checked(at)) {
        Some((scheme, rest)) => (scheme, rest.get(1..).unwrap_or_default()),
        None => (&b""[..], bytes),
    };
    let word = str::from_utf8(scheme).ok().filter(|scheme| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    });
    match word.map(str::to_ascii_lowercase).as_deref() {
        Some("memory") if rest.is_empty() => Ok(Url::Memory),
        Some("memory") => Err(Failure::Usage("the store URL memory: takes nothing after the colon".to_owned())),
        Some(scheme @ ("sled" | "redb" | "fjall")) if rest.is_empty() => {
            Err(Failure::Usage(format!("the store URL {scheme}: names no folder; write {scheme}:DIR")))
        }
        Some("sled") => Ok(folder(OnDisk::Sled, rest)),
        Some("redb") => Ok(folder(OnDisk::Redb, rest)),
        Some("fjall") => Ok(folder(OnDisk::Fjall, rest)),
        #[cfg(feature = "postgres")]
        Some("postgres" | "postgresql") => Ok(Url::Server(ServerUrl::new(url)?)),
        #[cfg(not(feature = "postgres"))]
        Some(scheme @ ("postgres" | "postgresql")) => Err(Failure::Usage(format!(
            "{scheme}: stores are left out of this binary; build it with cargo's feature `postgres`"
        ))),
        Some(scheme) => {
            Err(Failure::Usage(format!("{scheme}: is no scheme of a store URL; the known ones are {KNOWN}")))
        }
        None => Err(Failure::Usage(format!(
            "the store URL has no scheme; the known forms are {KNOWN}, so a folder is written sled:DIR"
        ))),
    }
}

fn folder(engine: OnDisk, path: &[u8]) -> Url {
    Url::Folder(engine, PathBuf::from(OsStr::from_bytes(path)))
}

/// The folder of a user's own store.
fn data_folder(var: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf, Failure> {
    let folder = |name: &str| var(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || folder("HOME").map(|home| home.join(".local/share"));
    // systemd may give several, with colons between.
    let first = |path: PathBuf| {
        let bytes = path.as_os_str().as_bytes();
        let end = bytes.iter().position(|byte| *byte == b':').unwrap_or(bytes.len());
        PathBuf::from(OsStr::from_bytes(bytes.get(..end).unwrap_or_default()))
    };
    let state = || folder("XDG_STATE_HOME").or_else(|| folder("STATE_DIRECTORY").map(first));
    folder("XDG_DATA_HOME").or_else(home).or_else(state).map(|base| base.join("opledger")).ok_or_else(|| {
        let names = "$OPLEDGER_STORE, $XDG_DATA_HOME, $HOME, $XDG_STATE_HOME and $STATE_DIRECTORY are not set";
        Failure::NoStore(format!("there is no folder for the store: {names}; name a store with --store sled:DIR"))
    })
}

/// Opens the store for a reader: waits for a holder, as long as the command line says.
pub(crate) fn open(global: &Global, command: &str) -> Result<AnyTracker, Failure> {
    let url = existing(url(global)?);
    open_at(&url, global, &options(command, global.wait))
}

/// The same store, or an empty one where there is none yet: a reader makes no files.
pub(crate) fn existing(url: Url) -> Url {
    match url {
        Url::Folder(_, dir) if !dir.exists() => {
            eprintln!("opledger: nothing is stored at {} yet", dir.display());
            Url::Memory
        }
        url => url,
    }
}

/// How this command opens a store.
pub(crate) fn options(command: &str, lock_wait: Duration) -> Options {
    Options { lock_wait, holder: format!("opledger {command}"), ..Options::default() }
}

/// Opens the store and binds to the tenant of the command line.
pub(crate) fn open_at(url: &Url, global: &Global, options: &Options) -> Result<AnyTracker, Failure> {
    Ok(tracker(open_store(url, options)?, global.tenant))
}

/// Opens the store.
pub(crate) fn open_store(url: &Url, options: &Options) -> opledger::Result<Box<dyn DynStore>> {
    Ok(match url {
        Url::Memory => Box::new(MemoryStore::new()),
        Url::Folder(OnDisk::Sled, dir) => Box::new(SledStore::open(dir, options.clone())?),
        Url::Folder(OnDisk::Redb, dir) => Box::new(RedbStore::open(dir, options.clone())?),
        Url::Folder(OnDisk::Fjall, dir) => Box::new(FjallStore::open(dir, options.clone())?),
        #[cfg(feature = "postgres")]
        Url::Server(url) => Box::new(opledger_postgres::PostgresStore::open(&url.config()?)?),
    })
}

/// A tracker that writes as this command does.
pub(crate) fn tracker(store: Box<dyn DynStore>, tenant: Option<Tenancy>) -> AnyTracker {
    let all = Tracker::builder().record_source(crate::who::record_source()).user(crate::who::user()).build(store);
    match tenant {
        None => all,
        Some(Tenancy::One(tenant)) => all.for_tenant(tenant),
        Some(Tenancy::All) => all.for_all(),
    }
}

/// The rows that a tenant's name on the command line stands for.
pub(crate) fn scope(tenant: Option<Tenancy>) -> Scope {
    match tenant {
        None => Scope::System,
        Some(Tenancy::One(tenant)) => Scope::Tenant(tenant),
        Some(Tenancy::All) => Scope::All,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(url: &str) -> String {
        match parse(OsStr::new(url)) {
            Err(Failure::Usage(message)) => message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn urls_are_read_and_nothing_after_the_scheme_is_told() {
        assert_eq!(parse(OsStr::new("sled:/a:b")).unwrap(), folder(OnDisk::Sled, b"/a:b"));
        assert_eq!(parse(OsStr::new("redb:r")).unwrap(), folder(OnDisk::Redb, b"r"));
        assert_eq!(parse(OsStr::new("FJALL:f")).unwrap(), folder(OnDisk::Fjall, b"f"));
        assert_eq!(parse(OsStr::new("memory:")).unwrap(), Url::Memory);
        for (url, words) in [
            ("mysql://me:hunter2@host/db", "sled:DIR, redb:DIR, fjall:DIR, memory: and postgres://…"),
            ("/var/hunter2", "no scheme"),
            ("sled:", "sled:DIR"),
            ("redb:", "redb:DIR"),
            ("memory:hunter2", "nothing after"),
        ] {
            let message = message(url);
            assert!(message.contains(words) && !message.contains("hunter2"), "{message}");
        }
    }

    #[test]
    fn the_data_folder_is_found_step_by_step() {
        let folder = |vars: &[(&str, &str)]| {
            let find = |name: &str| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value));
            data_folder(find).ok()
        };
        let all = [("XDG_DATA_HOME", "/d"), ("HOME", "/h"), ("XDG_STATE_HOME", "/s"), ("STATE_DIRECTORY", "/t:/u")];
        for (from, expected) in
            [(0, "/d/opledger"), (1, "/h/.local/share/opledger"), (2, "/s/opledger"), (3, "/t/opledger")]
        {
            assert_eq!(folder(&all[from..]), Some(PathBuf::from(expected)));
        }
        assert_eq!(folder(&[("HOME", ""), ("XDG_DATA_HOME", "relative")]), None);
    }
}
