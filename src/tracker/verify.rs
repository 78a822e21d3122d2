//! Verify: recompute every hash, check every rule, count what breaks one.

use super::Tracker;
use std::time::Duration;

use crate::error::Result;
use crate::hash::hash_key;
use crate::model::{Check, Hub, Operation, Position, Status, UnitId, Version};
use crate::store::{Answer, Change, Damage, Plan, Record, Scan, Scope, Store, Unit};
use crate::time::Timestamp;

/// Records read at a time.
const PAGE: usize = 500;

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

    /// A record that can't be read has no content that its hash could fit.
    fn damaged(&mut self, damaged: Vec<Damage>) {
        self.check.hash_mismatches += u64::try_from(damaged.len()).unwrap_or(u64::MAX);
        self.findings.extend(damaged);
    }
}

impl<S: Store> Tracker<S> {
    /// Reads all rows of this tracker's scope, recomputes every hash and checks every rule; keeps the
    /// counts for the health report.
    ///
    /// # Errors
    /// Gives the store's error. What is found is no error: look at [`Verification::is_sound`].
    pub async fn verify(&self) -> Result<Verification> {
        let mut found = Verification::new(self.now());
        // What others write meanwhile is left to the next verify.
        let end = self.store.wait(Position::START, Duration::ZERO).await?;
        self.verify_operations(end, &mut found).await?;
        self.verify_log(end, &mut found).await?;
        if let Some(Answer::Integrity(damaged)) = self.store.answer(self.scope, &Plan::Integrity).await? {
            for damage in damaged {
                if !found.findings.contains(&damage) {
                    found.other(damage.record, damage.reason);
                }
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

    async fn verify_operations(&self, end: Position, found: &mut Verification) -> Result<()> {
        let mut next = Some(Scan::Operations { after: None });
        while let Some(scan) = next {
            let page = self.store.scan(self.scope, &scan, PAGE).await?;
            found.damaged(page.damaged);
            for record in page.records {
                if let Record::Operation(operation) = record {
                    let key = operation.hub.script_execution_hk;
                    let versions = self.versions(key).await?;
                    let read = versions.rows.iter().filter(|version| version.position <= end).count();
                    found.operations += u64::from(read > 0);
                    found.versions += u64::try_from(read).unwrap_or(u64::MAX);
                    for damage in versions.damaged {
                        if !found.findings.contains(&damage) {
                            found.damaged(vec![damage]);
                        }
                    }
                    check_operation(&operation, &versions.rows, found);
                }
            }
            next = page.next;
        }
        Ok(())
    }

    async fn verify_log(&self, end: Position, found: &mut Verification) -> Result<()> {
        let mut last = Position::START;
        let mut entries = 0;
        let mut next = Some(Scan::Log { after: last });
        while let Some(scan) = next {
            let page = self.store.scan(self.scope, &scan, PAGE).await?;
            for damage in page.damaged {
                if !found.findings.contains(&damage) {
                    found.damaged(vec![damage]);
                }
            }
            for record in page.records {
                let Record::Entry(entry) = record else { continue };
                let version = &entry.version;
                if version.position > end {
                    continue;
                }
                entries += 1;
                if version.position <= last {
                    found.other(name(version), format!("position {} follows {last} in the log", version.position));
                }
                last = version.position;
                if entry.hub.is_none() {
                    found.check.orphan_versions += 1;
                    found.findings.push(Damage::new(name(version), "its hub is missing: an orphan"));
                    check_hash(version, found);
                }
            }
            next = page.next;
        }
        if entries != found.versions && found.is_sound() {
            let reason = format!("the log has {entries} versions, the operations {}", found.versions);
            found.other("log".to_owned(), reason);
        }
        Ok(())
    }
}

fn name(version: &Version) -> String {
    format!("version {} of {}", version.load_date, version.script_execution_hk)
}

fn check_hash(version: &Version, found: &mut Verification) {
    let computed = version.attributes.hash_diff();
    if computed != version.hash_diff {
        found.mismatch(name(version), format!("hash_diff is {}, its content has {computed}", version.hash_diff));
    }
}

fn check_operation(operation: &Operation, versions: &[Version], found: &mut Verification) {
    let hub = &operation.hub;
    let record = || format!("operation {}", hub.script_execution_hk);
    if hash_key(&hub.script_execution_bk) != hub.script_execution_hk {
        found.mismatch(record(), format!("its key is not the hash of {:?}", hub.script_execution_bk));
    }
    let open = versions.iter().filter(|version| version.load_end_date.is_none()).count();
    if open != 1 {
        found.check.open_versions += 1;
        found.findings.push(Damage::new(record(), format!("it has {open} open versions, not 1")));
    }
    for version in versions {
        check_hash(version, found);
        check_version(hub, version, &operation.open, found);
    }
    for pair in versions.windows(2) {
        if let [earlier, later] = pair {
            check_pair(earlier, later, found);
        }
    }
}

fn check_version(hub: &Hub, version: &Version, open: &Version, found: &mut Verification) {
    if version.script_execution_hk != hub.script_execution_hk || version.tenant != hub.tenant {
        found.other(name(version), "its hash key or tenant is not that of its hub");
    }
    if !version.attributes.same_operation(&open.attributes) {
        found.other(name(version), "its name, type or time differs from that of its operation");
    }
}

fn check_pair(earlier: &Version, later: &Version, found: &mut Verification) {
    if earlier.load_date >= later.load_date {
        found.other(name(later), "its load date is not later than the one before");
    }
    if earlier.load_end_date.is_some_and(|end| end != later.load_date) {
        found.other(name(earlier), "its end is not the load date of the next version");
    }
    if earlier.attributes.execution_status != Status::Running {
        found.other(name(later), "it follows a version that had ended");
    }
}
