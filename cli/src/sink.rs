//! Where `run` and `start` put what they record: the inbox of an embedded store, which never waits for a holder.

use opledger::intent::{Intent, Verdict};
use opledger::store::DynStore;
use opledger::{Error, ErrorKind, Result, Tracker};

use crate::store::Url;
use opledger_memory::MemoryStore;
use opledger_sled::Inbox;

/// Takes intents.
pub(crate) enum Sink {
    Inbox(Inbox),
    Memory(Box<Tracker<Box<dyn DynStore>>>),
}

impl Sink {
    pub(crate) fn at(url: &Url) -> Self {
        match url {
            Url::Folder(_, dir) => Self::Inbox(Inbox::at(dir)),
            Url::Memory => Self::Memory(Box::new(crate::store::tracker(Box::new(MemoryStore::new()), None).for_all())),
        }
    }

    /// Records the intent: durable on return.
    pub(crate) fn put(&self, intent: &Intent) -> Result<()> {
        match self {
            Self::Inbox(inbox) => inbox.put(intent),
            Self::Memory(tracker) => pollster::block_on(commit(tracker, intent)),
        }
    }
}

/// This process is the only one that can see a store in memory: one judgement is enough.
async fn commit(tracker: &Tracker<Box<dyn DynStore>>, intent: &Intent) -> Result<()> {
    use opledger::store::{Outcome, Store};
    let current = tracker.operation(intent.operation()).await?;
    let Verdict::Change(unit) = intent.judge(current.as_ref())? else { return Ok(()) };
    match tracker.store().commit(vec![*unit]).await?.as_slice() {
        [Outcome::Done(_) | Outcome::Replayed(_)] => Ok(()),
        outcomes => Err(Error::new(ErrorKind::Conflict, format!("the store answered {outcomes:?}"))),
    }
}
