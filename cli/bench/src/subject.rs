//! What is measured: stores of ours, and baselines.

use std::path::Path;

use opledger::store::DynStore;
use opledger::{Error, ErrorKind, Result};
use opledger_fjall::FjallEngine;
use opledger_redb::RedbEngine;
use opledger_sled::{Durability, SledEngine};
use serde::{Deserialize, Serialize};

use crate::baseline::append::Append;
use crate::baseline::plain::Plain;
use crate::baseline::{Grouped, Sync};
use crate::ledger::{Ledger, Ours};
use crate::workload::Workload;

/// An engine that there is a plain layout on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// The default engine.
    Sled,
    /// One file.
    Redb,
    /// A journal and tables.
    Fjall,
}

impl Engine {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Sled, Self::Redb, Self::Fjall];

    /// Its name, which is the scheme of its store URLs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sled => "sled",
            Self::Redb => "redb",
            Self::Fjall => "fjall",
        }
    }
}

/// Something that is measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// A store of ours, by the scheme of its URL.
    Store(String),
    /// An engine with the plain layout.
    Plain(Engine),
    /// SQLite, one transaction a write, as most would use it.
    #[cfg(feature = "sqlite")]
    Sqlite,
    /// SQLite behind a group commit.
    #[cfg(feature = "sqlite")]
    SqliteGrouped,
    /// A file that is appended to.
    AppendFile,
}

impl Subject {
    /// The baselines that are beside any store.
    #[must_use]
    pub fn beside() -> Vec<Self> {
        vec![
            #[cfg(feature = "sqlite")]
            Self::Sqlite,
            #[cfg(feature = "sqlite")]
            Self::SqliteGrouped,
            Self::AppendFile,
        ]
    }

    /// The plain layout on the engine of a store; none where there is none.
    #[must_use]
    pub fn plain(&self) -> Option<Self> {
        let Self::Store(scheme) = self else { return None };
        Engine::ALL.into_iter().find(|engine| engine.name() == scheme).map(Self::Plain)
    }

    /// Its name in tables and JSON: `sled`, `plain-sled`, `sqlite`, `sqlite-grouped`, `append-file`.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Store(scheme) => scheme.clone(),
            Self::Plain(engine) => format!("plain-{}", engine.name()),
            #[cfg(feature = "sqlite")]
            Self::Sqlite => "sqlite".to_owned(),
            #[cfg(feature = "sqlite")]
            Self::SqliteGrouped => "sqlite-grouped".to_owned(),
            Self::AppendFile => "append-file".to_owned(),
        }
    }

    /// Whether what it stores outlives its process.
    #[must_use]
    pub fn is_persistent(&self) -> bool {
        !matches!(self, Self::Store(scheme) if scheme == "memory")
    }

    /// Whether what it stores is in its folder: a server has files of its own.
    #[must_use]
    pub fn has_files(&self) -> bool {
        self.is_persistent() && !matches!(self, Self::Store(scheme) if scheme == SERVER)
    }

    /// Whether the workload says anything about it.
    #[must_use]
    pub fn takes(&self, workload: Workload) -> bool {
        match self {
            Self::Store(_) => self.is_persistent() || !workload.needs_disk(),
            _ if workload == Workload::Sync => false,
            Self::AppendFile => !workload.reads(),
            // With one writer there is nothing to group.
            #[cfg(feature = "sqlite")]
            Self::SqliteGrouped => workload.many_writers(),
            _ => true,
        }
    }

    /// Opens it as the store of ours that it is.
    pub(crate) fn open_store(&self, dir: &Path, durable: bool, open: &OpenStore<'_>) -> Result<Box<dyn DynStore>> {
        let Self::Store(scheme) = self else {
            return Err(Error::new(ErrorKind::InvalidValue, format!("{} is no store of ours", self.name())));
        };
        std::fs::create_dir_all(dir).map_err(crate::failure::io("make", dir))?;
        open(scheme, dir, durability(durable))
    }

    /// Opens it in the folder `dir`, durable at each acknowledgement or within a second; `open` opens stores of ours by
    /// the scheme of their URL.
    ///
    /// # Errors
    /// Gives what the store or the engine says.
    pub fn open(&self, dir: &Path, durable: bool, open: &OpenStore<'_>) -> Result<Box<dyn Ledger>> {
        let sync = if durable { Sync::Always } else { Sync::EachSecond };
        std::fs::create_dir_all(dir).map_err(crate::failure::io("make", dir))?;
        Ok(match self {
            Self::Store(_) => Box::new(Ours::new(self.open_store(dir, durable, open)?)),
            Self::Plain(Engine::Sled) => Box::new(Grouped::new(Plain::<SledEngine>::open(dir)?, sync)),
            Self::Plain(Engine::Redb) => Box::new(Grouped::new(Plain::<RedbEngine>::open(dir)?, sync)),
            Self::Plain(Engine::Fjall) => Box::new(Grouped::new(Plain::<FjallEngine>::open(dir)?, sync)),
            #[cfg(feature = "sqlite")]
            Self::Sqlite => Box::new(crate::baseline::Single(crate::baseline::sqlite::Sqlite::open(dir, sync)?)),
            #[cfg(feature = "sqlite")]
            Self::SqliteGrouped => Box::new(Grouped::new(crate::baseline::sqlite::Sqlite::open(dir, sync)?, sync)),
            Self::AppendFile => Box::new(Grouped::new(Append::open(dir)?, sync)),
        })
    }
}

/// The scheme of a store on a server.
pub const SERVER: &str = "postgres";

/// Opens a store of ours: the scheme of its URL, its folder, its durability.
pub type OpenStore<'a> = dyn Fn(&str, &Path, Durability) -> Result<Box<dyn DynStore>> + 'a;

fn durability(durable: bool) -> Durability {
    if durable { Durability::Immediate } else { Durability::Interval(std::time::Duration::from_secs(1)) }
}

/// Opens the embedded engines.
///
/// # Errors
/// Gives the store's error, and 22023 for a scheme that is none of an embedded engine.
pub fn open_embedded(scheme: &str, dir: &Path, durability: Durability) -> Result<Box<dyn DynStore>> {
    let options = opledger_sled::Options { durability, ..opledger_sled::Options::default() };
    Ok(match scheme {
        "sled" => Box::new(opledger_sled::SledStore::open(dir, options)?),
        "redb" => Box::new(opledger_redb::RedbStore::open(dir, options)?),
        "fjall" => Box::new(opledger_fjall::FjallStore::open(dir, options)?),
        other => return Err(Error::new(ErrorKind::InvalidValue, format!("{other} is no embedded engine"))),
    })
}
