//! What readers and the committer share: the engine, the names it numbers, the end of the log.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use opledger::model::UnitId;
use opledger::store::{Damage, Loss, Tail};
use opledger::{Error, ErrorKind, Hash, Position, Result, Scope, Tenant};

use crate::codec::{self, MetaRow};
use crate::counters::Counters;
use crate::engine::Engine;
use crate::files::engine_error;
use crate::held::Held;
use crate::keys;
use crate::load::Loaded;
use crate::pending::Pending;

/// The state of an open store.
#[derive(Debug)]
pub(crate) struct Shared<E> {
    pub(crate) dir: PathBuf,
    /// None while the store is out of service. Readers hold it for a whole answer and the committer takes it
    /// for each group, so that an answer never mixes two states.
    engine: RwLock<Option<E>>,
    pub(crate) names: RwLock<Names>,
    pub(crate) counters: Counters,
    /// Changed only while the engine is held for writing.
    pending: RwLock<Pending>,
    /// Changed only while the engine is held for writing.
    held: RwLock<Held>,
    pub(crate) meta: RwLock<MetaRow>,
    pub(crate) tail: Tail,
    pub(crate) loss: Option<Loss>,
    pub(crate) head_was_damaged: bool,
    /// Damage that was met when the store was opened.
    pub(crate) found: Vec<Damage>,
    /// Set once the store was closed by who held it.
    pub(crate) closed: AtomicBool,
}

impl<E: Engine> Shared<E> {
    pub(crate) fn new(dir: PathBuf, engine: E, loaded: Loaded, head_was_damaged: bool) -> Self {
        Self {
            dir,
            engine: RwLock::new(Some(engine)),
            names: RwLock::new(loaded.names),
            counters: loaded.counters,
            pending: RwLock::new(loaded.pending),
            held: RwLock::default(),
            meta: RwLock::new(loaded.meta),
            tail: Tail::default(),
            loss: None,
            head_was_damaged,
            found: Vec::new(),
            closed: AtomicBool::new(false),
        }
    }

