//! Documents: what is kept beside operations.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Included, Unbounded};

use opledger::model::{Document, Kind, UnitId};
use opledger::store::{Outcome, Put, Record, Scope, judge};
use opledger::{Hash, Position, Timestamp};

/// The versions of all documents, each with the unit that brought it.
#[derive(Debug, Default)]
pub(crate) struct Documents(BTreeMap<(Kind, Hash, Timestamp), (UnitId, Document)>);

impl Documents {
    fn open(&self, kind: Kind, key: Hash) -> Option<&(UnitId, Document)> {
        let versions = (Included((kind, key, Timestamp::MIN)), Included((kind, key, Timestamp::MAX)));
        self.0.range(versions).next_back().map(|(_, open)| open)
    }

    pub(crate) fn judge(&self, unit: UnitId, put: &Put, last: Position) -> Option<Outcome> {
        let open = self.open(put.next.kind, put.next.key);
        judge::put(unit, put, open.map(|(unit, open)| (open, *unit)), last)
    }

    pub(crate) fn put(&mut self, unit: UnitId, put: Put, last: Position) -> Outcome {
        if let Some(outcome) = self.judge(unit, &put, last) {
            return outcome;
        }
        let Put { next, .. } = put;
        if !next.kind.keeps_versions()
            && let Some(replaced) = self.open(next.kind, next.key).map(|(_, open)| open.load_date)
        {
            self.0.remove(&(next.kind, next.key, replaced));
        }
        self.0.insert((next.kind, next.key, next.load_date), (unit, next));
        Outcome::Done(last)
    }

    pub(crate) fn get(&self, scope: Scope, kind: Kind, key: Hash) -> Option<Record> {
        let (_, open) = self.open(kind, key).filter(|(_, open)| scope.sees(open.tenant))?;
        Some(Record::Document(Box::new(open.clone())))
    }

    pub(crate) fn versions(
        &self,
        scope: Scope,
        kind: Kind,
        after: Option<(Hash, Timestamp)>,
    ) -> impl Iterator<Item = (Record, (Hash, Timestamp))> {
        let from = after.map_or(Unbounded, |(key, load_date)| Excluded((kind, key, load_date)));
        self.0
            .range((from, Unbounded))
            .skip_while(move |((stored, ..), _)| *stored < kind)
            .take_while(move |((stored, ..), _)| *stored == kind)
            .filter(move |(_, (_, document))| scope.sees(document.tenant))
            .map(|((_, key, load_date), (_, document))| {
                (Record::Document(Box::new(document.clone())), (*key, *load_date))
            })
    }
}
