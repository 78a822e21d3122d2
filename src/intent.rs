//! The state machine of an operation, once: what a caller wants, judged against what stands.
//!
//! An intent is data, so it can be judged at once by a tracker, again after another writer was faster,
//! or much later by whoever folds it in from an inbox.

use std::collections::HashSet;

use crate::error::Result;
use crate::hash::{Hash, Metadata, hash_key};
use crate::model::{Attributes, Hub, MAX_USER, Operation, Position, Status, Tenant, UnitId, check_chars};
use crate::store::{Change, Scope, State, Unit};
use crate::time::Timestamp;

/// Something a caller wants to happen to one operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Intent {
    /// A new operation begins.
    Start(Start),
    /// An operation has ended.
    Finish(Finish),
    /// More is known about a running operation.
    Annotate(Annotate),
}

/// A new operation begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// The name of the change.
    pub unit: UnitId,
    /// The business key; the hash key follows from it.
    pub business_key: String,
    /// Who it belongs to.
    pub tenant: Tenant,
    /// Its first state, RUNNING.
    pub attributes: Attributes,
    /// Who says so.
    pub record_source: String,
}

/// An operation has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finish {
    /// The name of the change.
    pub unit: UnitId,
    /// The operation.
    pub operation: Hash,
    /// Whose operations the caller may change; others are unknown.
    pub scope: Scope,
    /// When it was said.
    pub at: Timestamp,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took by a monotonic clock; otherwise the timestamps tell.
    pub duration_ms: Option<i32>,
    /// What else is known now.
    pub additions: Additions,
    /// Who says so.
    pub record_source: String,
}

/// More is known about a running operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotate {
    /// The name of the change.
    pub unit: UnitId,
    /// The operation.
    pub operation: Hash,
    /// Whose operations the caller may change; others are unknown.
    pub scope: Scope,
    /// When it was said.
    pub at: Timestamp,
    /// What is known now.
    pub additions: Additions,
    /// Who says so.
    pub record_source: String,
}

/// How an operation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Well.
    Success,
    /// Badly, and why, where that is known.
    Failure(Option<String>),
}

/// What is added to an operation: metadata is merged, objects are appended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Additions {
    /// Merged key by key; a new value wins.
    pub metadata: Option<Metadata>,
    /// Appended, where they are not there already.
    pub objects: Vec<String>,
    /// Replaces what was there.
    pub sql_command: Option<String>,
}

impl Additions {
    fn add_to(&self, attributes: &mut Attributes) -> Result<()> {
        if let Some(new) = &self.metadata {
            let merged = match &attributes.metadata {
                Some(old) => old.merge(new)?,
                None => new.clone(),
            };
            attributes.metadata = Some(merged);
        }
        if !self.objects.is_empty() {
            let objects = attributes.affected_objects.get_or_insert_default();
            let mut known: HashSet<&String> = self.objects.iter().collect();
            objects.iter().flatten().for_each(|object| {
                known.remove(object);
            });
            // What is left is new; it is appended once, in the order given.
            let new = self.objects.iter().filter(|object| known.remove(object)).cloned().map(Some);
            let new: Vec<_> = new.collect();
            objects.extend(new);
        }
        if let Some(command) = &self.sql_command {
            attributes.sql_command = Some(command.clone());
        }
        Ok(())
    }
}

/// What becomes of an intent.
#[derive(Debug)]
pub enum Verdict {
    /// This unit would carry it out.
    Change(Box<Unit>),
    /// It was carried out before, by this very unit.
    Replayed(Position),
    /// It changes nothing: the open version says the same.
    Nothing,
    /// There is no such operation.
    Unknown,
    /// The operation has ended already.
    Finished(Status),
}

impl Intent {
    /// The operation it is about.
    #[must_use]
    pub fn operation(&self) -> Hash {
        match self {
            Self::Start(start) => hash_key(&start.business_key),
            Self::Finish(finish) => finish.operation,
            Self::Annotate(annotate) => annotate.operation,
        }
    }

    /// Judges the intent against the operation as it stands; `Start` needs to know nothing.
    ///
    /// # Errors
    /// Names the field and the limit when what would be stored breaks one.
    pub fn judge(&self, current: Option<&Operation>) -> Result<Verdict> {
        match self {
            Self::Start(start) => start.unit().map(|unit| Verdict::Change(Box::new(unit))),
            Self::Finish(finish) => finish.judge(current),
            Self::Annotate(annotate) => annotate.judge(current),
        }
    }
}

impl Start {
    fn unit(&self) -> Result<Unit> {
        self.attributes.check()?;
        check_chars("business key", &self.business_key, 255)?;
        check_chars("record_source", &self.record_source, MAX_USER)?;
        let load_date = self.attributes.execution_timestamp;
        let hub = Hub {
            script_execution_hk: hash_key(&self.business_key),
            script_execution_bk: self.business_key.clone(),
            tenant: self.tenant,
            load_date,
            record_source: self.record_source.clone(),
        };
        let first = State::new(load_date, self.attributes.clone(), self.record_source.clone());
        Ok(Unit { id: self.unit, change: Change::Start { hub, first } })
    }
}

impl Finish {
    fn judge(&self, current: Option<&Operation>) -> Result<Verdict> {
        let Some(current) = current.filter(|current| self.scope.sees(current.hub.tenant)) else {
            return Ok(Verdict::Unknown);
        };
        let open = &current.open;
        if open.unit == self.unit {
            return Ok(Verdict::Replayed(open.position));
        }
        if open.attributes.execution_status.is_finished() {
            return Ok(Verdict::Finished(open.attributes.execution_status));
        }
        let mut next = open.attributes.clone();
        self.additions.add_to(&mut next)?;
        next.execution_status = match &self.outcome {
            Outcome::Success => Status::Completed,
            Outcome::Failure(message) => {
                next.error_message = message.clone();
                Status::Failed
            }
        };
        let measured = self.duration_ms.unwrap_or_else(|| self.at.millis_since(next.execution_timestamp));
        next.execution_duration_ms = Some(measured.max(0));
        append(self.unit, current, self.at, next, &self.record_source)
    }
}

impl Annotate {
    fn judge(&self, current: Option<&Operation>) -> Result<Verdict> {
        let Some(current) = current.filter(|current| self.scope.sees(current.hub.tenant)) else {
            return Ok(Verdict::Unknown);
        };
        let open = &current.open;
        if open.unit == self.unit {
            return Ok(Verdict::Replayed(open.position));
        }
        if open.attributes.execution_status.is_finished() {
            return Ok(Verdict::Finished(open.attributes.execution_status));
        }
        let mut next = open.attributes.clone();
        self.additions.add_to(&mut next)?;
        append(self.unit, current, self.at, next, &self.record_source)
    }
}

fn append(unit: UnitId, current: &Operation, at: Timestamp, next: Attributes, source: &str) -> Result<Verdict> {
    next.check()?;
    check_chars("record_source", source, MAX_USER)?;
    let open = &current.open;
    let state = State::new(at.max(open.load_date.next()), next, source.to_owned());
    if state.hash_diff == open.hash_diff {
        return Ok(Verdict::Nothing);
    }
    let change = Change::Append {
        operation: current.hub.script_execution_hk,
        tenant: current.hub.tenant,
        expect_open: (open.load_date, open.hash_diff),
        next: state,
    };
    Ok(Verdict::Change(Box::new(Unit { id: unit, change })))
}
