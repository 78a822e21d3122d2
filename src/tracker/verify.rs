//! Verify: recompute every hash, check every rule, count what breaks one.

mod chain;
mod workers;

use std::time::Duration;

use self::chain::{Fold, Seen, check_chain, name_of};
use self::workers::Workers;
use super::Tracker;
use crate::error::Result;
use crate::model::{Check, Operation, Position, UnitId, Version};
use crate::store::{Answer, Change, Damage, Integrity, Plan, Record, Scan, Scope, Store, Unit};
use crate::time::Timestamp;

/// Records read at a time.
const PAGE: usize = 4000;

/// What a verify found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// The counts; kept in the store for the health report.
    pub check: Check,
    /// How many operations were read.
    pub operations: u64,
    /// How many versions were read.
    pub versions: u64,
    /// Each thing found, with its key.
    pub findings: Vec<Damage>,
}

impl Verification {
    /// Whether nothing was found.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }

    fn new(at: Timestamp) -> Self {
        let check = Check { at, orphan_versions: 0, open_versions: 0, hash_mismatches: 0, other: 0 };
        Self { check, operations: 0, versions: 0, findings: Vec::new() }
    }

    fn mismatch(&mut self, record: String, reason: impl Into<String>) {
        self.check.hash_mismatches += 1;
        self.findings.push(Damage::new(record, reason));
    }

    fn other(&mut self, record: String, reason: impl Into<String>) {
        self.check.other += 1;
        self.findings.push(Damage::new(record, reason));
    }

    fn other_once(&mut self, record: String, reason: &str) {
        let damage = Damage::new(record, reason);
        if !self.findings.contains(&damage) {
            self.check.other += 1;
            self.findings.push(damage);
        }
    }

    /// A record that can't be read has no content that its hash could fit.
    fn damaged_once(&mut self, damage: Damage) {
        if !self.findings.contains(&damage) {
            self.check.hash_mismatches += 1;
            self.findings.push(damage);
        }
    }

    /// Takes over what the store found by itself.
    fn take(&mut self, answer: Integrity) {
        (self.operations, self.versions) = (answer.operations, answer.versions);
        for damage in answer.mismatches {
            self.damaged_once(damage);
        }
        for damage in answer.orphans {
            self.check.orphan_versions += 1;
            self.findings.push(damage);
        }
        for damage in answer.damaged {
            if !self.findings.contains(&damage) {
                self.other(damage.record, damage.reason);
            }
        }
    }
}

impl<S: Store> Tracker<S> {
    /// Reads all rows of this tracker's scope, recomputes every hash and checks every rule; keeps the
    /// counts for the health report.
    ///
    /// The log is read once, with memory that does not grow with it: by the store, where it can do that beside its own
    /// records ([`Plan::Integrity`]), else in order, and each operation by its key.
    ///
    /// # Errors
    /// Gives the store's error. What is found is no error: look at [`Verification::is_sound`].
    pub async fn verify(&self) -> Result<Verification> {
        let mut found = Verification::new(self.now());
        match self.store.answer(self.scope, &Plan::Integrity).await? {
            Some(Answer::Integrity(answer)) => found.take(answer),
            _ => {
                // What others write meanwhile is left to the next verify.
                let end = self.store.wait(Position::START, Duration::ZERO).await?;
                self.verify_log(end, &mut found).await?;
                self.verify_operations(end, &mut found).await?;
            }
        }
        let info = self.info();
        if let Some(loss) = info.loss {
            let reason = format!(
                "{} operations and {} versions after position {} are lost",
                loss.operations, loss.versions, loss.after
            );
            found.other("log".to_owned(), reason);
        } else if !matches!(self.scope, Scope::Tenant(_)) {
            // The counts are of the store; a tenant's own verify is the tenant's own affair.
            let change = Change::Check(found.check.clone());
            self.store.commit(vec![Unit { id: UnitId::random()?, change }]).await?;
        }
        Ok(found)
    }

    /// Each version by itself and beside the one before it, in the order of the log.
    async fn verify_log(&self, end: Position, found: &mut Verification) -> Result<()> {
        let mut workers = Workers::default();
        let mut fold = Fold::default();
        let mut next = Some(Scan::Log { after: Position::START });
        while let Some(scan) = next {
            let page = self.store.scan(self.scope, &scan, PAGE).await?;
            for damage in page.damaged {
                found.damaged_once(damage);
            }
            let entries = page.records.into_iter().filter_map(|record| match record {
                Record::Entry(entry) if entry.version.position <= end => Some(entry),
                _ => None,
            });
            if let Some(seen) = workers.check(entries.collect())? {
                self.fold(&mut fold, seen, found).await?;
            }
            next = page.next;
        }
        while let Some(seen) = workers.rest()? {
            self.fold(&mut fold, seen, found).await?;
        }
        (found.operations, found.versions) = (fold.operations, fold.versions);
        Ok(())
    }

    async fn fold(&self, fold: &mut Fold, seen: Vec<Seen>, found: &mut Verification) -> Result<()> {
        for seen in seen {
            // Only where the one before it is not at hand: it ended, which is wrong, or it was long ago.
            if let Some(hk) = fold.add(seen, found) {
                let versions = self.versions(hk).await?;
                for damage in versions.damaged {
                    found.damaged_once(damage);
                }
                check_chain(&versions.rows, found);
            }
        }
        Ok(())
    }

    /// Each operation as it is found by its key: where the store does not look at that by itself.
    async fn verify_operations(&self, end: Position, found: &mut Verification) -> Result<()> {
        let (mut operations, mut read) = (0, 0);
        let mut next = Some(Scan::Operations { after: None });
        while let Some(scan) = next {
            let page = self.store.scan(self.scope, &scan, PAGE).await?;
            for damage in page.damaged {
                found.damaged_once(damage);
            }
            for record in page.records {
                let Record::Operation(operation) = record else { continue };
                let versions = self.versions(operation.hub.script_execution_hk).await?;
                let of_log = versions.rows.iter().filter(|version| version.position <= end).count();
                operations += u64::from(of_log > 0);
                read += u64::try_from(of_log).unwrap_or(u64::MAX);
                for damage in versions.damaged {
                    found.damaged_once(damage);
                }
                check_operation(&operation, &versions.rows, found);
            }
            next = page.next;
        }
        if (operations, read) != (found.operations, found.versions) && found.is_sound() {
            let reason = format!(
                "the log has {} versions of {} operations, by their keys there are {read} of {operations}",
                found.versions, found.operations
            );
            found.other("log".to_owned(), reason);
        }
        Ok(())
    }
}

fn check_operation(operation: &Operation, versions: &[Version], found: &mut Verification) {
    let hub = &operation.hub;
    let open = versions.iter().filter(|version| version.load_end_date.is_none()).count();
    if open != 1 {
        found.check.open_versions += 1;
        let record = format!("operation {}", hub.script_execution_hk);
        found.findings.push(Damage::new(record, format!("it has {open} open versions, not 1")));
    }
    for version in versions {
        if version.script_execution_hk != hub.script_execution_hk || version.tenant != hub.tenant {
            found.other(name_of(version), "its hash key or tenant is not that of its hub");
        }
    }
    for pair in versions.windows(2) {
        if let [earlier, later] = pair
            && earlier.load_end_date.is_some_and(|end| end != later.load_date)
        {
            found.other(name_of(earlier), "its end is not the load date of the next version");
        }
    }
}