    /// Runs `read` on the engine, with no group applied meanwhile.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&E) -> Result<T>) -> Result<T> {
        let guard = self.engine.read().unwrap_or_else(PoisonError::into_inner);
        match guard.as_ref() {
            Some(engine) => read(engine),
            None if self.closed.load(Ordering::Acquire) => Err(closed()),
            None => Err(self.out_of_service()),
        }
    }

    pub(crate) fn is_in_service(&self) -> bool {
        self.engine.read().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// The engine for the committer, which alone may change or replace it.
    pub(crate) fn engine_mut(&self) -> RwLockWriteGuard<'_, Option<E>> {
        self.engine.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Index entries that are not in the engine yet.
    pub(crate) fn pending(&self) -> RwLockReadGuard<'_, Pending> {
        self.pending.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn pending_mut(&self) -> RwLockWriteGuard<'_, Pending> {
        self.pending.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Versions that are not in the engine yet.
    pub(crate) fn held(&self) -> RwLockReadGuard<'_, Held> {
        self.held.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn held_mut(&self) -> RwLockWriteGuard<'_, Held> {
        self.held.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn out_of_service(&self) -> Error {
        let message = format!(
            "the store at {} is out of service since a write failed; it comes back by itself when there is room",
            self.dir.display()
        );
        Error::new(ErrorKind::DiskFull, message)
    }

    pub(crate) fn corrupt(&self, damage: &Damage) -> Error {
        let message = format!("{} in the store at {} is damaged: {}", damage.record, self.dir.display(), damage.reason);
        Error::new(ErrorKind::Corrupt, message)
    }

    pub(crate) fn engine_failed(&self, error: crate::engine::EngineError) -> Error {
        engine_error(error, &self.dir)
    }

    /// The store's own identity.
    pub(crate) fn id(&self) -> UnitId {
        UnitId(self.meta.read().unwrap_or_else(PoisonError::into_inner).store_id)
    }

    /// The position of a place in the log.
    pub(crate) fn position(&self, place: u64) -> Position {
        self.meta.read().unwrap_or_else(PoisonError::into_inner).position(place)
    }

    /// The first place that may hold something after `position`.
    pub(crate) fn place_after(&self, position: Position) -> u64 {
        let (epoch, place, _) = position.parts();
        let meta = self.meta.read().unwrap_or_else(PoisonError::into_inner);
        // A later epoch may have begun below a place that the reader saw before it was lost.
        let next_epoch = usize::try_from(epoch).ok().and_then(|epoch| meta.epochs.get(epoch.checked_add(1)?));
        let after = place.saturating_add(1);
        next_epoch.map_or(after, |first| after.min(*first))
    }

    /// The numbers of the tenants that a scope sees.
    pub(crate) fn tenants(&self, scope: Scope) -> Vec<u32> {
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        match scope {
            Scope::System => vec![0],
            Scope::Tenant(hash) => names.tenants.get(&hash).copied().into_iter().collect(),
            Scope::All => std::iter::once(0).chain(names.tenants.values().copied()).collect(),
        }
    }

    pub(crate) fn tenant(&self, number: u32) -> Option<Tenant> {
        if number == 0 {
            return Some(None);
        }
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        names.tenant_of.get(&number).map(|hash| Some(*hash))
    }

    pub(crate) fn type_number(&self, name: &str) -> Option<u32> {
        self.names.read().unwrap_or_else(PoisonError::into_inner).types.get(name).copied()
    }

    /// Whether a tenant and a type have numbers.
    pub(crate) fn has_names(&self, tenant: Tenant, script_type: &str) -> bool {
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        tenant.is_none_or(|tenant| names.tenants.contains_key(&tenant)) && names.types.contains_key(script_type)
    }

    pub(crate) fn type_name(&self, number: u32) -> Option<String> {
        self.names.read().unwrap_or_else(PoisonError::into_inner).type_of.get(&number).cloned()
    }
}

/// The error of every call after the store was closed.
pub(crate) fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the store was closed: open it again")
}

/// Tenants and types have small numbers in keys and counters.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) tenants: HashMap<Hash, u32>,
    tenant_of: HashMap<u32, Hash>,
    pub(crate) types: HashMap<String, u32>,
    type_of: HashMap<u32, String>,
}

impl Names {
    pub(crate) fn load<E: Engine>(engine: &E) -> Result<(Self, Vec<Damage>), crate::engine::EngineError> {
        let mut names = Self::default();
        let mut damaged = Vec::new();
        for kind in [b'd', b'y'] {
            let (from, to) = keys::kind(kind);
            engine.range(&from, &to, false, &mut |key, value| {
                match codec::decode::<u32>(key, value) {
                    Ok(number) => names.insert(key, number),
                    Err(damage) => damaged.push(damage),
                }
                std::ops::ControlFlow::Continue(())
            })?;
        }
        Ok((names, damaged))
    }

    /// Takes up a stored name by its key.
    pub(crate) fn insert(&mut self, key: &[u8], number: u32) {
        match key.split_first() {
            Some((b'd', hash)) => {
                if let Ok(hash) = <[u8; 32]>::try_from(hash) {
                    self.tenants.insert(Hash::from_bytes(hash), number);
                    self.tenant_of.insert(number, Hash::from_bytes(hash));
                }
            }
            Some((b'y', name)) => {
                let name = String::from_utf8_lossy(name).into_owned();
                self.types.insert(name.clone(), number);
                self.type_of.insert(number, name);
            }
            _ => {}
        }
    }

    pub(crate) fn next_tenant(&self) -> u32 {
        self.tenant_of.keys().max().map_or(1, |last| last.saturating_add(1))
    }

    pub(crate) fn next_type(&self) -> u32 {
        self.type_of.keys().max().map_or(1, |last| last.saturating_add(1))
    }
}
