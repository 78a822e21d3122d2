//! Writing documents.

use opledger::Result;
use opledger::model::{Document, UnitId};
use opledger::store::{Outcome, Put, judge};

use crate::codec::DocumentRow;
use crate::engine::Engine;
use crate::keys;
use crate::reader::read_document;
use crate::transaction::Transaction;

impl<E: Engine> Transaction<'_, E> {
    pub(crate) fn judge_document(&self, unit: UnitId, put: &Put) -> Result<Option<Outcome>> {
        let open = self.open_document(put)?;
        let last = self.shared.position(self.end.last);
        Ok(judge::put(unit, put, open.as_ref().map(|(unit, open)| (open, *unit)), last))
    }

    pub(crate) fn put_document(&mut self, unit: UnitId, put: Put) -> Result<Outcome> {
        if let Some(outcome) = self.judge_document(unit, &put)? {
            return Ok(outcome);
        }
        if !put.next.kind.keeps_versions()
            && let Some((_, replaced)) = self.open_document(&put)?
        {
            self.remove(keys::document(replaced.kind, replaced.key, replaced.load_date));
        }
        let Document { kind, key, load_date, .. } = put.next;
        self.put(keys::document(kind, key, load_date), &DocumentRow::new(unit, &put.next))?;
        Ok(Outcome::Done(self.shared.position(self.end.last)))
    }

    /// The open version of the document that is put. What this group put is later than what the engine has.
    fn open_document(&self, put: &Put) -> Result<Option<(UnitId, Document)>> {
        let (from, to) = keys::document_versions(put.next.kind, put.next.key);
        let staged = self.writes.range(from..to).rev().find_map(|(key, value)| Some((key, value.as_ref()?)));
        let found = match staged {
            Some((key, value)) => read_document(key, value).map(Some),
            None => self.reader().open_document(put.next.kind, put.next.key)?,
        };
        found.map_err(|damage| self.shared.corrupt(&damage).on(put.next.key))
    }
}
