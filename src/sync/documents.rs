//! Documents: their bodies as structs, and reading them.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind, Result};
use crate::hash::{Hash, Metadata};
use crate::model::{Document, Kind, Tenant, UnitId};
use crate::store::{Change, Damage, Key, Put, Record, Scan, Scope, Store, Unit};
use crate::time::Timestamp;

/// Documents read at a time.
const PAGE: usize = 200;

/// A document with this body.
pub(super) fn document<T: Serialize>(
    id: (Kind, Hash),
    tenant: Tenant,
    at: Timestamp,
    body: &T,
    source: &str,
) -> Result<Document> {
    let text = serde_json::to_string(body).map_err(|cause| {
        Error::new(ErrorKind::InvalidValue, format!("the body of a {} can't be written", id.0)).caused_by(cause)
    })?;
    Document::new(id, tenant, at, Metadata::parse(&text)?, source)
}

/// The body of a document.
pub(super) fn body<T: DeserializeOwned>(document: &Document) -> Result<T> {
    serde_json::from_str(document.body.as_str()).map_err(|cause| {
        let message = format!("the {} {} has a body of another form", document.kind, document.key);
        Error::new(ErrorKind::Corrupt, message).caused_by(cause)
    })
}

/// The unit that puts a document.
pub(super) fn put(id: UnitId, next: Document, expect_open: Option<Hash>) -> Unit {
    Unit { id, change: Change::Put(Put { next, expect_open }) }
}

/// The unit that puts a document that is written once: whoever puts it again repeats that unit.
pub(super) fn put_once(next: Document) -> Unit {
    let mut id = [0; 16];
    id.iter_mut().zip(next.key.as_bytes()).for_each(|(to, from)| *to = *from);
    put(UnitId(id), next, None)
}

/// The document as it stands.
pub(super) async fn open<S: Store>(store: &S, scope: Scope, kind: Kind, key: Hash) -> Result<Option<Document>> {
    let found = store.get(scope, &[Key::Document(kind, key)]).await?;
    Ok(found.into_iter().flatten().find_map(|record| match record {
        Record::Document(document) => Some(*document),
        _ => None,
    }))
}

/// Hands out each document of a kind as it stands, in the order of their keys; gives what could not be read.
pub(super) async fn each_open<S: Store>(
    store: &S,
    scope: Scope,
    kind: Kind,
    mut take: impl FnMut(Document) -> Result<()> + Send,
) -> Result<Vec<Damage>> {
    let mut open: Option<Document> = None;
    let damaged = each_version(store, scope, kind, |next| match open.replace(next) {
        Some(last) if open.as_ref().is_some_and(|open| open.key != last.key) => take(last),
        _ => Ok(()),
    })
    .await?;
    open.map_or(Ok(()), take)?;
    Ok(damaged)
}

/// Hands out each version of each document of a kind, by key, then load date; gives what could not be read.
pub(super) async fn each_version<S: Store>(
    store: &S,
    scope: Scope,
    kind: Kind,
    mut take: impl FnMut(Document) -> Result<()> + Send,
) -> Result<Vec<Damage>> {
    let mut damaged = Vec::new();
    let mut next = Some(Scan::Documents { kind, after: None });
    while let Some(scan) = next {
        let page = store.scan(scope, &scan, PAGE).await?;
        damaged.extend(page.damaged);
        for record in page.records {
            if let Record::Document(document) = record {
                take(*document)?;
            }
        }
        next = page.next;
    }
    Ok(damaged)
}
