//! The tiny contract between the shared layout and one storage engine.

use std::ops::ControlFlow;
use std::path::Path;

/// What an engine reports when it fails.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The operating system refused: disk full, permission, I/O.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// Stored bytes are not what the engine wrote.
    #[error("{0}")]
    Corrupt(String),
}

/// Shorthand for results of an engine.
pub type EngineResult<T> = Result<T, EngineError>;

/// One atomic change: later entries win over earlier ones with the same key.
#[derive(Debug, Default)]
pub struct Batch {
    /// Keys with their new value; `None` removes the key.
    pub entries: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

impl Batch {
    /// How many keys it removes.
    #[must_use]
    pub fn removals(&self) -> usize {
        self.entries.iter().filter(|(_, value)| value.is_none()).count()
    }
}

/// Whether an entry is one of those that follow from the log: they are small, there are several for each operation, and they
/// are written by the thousand. An engine for which each entry has a price may keep neighbours together.
#[must_use]
pub fn is_index_entry(key: &[u8]) -> bool {
    crate::keys::is_index(key)
}

/// What a range visit calls for every pair; `Break` ends the visit.
pub type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'a;

/// An ordered map of bytes with atomic batches.
///
/// The layout above calls `apply`, `sync` and `close` from one thread only; `get` and `range` come from any.
/// An engine never panics outward: a panic of the engine's own code is caught and given as
/// [`EngineError::Corrupt`].
pub trait Engine: Send + Sync + Sized + 'static {
    /// The engine's name, as in a store URL: `sled`.
    const NAME: &'static str;

    /// Opens the engine's files in the folder `dir`, which exists; makes them where there are none.
    /// New files and folders are durable (their folder fsynced) before this returns.
    ///
    /// Before the engine may change anything, what opening could destroy is copied below `aside`
    /// (made by the engine when it needs it, removed by the caller once the store has proved whole).
    ///
    /// # Errors
    /// Gives [`EngineError`] where the files can't be opened.
    fn open(dir: &Path, aside: &Path) -> EngineResult<Self>;

    /// Damage that was met on opening, in words; empty after a clean close or a plain crash. Where it is not,
    /// entries may be missing anywhere.
    fn found(&self) -> &[String];

    /// The value of `key`.
    ///
    /// # Errors
    /// Gives [`EngineError`] where the engine can't read.
    fn get(&self, key: &[u8]) -> EngineResult<Option<Vec<u8>>>;

    /// Visits the pairs with `from <= key < to` in key order, or from the last to the first when `reverse`.
    ///
    /// # Errors
    /// Gives [`EngineError`] where the engine can't read; pairs already visited stay visited.
    fn range(&self, from: &[u8], to: &[u8], reverse: bool, visit: &mut Visit<'_>) -> EngineResult<()>;

    /// Applies a batch: all of it or, across a crash, nothing; visible to readers on return.
    ///
    /// # Errors
    /// Gives [`EngineError`]; the engine may then be in doubt and is reopened by the caller.
    fn apply(&self, batch: Batch) -> EngineResult<()>;

    /// Makes everything applied so far survive a power loss.
    ///
    /// # Errors
    /// Gives [`EngineError`]; the engine may then be in doubt and is reopened by the caller.
    fn sync(&self) -> EngineResult<()>;

    /// Applies a batch and syncs it: [`apply`](Self::apply) and [`sync`](Self::sync) at the price of one, where the engine
    /// has a way.
    ///
    /// # Errors
    /// As those two.
    fn apply_synced(&self, batch: Batch) -> EngineResult<()>;

    /// Bytes that the engine's files take on disk.
    ///
    /// # Errors
    /// Gives [`EngineError`] where the files can't be listed.
    fn size_on_disk(&self) -> EngineResult<u64>;

    /// Gives the room of what was removed back to the disk, where the engine can. May take as long as writing all anew:
    /// a store asks for it when it is closed after much was removed.
    ///
    /// # Errors
    /// Gives [`EngineError`]; everything is stored as before.
    fn give_back(&mut self) -> EngineResult<()>;

    /// Syncs and releases the files; returns when they can be opened again.
    ///
    /// # Errors
    /// Gives [`EngineError`] where the last sync failed.
    fn close(self) -> EngineResult<()>;
}
