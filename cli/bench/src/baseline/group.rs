//! Group commit: one writer leads, and writes and syncs for all that wait.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use opledger::store::Unit;
use opledger::{Error, ErrorKind, Result};

use super::{Baseline, Sync};

const SECOND: Duration = Duration::from_secs(1);

/// Writers that take turns in leading.
#[derive(Debug)]
pub struct Group {
    sync: Sync,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    waiting: Vec<Unit>,
    /// Calls taken in, and calls carried out.
    taken: u64,
    done: u64,
    leading: bool,
    /// The first failure; nothing is written after it.
    failed: Option<(ErrorKind, String)>,
    synced: Instant,
}

impl Group {
    pub(super) fn new(sync: Sync) -> Self {
        let state =
            State { waiting: Vec::new(), taken: 0, done: 0, leading: false, failed: None, synced: Instant::now() };
        Self { sync, state: Mutex::new(state), changed: Condvar::new() }
    }

    pub(super) fn commit(&self, baseline: &impl Baseline, units: Vec<Unit>) -> Result<()> {
        let mut state = self.lock();
        state.waiting.extend(units);
        state.taken += 1;
        let mine = state.taken;
        loop {
            if let Some((kind, message)) = &state.failed {
                return Err(Error::new(*kind, message.clone()));
            }
            if state.done >= mine {
                return Ok(());
            }
            if state.leading {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            } else {
                state = self.lead(baseline, state);
            }
        }
    }

    fn lead<'a>(&'a self, baseline: &impl Baseline, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        state.leading = true;
        let (units, taken) = (std::mem::take(&mut state.waiting), state.taken);
        let sync = self.sync == Sync::Always || state.synced.elapsed() >= SECOND;
        drop(state);
        let written = baseline.commit(&units).and_then(|()| if sync { baseline.sync() } else { Ok(()) });
        let mut state = self.lock();
        match written {
            Ok(()) => state.done = taken,
            Err(error) => state.failed = Some((error.kind(), error.to_string())),
        }
        if sync {
            state.synced = Instant::now();
        }
        state.leading = false;
        self.changed.notify_all();
        state
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
