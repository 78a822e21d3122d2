//! Two stores, compared in the order of their keys, with bounded memory.

use std::cmp::Ordering;
use std::collections::VecDeque;

use crate::error::{Error, ErrorKind, Result};
use crate::hash::Hash;
use crate::model::{Document, Kind, Operation, Position, Version};
use crate::store::{Record, Scan, Scope, Store};

/// Records read at a time.
const PAGE: usize = 500;
/// So many differences are named.
const NAMED: usize = 100;

/// What differs between two stores.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// Which record.
    pub record: String,
    /// In what it differs.
    pub reason: String,
}

/// What a comparison found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Operations of the source.
    pub operations: u64,
    /// Their versions, where they were compared one by one or by a sum over all.
    pub versions: u64,
    /// Operations of the target that the source does not have.
    pub others: u64,
    /// How many records of the source are missing in the target, or differ there.
    pub differences: u64,
    /// The first hundred of them.
    pub named: Vec<Difference>,
}

impl Comparison {
    /// Whether the target has all that the source has, as it is there.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        self.differences == 0
    }

    fn differ(&mut self, record: String, reason: impl Into<String>) {
        self.differences += 1;
        if self.named.len() < NAMED {
            self.named.push(Difference { record, reason: reason.into() });
        }
    }
}

/// The source, up to a position, and the target.
pub(super) struct Pair<'a, S, R> {
    pub(super) source: &'a S,
    pub(super) target: &'a R,
    pub(super) scope: Scope,
    /// What the source got later is left out.
    pub(super) end: Position,
}

impl<S: Store, R: Store> Pair<'_, S, R> {
    /// Compares every operation, every version, and the documents that are copied.
    pub(super) async fn compare(&self) -> Result<Comparison> {
        let mut found = Comparison::default();
        self.operations(&mut found, false).await?;
        let ours = sum(self.source, self.scope, self.end).await?;
        let theirs = sum(self.target, self.scope, Position::new(u64::MAX, u64::MAX, u64::MAX)).await?;
        // Where the target has more, or the sums differ, each operation's versions are compared by themselves.
        if ours != theirs {
            found = Comparison::default();
            self.operations(&mut found, true).await?;
        }
        found.versions = ours.0;
        for kind in [Kind::Conflict, Kind::Gap] {
            self.documents(kind, &mut found).await?;
        }
        Ok(found)
    }

    async fn operations(&self, found: &mut Comparison, each_version: bool) -> Result<()> {
        let all = || Scan::Operations { after: None };
        let mut ours = Records::new(self.source, self.scope, all(), operation);
        let mut theirs = Records::new(self.target, self.scope, all(), operation);
        let (mut our, mut their) = (ours.next().await?, theirs.next().await?);
        loop {
            let order = match (&our, &their) {
                (None, None) => return Ok(()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(our), Some(their)) => key(our).cmp(&key(their)),
            };
            if order == Ordering::Greater {
                found.others += 1;
                their = theirs.next().await?;
                continue;
            }
            if let Some(our) = our.take().filter(|our| our.open.position <= self.end) {
                found.operations += 1;
                let other = their.as_ref().filter(|_| order == Ordering::Equal);
                self.one(&our, other, found, each_version).await?;
            }
            our = ours.next().await?;
            if order == Ordering::Equal {
                their = theirs.next().await?;
            }
        }
    }

    async fn one(&self, our: &Operation, their: Option<&Operation>, found: &mut Comparison, each: bool) -> Result<()> {
        let name = || format!("operation {}", key(our));
        let Some(their) = their else {
            found.differ(name(), "the target does not have it");
            return Ok(());
        };
        if our.hub != their.hub {
            found.differ(name(), "its hub differs: business key, tenant, load date or record source");
        } else if let Some(reason) = difference(&our.open, &their.open) {
            found.differ(name(), format!("its open version differs: {reason}"));
        } else if each {
            let ours = versions(self.source, self.scope, key(our)).await?;
            let theirs = versions(self.target, self.scope, key(our)).await?;
            if ours.len() != theirs.len() {
                found.differ(name(), format!("it has {} versions, in the target {}", ours.len(), theirs.len()));
            }
            for (ours, theirs) in ours.iter().zip(&theirs) {
                if let Some(reason) = difference(ours, theirs) {
                    found.differ(name(), format!("its version of {} differs: {reason}", ours.load_date));
                    break;
                }
            }
        }
        Ok(())
    }

    async fn documents(&self, kind: Kind, found: &mut Comparison) -> Result<()> {
        let all = || Scan::Documents { kind, after: None };
        let mut theirs = Records::new(self.target, self.scope, all(), document);
        let mut ours = Records::new(self.source, self.scope, all(), document);
        let mut their = theirs.next().await?;
        while let Some(our) = ours.next().await? {
            let place = |document: &Document| (document.key, document.load_date);
            while their.as_ref().is_some_and(|their| place(their) < place(&our)) {
                their = theirs.next().await?;
            }
            if their.as_ref() != Some(&our) {
                found.differ(format!("{kind} {}", our.key), "the target does not have it, or has another");
            }
        }
        Ok(())
    }
}

