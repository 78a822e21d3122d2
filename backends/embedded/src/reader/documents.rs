//! Reading documents: the open one, and pages of a kind.

use opledger::model::{Document, Kind, UnitId};
use opledger::store::{Damage, Page, Record, Scan};
use opledger::{Hash, Result, Timestamp};

use super::Reader;
use crate::codec::{self, DocumentRow};
use crate::engine::Engine;
use crate::keys;

impl<E: Engine> Reader<'_, E> {
    /// The open version of a document and the unit that brought it, whoever it belongs to.
    pub(crate) fn open_document(&self, kind: Kind, key: Hash) -> Result<Result<Option<(UnitId, Document)>, Damage>> {
        let (from, to) = keys::document_versions(kind, key);
        let mut found = Ok(None);
        self.range(&from, &to, true, |key, value| {
            found = read(key, value).map(Some);
            false
        })?;
        Ok(found)
    }

    pub(super) fn document(&self, kind: Kind, key: Hash) -> Result<Option<Record>> {
        match self.open_document(kind, key)? {
            Ok(open) => {
                let open = open.map(|(_, document)| document).filter(|open| self.scope.sees(open.tenant));
                Ok(open.map(|open| Record::Document(Box::new(open))))
            }
            Err(damage) => Err(self.shared.corrupt(&damage).on(key)),
        }
    }

    pub(super) fn documents(&self, kind: Kind, after: Option<(Hash, Timestamp)>, limit: usize) -> Result<Page> {
        let (start, end) = keys::documents(kind);
        let from = after.map_or(start, |(key, at)| [keys::document(kind, key, at), vec![0]].concat());
        let mut page = Page::default();
        let mut last = None;
        let mut visited = 0;
        self.range(&from, &end, false, |key, value| {
            visited += 1;
            last = keys::parse_document(key).map(|(_, key, load_date)| (key, load_date)).or(last);
            match read(key, value) {
                Ok((_, document)) if self.scope.sees(document.tenant) => {
                    page.records.push(Record::Document(Box::new(document)));
                }
                Ok(_) => {}
                Err(damage) => page.damaged.push(damage),
            }
            visited < limit
        })?;
        page.next = last.filter(|_| visited >= limit).map(|after| Scan::Documents { kind, after: Some(after) });
        Ok(page)
    }
}

/// A stored version of a document, and the unit that brought it.
pub(crate) fn read(key: &[u8], value: &[u8]) -> Result<(UnitId, Document), Damage> {
    let parsed = keys::parse_document(key).ok_or_else(|| Damage::new(keys::describe(key), "its key does not parse"))?;
    let row: DocumentRow = codec::decode(key, value)?;
    Ok((row.unit, row.into_model(parsed)))
}
