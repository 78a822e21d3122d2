//! After a failed write the engine is in doubt: it is closed, and opened again as soon as that works.

use opledger::{Error, ErrorKind, Result};

use super::{Committer, unpoisoned};
use crate::block;
use crate::engine::Engine;
use crate::files::io_error;
use crate::load::load;
use crate::open::open_engine;
use crate::purge::Swept;

impl<E: Engine> Committer<E> {
    /// Takes the store out of service: what the engine shows may not be on disk.
    pub(super) fn break_down(&mut self, error: &Error) {
        tracing::error!(%error, "a write failed; the store is reopened");
        self.recent.forget();
        self.swept = Swept::default();
        self.unsynced = None;
        if let Some(engine) = self.shared.engine_mut().take()
            && let Err(error) = engine.close()
        {
            tracing::warn!(%error, "the failed engine did not close cleanly");
        }
    }

    /// Opens the engine again where it is out of service.
    pub(super) fn come_back(&mut self) -> Result<()> {
        if self.shared.engine_mut().is_some() {
            return Ok(());
        }
        let (engine, aside) = open_engine::<E>(&self.shared.dir).map_err(|error| match error.kind() {
            // A full disk shows itself in more ways than one; whichever it is, trying again later may help.
            ErrorKind::Io => {
                let still = self.shared.out_of_service();
                Error::new(still.kind(), format!("{}: {}", still.message(), error.message())).caused_by(error)
            }
            _ => error,
        })?;
        self.hand_over(&engine)?;
        let loaded = load(&engine).map_err(|error| self.shared.engine_failed(error))?;
        if loaded.end.last < self.head.mark().last {
            let message = format!(
                "the store at {} came back without operations after place {}: open it again to see what is lost",
                self.shared.dir.display(),
                loaded.end.last
            );
            return Err(Error::new(ErrorKind::Corrupt, message));
        }
        if let Err(error) = aside.discard() {
            return Err(io_error("can't remove", &self.shared.dir, error));
        }
        self.shared.held_mut().clear();
        *unpoisoned(self.shared.names.write()) = loaded.names;
        self.shared.counters.replace(loaded.counters);
        *self.shared.pending_mut() = loaded.pending;
        self.end = loaded.end;
        *self.shared.engine_mut() = Some(engine);
        self.shared.tail.advance(self.shared.position(loaded.end.last));
        tracing::info!("the store is in service again");
        Ok(())
    }

    /// What waited in memory was acknowledged: the engine gets it before anything else.
    fn hand_over(&self, engine: &E) -> Result<()> {
        let failed = |error| self.shared.engine_failed(error);
        let (last, _) = block::last_place(engine).map_err(failed)?;
        let begun = unpoisoned(self.shared.meta.read()).epochs.last().map_or(0, |first| first.saturating_sub(1));
        if !self.shared.held().hand_over(engine, last.max(begun)).map_err(failed)? {
            tracing::error!(
                after = last,
                "what was acknowledged within the interval is lost, for the engine lost more"
            );
        }
        Ok(())
    }
}