fn key(operation: &Operation) -> Hash {
    operation.hub.script_execution_hk
}

fn difference(our: &Version, their: &Version) -> Option<String> {
    let differs = |field: &str, ours: &dyn std::fmt::Display, theirs: &dyn std::fmt::Display| {
        Some(format!("{field} is {ours}, in the target {theirs}"))
    };
    if our.load_date != their.load_date {
        return differs("load_date", &our.load_date, &their.load_date);
    }
    if our.hash_diff != their.hash_diff {
        return differs("hash_diff", &our.hash_diff, &their.hash_diff);
    }
    if our.record_source != their.record_source {
        return differs("record_source", &our.record_source, &their.record_source);
    }
    if our.unit != their.unit {
        return differs("the unit", &our.unit, &their.unit);
    }
    // A hash is as good as what it was computed from: a store that lies would show here.
    (our.attributes != their.attributes || our.load_end_date != their.load_end_date)
        .then(|| "its content or its end differs under the same hash_diff".to_owned())
}

async fn versions<S: Store>(store: &S, scope: Scope, operation: Hash) -> Result<Vec<Version>> {
    let mut records = Records::new(store, scope, Scan::Versions { operation, after: None }, version);
    let mut found = Vec::new();
    while let Some(version) = records.next().await? {
        found.push(version);
    }
    Ok(found)
}

/// How many versions a log has, and a sum of their hashes that does not depend on their order.
async fn sum<S: Store>(store: &S, scope: Scope, end: Position) -> Result<(u64, u128)> {
    let (mut count, mut sum) = (0, 0_u128);
    let mut next = Some(Scan::Log { after: Position::START });
    while let Some(scan) = next {
        let page = store.scan(scope, &scan, PAGE).await?;
        for record in page.records {
            let Record::Entry(entry) = record else { continue };
            let version = entry.version;
            if version.position > end {
                return Ok((count, sum));
            }
            let Version { script_execution_hk, load_date, hash_diff, record_source, unit, .. } = &version;
            let micros = load_date.as_micros();
            let hash = Hash::of(&format!("{script_execution_hk} {micros} {hash_diff} {unit} {record_source}"));
            let half = hash.as_bytes().first_chunk().copied().unwrap_or_default();
            (count, sum) = (count + 1, sum.wrapping_add(u128::from_le_bytes(half)));
        }
        next = page.next;
    }
    Ok((count, sum))
}

/// The records of a scan, one after another.
struct Records<'a, S, T> {
    store: &'a S,
    scope: Scope,
    next: Option<Scan>,
    page: VecDeque<T>,
    pick: fn(Record) -> Option<T>,
}

impl<'a, S: Store, T> Records<'a, S, T> {
    fn new(store: &'a S, scope: Scope, scan: Scan, pick: fn(Record) -> Option<T>) -> Self {
        Self { store, scope, next: Some(scan), page: VecDeque::new(), pick }
    }

    async fn next(&mut self) -> Result<Option<T>> {
        while self.page.is_empty() {
            let Some(scan) = self.next.take() else { return Ok(None) };
            let page = self.store.scan(self.scope, &scan, PAGE).await?;
            if let Some(damage) = page.damaged.first() {
                let message = format!("the stores can't be compared: {}: {}", damage.record, damage.reason);
                return Err(Error::new(ErrorKind::Corrupt, message));
            }
            self.page.extend(page.records.into_iter().filter_map(self.pick));
            self.next = page.next;
        }
        Ok(self.page.pop_front())
    }
}

fn operation(record: Record) -> Option<Operation> {
    match record {
        Record::Operation(operation) => Some(*operation),
        _ => None,
    }
}

fn version(record: Record) -> Option<Version> {
    match record {
        Record::Version(version) => Some(*version),
        _ => None,
    }
}

fn document(record: Record) -> Option<Document> {
    match record {
        Record::Document(document) => Some(*document),
        _ => None,
    }
}
