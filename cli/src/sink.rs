//! Where `run` and `start` put what they record: the inbox of an embedded store, which never waits for a holder, or a
//! server, to which no connection is kept while a child runs.

#[cfg(feature = "postgres")]
use std::time::{Duration, Instant};

use opledger::intent::Intent;
use opledger::{Completion, Error, ErrorKind, Result};
use pollster::block_on;

use crate::args::Tenancy;
#[cfg(feature = "postgres")]
use crate::server::ServerUrl;
use crate::store::{self, AnyTracker, Url};
use opledger_memory::MemoryStore;
use opledger_sled::Inbox;

/// How long the end of an operation waits for a server that is away: it may be restarting, and the start is recorded.
#[cfg(feature = "postgres")]
const PATIENCE: Duration = Duration::from_secs(10);

/// Takes intents.
pub(crate) enum Sink {
    Inbox(Inbox),
    Memory(Box<AnyTracker>),
    #[cfg(feature = "postgres")]
    Server(ServerUrl, Option<Tenancy>),
}

impl Sink {
    pub(crate) fn at(url: &Url, tenant: Option<Tenancy>) -> Self {
        match url {
            Url::Folder(_, dir) => Self::Inbox(Inbox::at(dir)),
            Url::Memory => Self::Memory(Box::new(store::tracker(Box::new(MemoryStore::new()), tenant))),
            #[cfg(feature = "postgres")]
            Url::Server(url) => Self::Server(url.clone(), tenant),
        }
    }

    /// Records the intent: durable on return.
    pub(crate) fn put(&self, intent: &Intent) -> Result<()> {
        match self {
            Self::Inbox(inbox) => inbox.put(intent),
            Self::Memory(tracker) => commit(tracker, intent),
            #[cfg(feature = "postgres")]
            Self::Server(url, tenant) => {
                let patience = if matches!(intent, Intent::Start(_)) { Duration::ZERO } else { PATIENCE };
                let began = Instant::now();
                loop {
                    match put_on_server(url, *tenant, intent) {
                        Err(error) if is_away(error.kind()) && began.elapsed() < patience => {
                            std::thread::sleep(Duration::from_millis(250));
                        }
                        done => return done,
                    }
                }
            }
        }
    }
}

#[cfg(feature = "postgres")]
fn put_on_server(url: &ServerUrl, tenant: Option<Tenancy>, intent: &Intent) -> Result<()> {
    let tracker = store::tracker(Box::new(opledger_postgres::PostgresStore::open(&url.config()?)?), tenant);
    commit(&tracker, intent)?;
    block_on(tracker.close())
}

#[cfg(feature = "postgres")]
fn is_away(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Connection | ErrorKind::Overloaded | ErrorKind::ReadOnly)
}

fn commit(tracker: &AnyTracker, intent: &Intent) -> Result<()> {
    let hk = intent.operation();
    match block_on(tracker.record_intent(intent))? {
        Completion::Recorded => Ok(()),
        Completion::Unknown => {
            Err(Error::new(ErrorKind::Conflict, format!("there is no operation {hk} in this store any more")))
        }
        Completion::AlreadyFinished(status) => {
            Err(Error::new(ErrorKind::Conflict, format!("operation {hk} was ended by somebody else: it is {status}")))
        }
    }
}
