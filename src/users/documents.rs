//! Reading and writing documents of users.

use crate::error::{Error, ErrorKind, Result};
use crate::hash::{Hash, Metadata};
use crate::model::{Document, Kind, UnitId};
use crate::store::{Change, Key, Outcome, Put, Record, Scope, Store, Unit};
use crate::tracker::Tracker;

/// How often a change is judged again before the caller is told to try later.
pub(super) const TRIES: usize = 1000;

pub(super) fn overtaken(kind: Kind) -> Error {
    let message = format!("other writers changed the {kind} at each of {TRIES} tries");
    Error::new(ErrorKind::Serialization, message)
}

/// The open version of a document, or none within the scope.
pub(super) async fn read<S: Store>(store: &S, scope: Scope, kind: Kind, key: Hash) -> Result<Option<Document>> {
    Ok(read_all(store, scope, kind, &[key]).await?.pop().flatten())
}

/// The open versions of documents, in the order of their keys; none where there is none within the scope.
pub(super) async fn read_all<S: Store>(
    store: &S,
    scope: Scope,
    kind: Kind,
    keys: &[Hash],
) -> Result<Vec<Option<Document>>> {
    let wanted: Vec<_> = keys.iter().map(|key| Key::Document(kind, *key)).collect();
    let records = store.get(scope, &wanted).await?;
    let documents = records.into_iter().map(|record| match record {
        None => Ok(None),
        Some(Record::Document(document)) => Ok(Some(*document)),
        Some(_) => {
            Err(Error::new(ErrorKind::Corrupt, format!("the store answered the key of a {kind} with something else")))
        }
    });
    let documents: Vec<_> = documents.collect::<Result<_>>()?;
    if documents.len() != keys.len() {
        return Err(Error::new(ErrorKind::Corrupt, "the store did not give one answer for one key"));
    }
    Ok(documents)
}

impl<S: Store> Tracker<S> {
    /// The next version of a document, or its first.
    pub(super) fn version(
        &self,
        of: (Kind, Hash),
        tenant: Hash,
        body: Metadata,
        open: Option<&Document>,
    ) -> Result<Document> {
        let now = self.now();
        let load_date = open.map_or(now, |open| now.max(open.load_date.next()));
        Document::new(of, Some(tenant), load_date, body, self.record_source())
    }
}

/// The unit that puts `next` after `open`.
pub(super) fn put(next: Document, open: Option<&Document>) -> Result<Unit> {
    let put = Put { next, expect_open: open.map(|open| open.hash_diff) };
    Ok(Unit { id: UnitId::random()?, change: Change::Put(put) })
}

pub(super) fn is_done(outcome: Option<&Outcome>) -> bool {
    matches!(outcome, Some(Outcome::Done(_) | Outcome::Replayed(_)))
}
