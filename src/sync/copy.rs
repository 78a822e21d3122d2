//! Copying everything from one store to another, and comparing the two.

use super::compare::{Comparison, Pair};
use super::pass::{Agent, Passed};
use super::reader::end_of_log;
use super::stop::Stop;
use crate::error::Result;
use crate::hash::Hash;
use crate::model::{Document, Kind, UnitId};
use crate::store::{Change, Put, Record, Scan, Store, Unit};
use crate::tracker::Tracker;

/// Documents in one call.
const BATCH: usize = 100;

/// What a copy did, and how the two stores compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// What was sent.
    pub passed: Passed,
    /// The comparison of the two stores, made after it.
    pub comparison: Comparison,
}

/// Copies the operations that `source` sees into `target`, with all their versions, conflicts and GAPs, and compares the two
/// stores. A copy that was cut short goes on where it stopped. What the target has besides stays as it is.
/// `progress` is told after each call. Users are [`sync_users`](crate::users::sync_users)' affair.
///
/// # Errors
/// Gives the error of the store that could not be used for 30 seconds, or that has a damaged record. What differs is no
/// error: look at [`Comparison::is_equal`].
pub async fn copy<S: Store, R: Store>(
    source: &Tracker<S>,
    target: &R,
    progress: impl FnMut(&Passed) + Send,
) -> Result<Copied> {
    let end = end_of_log(source.store(), source.scope()).await?;
    let copy = Agent::for_copy(source)?;
    let passed = copy.pass(target, copy.patience, &Stop::default(), progress).await?;
    for kind in [Kind::Conflict, Kind::Gap] {
        copy_documents(source, target, kind).await?;
    }
    let pair = Pair { source: source.store(), target, scope: source.scope(), end };
    Ok(Copied { passed, comparison: pair.compare().await? })
}

/// Puts every version of every document of a kind, in order. What is there already is refused, and the comparison
/// tells whether it is the same.
async fn copy_documents<S: Store, R: Store>(source: &Tracker<S>, target: &R, kind: Kind) -> Result<()> {
    let mut before: Option<(Hash, Hash)> = None;
    let mut next = Some(Scan::Documents { kind, after: None });
    while let Some(scan) = next {
        let page = source.store().scan(source.scope(), &scan, BATCH).await?;
        let mut units = Vec::new();
        for record in page.records {
            let Record::Document(document) = record else { continue };
            let expect_open = before.filter(|(key, _)| *key == document.key).map(|(_, hash_diff)| hash_diff);
            before = Some((document.key, document.hash_diff));
            units.push(Unit { id: id(&document), change: Change::Put(Put { next: *document, expect_open }) });
        }
        if !units.is_empty() {
            target.commit(units).await?;
        }
        next = page.next;
    }
    Ok(())
}

/// The same for the same version, whoever copies it.
fn id(document: &Document) -> UnitId {
    let text = format!("{} {} {}", document.key, document.load_date.as_micros(), document.hash_diff);
    UnitId(Hash::of(&text).as_bytes().first_chunk().copied().unwrap_or_default())
}
