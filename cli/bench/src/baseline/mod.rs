//! What a user would pick instead of a store of ours, with the same content and hashes: an engine with a plain layout,
//! SQLite, a file that is appended to.

pub mod append;
pub mod group;
pub mod plain;
mod row;
#[cfg(feature = "sqlite")]
pub mod sqlite;

use opledger::store::Unit;
use opledger::{Hash, Result, Status};

use crate::content;
use crate::ledger::{Ledger, Reader, now};
use group::Group;

/// When a baseline syncs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sync {
    /// Before each acknowledgement.
    Always,
    /// Each second, and at the end.
    EachSecond,
}

/// Something that carries out units.
pub trait Baseline: Send + std::marker::Sync {
    /// Carries out units in one step, all or nothing.
    ///
    /// # Errors
    /// Gives what the engine or the file says.
    fn commit(&self, units: &[Unit]) -> Result<()>;

    /// Makes what was committed durable. One whose `commit` does that itself does nothing.
    ///
    /// # Errors
    /// Gives what the engine or the file says.
    fn sync(&self) -> Result<()>;

    /// See [`Ledger::reader`].
    fn reader(&self) -> Option<&dyn Reader>;

    /// See [`Ledger::recount`].
    ///
    /// # Errors
    /// Gives XX001 when something stored is not what was written.
    fn recount(&self, each: &mut dyn FnMut(Option<u64>, Status)) -> Result<u64>;

    /// Lets go of the files.
    ///
    /// # Errors
    /// Gives what the engine or the file says.
    fn close(self) -> Result<()>;
}

/// A baseline as a ledger. Writers that wait at the same time are written in one step.
#[derive(Debug)]
pub struct Grouped<B> {
    baseline: B,
    group: Group,
}

impl<B: Baseline> Grouped<B> {
    /// A ledger on `baseline`.
    pub fn new(baseline: B, sync: Sync) -> Self {
        Self { baseline, group: Group::new(sync) }
    }
}

impl<B: Baseline> Ledger for Grouped<B> {
    fn pair(&self, n: u64) -> Result<Hash> {
        pair(n, |unit| self.group.commit(&self.baseline, vec![unit]))
    }

    fn write(&self, units: Vec<Unit>) -> Result<()> {
        self.group.commit(&self.baseline, units)
    }

    fn reader(&self) -> Option<&dyn Reader> {
        self.baseline.reader()
    }

    fn recount(&self, each: &mut dyn FnMut(Option<u64>, Status)) -> Result<u64> {
        self.baseline.recount(each)
    }

    fn close(self: Box<Self>) -> Result<()> {
        self.baseline.sync()?;
        self.baseline.close()
    }
}

/// A baseline as a ledger, each unit in a step of its own.
#[derive(Debug)]
pub struct Single<B>(pub B);

impl<B: Baseline> Ledger for Single<B> {
    fn pair(&self, n: u64) -> Result<Hash> {
        pair(n, |unit| self.0.commit(&[unit]))
    }

    fn write(&self, units: Vec<Unit>) -> Result<()> {
        self.0.commit(&units)
    }

    fn reader(&self) -> Option<&dyn Reader> {
        self.0.reader()
    }

    fn recount(&self, each: &mut dyn FnMut(Option<u64>, Status)) -> Result<u64> {
        self.0.recount(each)
    }

    fn close(self: Box<Self>) -> Result<()> {
        self.0.sync()?;
        self.0.close()
    }
}

fn pair(n: u64, commit: impl Fn(Unit) -> Result<()>) -> Result<Hash> {
    let (start, operation) = content::start(n, now())?;
    commit(start)?;
    commit(content::finish(n, &operation)?)?;
    Ok(operation.hub.script_execution_hk)
}
