//! How the runner's operations get into the store: as those of `run` do, without waiting for who holds it.

use opledger::intent::{Additions, Intent, Outcome};
use opledger::migrate::Recorder;
use opledger::store::DynStore;
use opledger::{Hash, NewOperation, Result, Tracker, hash_key};
use opledger_child::Masker;
use opledger_memory::MemoryStore;

use crate::args::Global;
use crate::exit::Failure;
use crate::sink::Sink;
use crate::store;

pub(super) struct Ledger {
    sink: Sink,
    /// Makes intents; its store stays empty.
    intents: Tracker<Box<dyn DynStore>>,
}

impl Ledger {
    pub(super) fn open(global: &Global) -> Result<Self, Failure> {
        let sink = Sink::at(&store::url(global)?, global.tenant);
        Ok(Self { sink, intents: store::tracker(Box::new(MemoryStore::new()), global.tenant) })
    }
}

impl Recorder for Ledger {
    async fn begin(&self, new: NewOperation) -> Result<Hash> {
        let start = self.intents.start_intent(new)?;
        let operation = hash_key(&start.business_key);
        let intent = Intent::Start(start);
        intent.judge(None)?;
        self.sink.put(&intent)?;
        Ok(operation)
    }

    async fn end(
        &self,
        operation: Hash,
        outcome: Outcome,
        duration_ms: Option<i32>,
        additions: Additions,
    ) -> Result<()> {
        let mut intent = self.intents.finish_intent(operation, outcome, additions)?;
        if let Intent::Finish(finish) = &mut intent {
            finish.duration_ms = duration_ms;
        }
        self.sink.put(&intent)
    }
}

/// A text without secrets, by the rules of `run`.
pub(super) fn mask(text: &str) -> String {
    Masker::default().text(text)
}
