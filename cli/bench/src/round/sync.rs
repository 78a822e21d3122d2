//! Sending what is stored to a second store, by the code that `opledger sync` runs.

use std::path::Path;
use std::time::Instant;

use opledger::store::Store;
use opledger::sync::Agent;
use opledger::{Result, Tracker};
use pollster::block_on;

use super::{Measured, Round, per, rate};
use crate::ledger::{Ledger, Ours, now};
use crate::recount::Expected;
use crate::subject::OpenStore;
use crate::{fill, system};

impl Round {
    /// Sends a month of operations to a second store of the same kind, which is recounted.
    pub(super) fn sync(&self, dir: &Path, open: &OpenStore<'_>) -> Result<Measured> {
        let (from, to) = (dir.join("from"), dir.join("to"));
        let open = |dir: &Path| self.subject.open_store(dir, false, open);
        let filled = Ours::new(open(&from)?);
        fill::fill(&filled, self.operations, now())?;
        let source = if self.subject.is_persistent() {
            Box::new(filled).close()?;
            Tracker::new(open(&from)?)
        } else {
            filled.into_tracker()
        };
        let mut target = open(&to)?;

        let began = Instant::now();
        let passed = block_on(Agent::new(&source, "bench")?.sync(&target))?;
        if self.subject.is_persistent() {
            block_on(target.close())?;
        }
        let taken = began.elapsed();

        let peak_memory = system::peak_memory();
        block_on(source.close())?;
        let bytes = self.bytes(&to)?;
        if self.subject.is_persistent() {
            target = open(&to)?;
        }
        let target = Box::new(Ours::new(target));
        let expected = Expected { count: self.operations, filled: true, removed: 0 };
        let wrong = match passed.conflicts {
            0 => expected.compare(&*target)?,
            conflicts => Some(format!("{conflicts} versions were not taken over")),
        };
        target.close()?;
        let bytes_an_operation = bytes.map(|bytes| per(bytes, self.operations));
        Ok(Measured { figure: rate(self.operations, taken), bytes_an_operation, peak_memory, wrong })
    }
}
