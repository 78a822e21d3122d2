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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Batch;
    use crate::map_engine::Map;

    fn seen(pending: &Pending, engine: &Map, bounds: (u8, u8), reverse: bool, limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut seen = Vec::new();
        let visit = &mut |key: &[u8], value: &[u8]| {
            seen.push((key.to_vec(), value.to_vec()));
            if seen.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        pending.range(engine, (&[bounds.0], &[bounds.1]), reverse, visit).unwrap();
        seen
    }

    #[test]
    fn reads_as_if_all_were_in_the_engine() {
        let mut state = 7_u64;
        let mut next = |bound: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % bound
        };
        let (engine, truth) = (Map::default(), Map::default());
        let mut pending = Pending::default();
        for turn in 0..4000 {
            let key = vec![u8::try_from(next(40)).unwrap()];
            let value = vec![u8::try_from(turn % 251).unwrap()];
            let known = truth.get(&key).unwrap().is_some();
            let (edit, now) = match next(3) {
                0 => (Edit::Remove(key.clone()), None),
                _ if known => (Edit::Put(key.clone(), value.clone()), Some(value)),
                // Removed before, it may still be in the engine: then it is no addition.
                _ if engine.get(&key).unwrap().is_some() => (Edit::Put(key.clone(), value.clone()), Some(value)),
                _ => (Edit::Add(key.clone(), value.clone()), Some(value)),
            };
            pending.apply(edit);
            truth.apply(Batch { entries: vec![(key.clone(), now)] }).unwrap();
            assert_eq!(pending.get(&engine, &key).unwrap(), truth.get(&key).unwrap());
            let (from, to) = (u8::try_from(next(40)).unwrap(), u8::try_from(next(45)).unwrap());
            let limit = usize::try_from(1 + next(50)).unwrap();
            for reverse in [false, true] {
                let expected = seen(&Pending::default(), &truth, (from, to), reverse, limit);
                assert_eq!(seen(&pending, &engine, (from, to), reverse, limit), expected, "turn {turn}");
            }
            if next(100) == 0 {
                engine.apply(Batch { entries: std::mem::take(&mut pending).into_entries().collect() }).unwrap();
            }
        }
    }
}
