//! Index entries that are not in the engine yet: they follow from the log, which is, and are written many at a time.

use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};

use crate::engine::{Engine, EngineResult, Visit};

/// A change of one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Change {
    /// The engine may have another value.
    Put(Vec<u8>),
    /// The engine has nothing at the key.
    New(Vec<u8>),
    Remove,
}

/// What happens to an entry.
#[derive(Debug, Clone)]
pub(crate) enum Edit {
    /// It is new: the engine has nothing at the key.
    Add(Vec<u8>, Vec<u8>),
    Put(Vec<u8>, Vec<u8>),
    Remove(Vec<u8>),
}

/// Entries as they will be, over those in the engine.
#[derive(Debug, Default, Clone)]
pub(crate) struct Pending(BTreeMap<Vec<u8>, Change>);

impl Pending {
    /// Takes an edit over.
    pub(crate) fn apply(&mut self, edit: Edit) {
        match edit {
            Edit::Add(key, value) => drop(self.0.insert(key, Change::New(value))),
            Edit::Put(key, value) => {
                let change = match self.0.get(&key) {
                    Some(Change::New(_)) => Change::New(value),
                    _ => Change::Put(value),
                };
                self.0.insert(key, change);
            }
            Edit::Remove(key) => match self.0.get(&key) {
                // The engine never had it: there is nothing to do.
                Some(Change::New(_)) => drop(self.0.remove(&key)),
                _ => drop(self.0.insert(key, Change::Remove)),
            },
        }
    }

    /// What is to be written.
    pub(crate) fn into_entries(self) -> impl Iterator<Item = (Vec<u8>, Option<Vec<u8>>)> {
        self.0.into_iter().map(|(key, change)| match change {
            Change::Put(value) | Change::New(value) => (key, Some(value)),
            Change::Remove => (key, None),
        })
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// The value of an entry.
    pub(crate) fn get<E: Engine>(&self, engine: &E, key: &[u8]) -> EngineResult<Option<Vec<u8>>> {
        match self.0.get(key) {
            Some(change) => Ok(change.value().map(<[u8]>::to_vec)),
            None => engine.get(key),
        }
    }

    /// Visits a range, as [`Engine::range`] does.
    pub(crate) fn range<E: Engine>(
        &self,
        engine: &E,
        (from, to): (&[u8], &[u8]),
        reverse: bool,
        visit: &mut Visit<'_>,
    ) -> EngineResult<()> {
        if from >= to {
            return Ok(());
        }
        let ours = self.0.range::<[u8], _>((Bound::Included(from), Bound::Excluded(to)));
        let ours: Box<dyn Iterator<Item = (&Vec<u8>, &Change)>> =
            if reverse { Box::new(ours.rev()) } else { Box::new(ours) };
        let mut ours = ours.peekable();
        let mut stopped = false;
        engine.range(from, to, reverse, &mut |key, value| {
            // Ours that come before this one; one with the same key stands for it.
            while let Some((our_key, change)) =
                ours.next_if(|(our, _)| if reverse { our.as_slice() >= key } else { our.as_slice() <= key })
            {
                if let Some(value) = change.value()
                    && visit(our_key, value).is_break()
                {
                    stopped = true;
                    return ControlFlow::Break(());
                }
                if our_key == key {
                    return ControlFlow::Continue(());
                }
            }
            let visited = visit(key, value);
            stopped = visited.is_break();
            visited
        })?;
        for (key, change) in ours {
            if stopped {
                break;
            }
            if let Some(value) = change.value() {
                stopped = visit(key, value).is_break();
            }
        }
        Ok(())
    }
}

impl Change {
    fn value(&self) -> Option<&[u8]> {
        match self {
            Self::Put(value) | Self::New(value) => Some(value),
            Self::Remove => None,
        }
    }
}
