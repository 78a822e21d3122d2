//! Writing: start, complete, annotate.

use super::{Completion, Handle, NewOperation, Tracker, broken_contract};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::Hash;
use crate::intent::{Additions, Annotate, Finish, Intent, Outcome as Ending, Start, Verdict};
use crate::model::{Attributes, KEY_TRIES, Operation, Position, Status, UnitId, Version, business_key};
use crate::store::{Change, Key, Outcome, Record, Refusal, Store, Unit};

/// How often a change is judged again before the caller is told to try later.
const TRIES: usize = 1000;

/// What became of an intent, and the operation as it stands where that is known.
pub(crate) struct Done {
    pub(crate) completion: Completion,
    pub(crate) operation: Option<Operation>,
}

impl<S: Store> Tracker<S> {
    /// Starts an operation of the given name and type.
    ///
    /// # Errors
    /// Gives 22001 or 22023 naming the field and its limit, else the store's error; nothing is recorded then.
    pub async fn track_operation(&self, name: &str, script_type: &str) -> Result<Handle<S>> {
        self.start(NewOperation::new(name).script_type(script_type)).await
    }

    /// Starts an operation.
    ///
    /// # Errors
    /// Gives 22001 or 22023 naming the field and its limit, 53400 when the backlog is full, else the store's error; nothing
    /// is recorded then.
    pub async fn start(&self, new: NewOperation) -> Result<Handle<S>> {
        self.try_start(new).await.map_err(|error| error.during("track_operation"))
    }

    async fn try_start(&self, new: NewOperation) -> Result<Handle<S>> {
        if let Some(backlog) = &self.defaults.backlog {
            backlog.make_room(self).await?;
        }
        let began = self.defaults.clock.monotonic();
        let mut intent = self.start_intent(new)?;
        let mut tries = 0;
        loop {
            let Verdict::Change(unit) = Intent::Start(intent.clone()).judge(None)? else {
                return Err(broken_contract(self.info().engine, "a start was not judged as a change"));
            };
            match self.commit_one((*unit).clone()).await? {
                Outcome::Done(position) | Outcome::Replayed(position) => {
                    let operation = started(*unit, position)
                        .ok_or_else(|| broken_contract(self.info().engine, "a start made no hub"))?;
                    return Ok(Handle { tracker: self.clone(), operation, began });
                }
                // Six hex digits in one microsecond: rare, and no fault of the caller.
                Outcome::Conflict { .. } if tries < KEY_TRIES => {
                    tries += 1;
                    let attributes = &intent.attributes;
                    intent.business_key = business_key(&attributes.script_name, attributes.execution_timestamp)?;
                }
                Outcome::Conflict { ours, theirs } => {
                    return Err(Error::conflict(crate::hash::hash_key(&intent.business_key), ours, theirs));
                }
                Outcome::Refused(why) => {
                    return Err(broken_contract(self.info().engine, &format!("a start was refused as {why:?}")));
                }
            }
        }
    }

    /// The intent to start `new` now: for those who hand intents over by another way than a store.
    ///
    /// # Errors
    /// Gives 58030 when the operating system has no random bytes.
    pub fn start_intent(&self, new: NewOperation) -> Result<Start> {
        let now = self.now();
        let objects = new.objects.into_iter().map(Some).collect::<Vec<_>>();
        Ok(Start {
            unit: UnitId::random()?,
            business_key: business_key(&new.name, now)?,
            tenant: self.scope.tenant(),
            attributes: Attributes {
                script_name: new.name,
                script_type: new.script_type,
                execution_status: Status::Running,
                execution_timestamp: now,
                execution_duration_ms: None,
                db_session_user: new.user.or_else(|| self.defaults.user.clone()),
                client_ip: new.client_ip,
                affected_objects: (!objects.is_empty()).then_some(objects),
                sql_command: new.sql_command,
                error_message: None,
                metadata: new.metadata,
            },
            record_source: self.defaults.record_source.clone(),
        })
    }

    /// Records that the operation `hk` ended; by key, where no [`Handle`] is at hand.
    ///
    /// # Errors
    /// Gives 22001 when the message is over its limit, else the store's error; nothing is recorded then.
    pub async fn complete_operation(&self, hk: Hash, success: bool, error_message: Option<&str>) -> Result<Completion> {
        let outcome = if success { Ending::Success } else { Ending::Failure(error_message.map(str::to_owned)) };
        let intent = self.finish_intent(hk, outcome, Additions::default())?;
        let done = self.carry_out(&intent, None).await.map_err(|error| error.during("complete_operation"))?;
        Ok(done.completion)
    }

    /// The intent to finish `hk` now, with the duration that the timestamps give.
    ///
    /// # Errors
    /// Gives 58030 when the operating system has no random bytes.
    pub fn finish_intent(&self, hk: Hash, outcome: Ending, additions: Additions) -> Result<Intent> {
        Ok(Intent::Finish(Finish {
            unit: UnitId::random()?,
            operation: hk,
            scope: self.scope,
            at: self.now(),
            outcome,
            duration_ms: None,
            additions,
            record_source: self.defaults.record_source.clone(),
        }))
    }

    /// Adds to what is known of a running operation; what was known before adds no version.
    ///
    /// # Errors
    /// Names the field that breaks a limit, else gives the store's error; nothing is recorded then.
    pub async fn annotate_operation(&self, hk: Hash, additions: Additions) -> Result<Completion> {
        let intent = self.annotate_intent(hk, additions)?;
        let done = self.carry_out(&intent, None).await.map_err(|error| error.during("annotate_operation"))?;
        Ok(done.completion)
    }

    /// The intent to annotate `hk` now.
    ///
    /// # Errors
    /// Gives 58030 when the operating system has no random bytes.
    pub fn annotate_intent(&self, hk: Hash, additions: Additions) -> Result<Intent> {
        Ok(Intent::Annotate(Annotate {
            unit: UnitId::random()?,
            operation: hk,
            scope: self.scope,
            at: self.now(),
            additions,
            record_source: self.defaults.record_source.clone(),
        }))
    }

    /// Carries out an intent that was made before, as often as need be: once it is recorded, again adds nothing.
    ///
    /// # Errors
    /// Names the field that breaks a limit, else gives the store's error; nothing is recorded then.
    pub async fn record_intent(&self, intent: &Intent) -> Result<Completion> {
        Ok(self.carry_out(intent, None).await?.completion)
    }

    /// Judges an intent and commits its unit; when another writer was faster, again on what stands then.
    pub(crate) async fn carry_out(&self, intent: &Intent, known: Option<Operation>) -> Result<Done> {
        let hk = intent.operation();
        // What a handle knew may have been overtaken: it can be built on, but not be taken to say that nothing changes.
        let mut fresh = known.is_none();
        let mut current = match known {
            Some(operation) => Some(operation),
            None => self.operation(hk).await?,
        };
        for _ in 0..TRIES {
            let unit = match intent.judge(current.as_ref()).map_err(|error| error.on(hk))? {
                Verdict::Change(unit) => unit,
                Verdict::Nothing if !fresh => {
                    (current, fresh) = (self.operation(hk).await?, true);
                    continue;
                }
                Verdict::Nothing | Verdict::Replayed(_) => return Ok(done(Completion::Recorded, current)),
                Verdict::Unknown => return Ok(done(Completion::Unknown, None)),
                Verdict::Finished(status) => return Ok(done(Completion::AlreadyFinished(status), current)),
            };
            match self.commit_one((*unit).clone()).await.map_err(|error| error.on(hk))? {
                Outcome::Done(position) | Outcome::Replayed(position) => {
                    let operation = current.map(|operation| advanced(operation, *unit, position));
                    return Ok(done(Completion::Recorded, operation));
                }
                Outcome::Conflict { ours, theirs } => return Err(Error::conflict(hk, ours, theirs)),
                Outcome::Refused(Refusal::Unknown) => return Ok(done(Completion::Unknown, None)),
                Outcome::Refused(_) => (current, fresh) = (self.operation(hk).await?, true),
            }
        }
        let message = format!("other writers changed operation {hk} at each of {TRIES} tries");
        Err(Error::new(ErrorKind::Serialization, message).on(hk))
    }

    async fn commit_one(&self, unit: Unit) -> Result<Outcome> {
        let outcomes = self.store.commit(vec![unit]).await?;
        match outcomes.as_slice() {
            [outcome] => Ok(*outcome),
            _ => Err(broken_contract(self.info().engine, "not one outcome for one unit")),
        }
    }

    /// The operation `hk` as it stands, or none where it is unknown.
    ///
    /// # Errors
    /// Gives XX001 when its record is damaged, else the store's error.
    pub async fn operation(&self, hk: Hash) -> Result<Option<Operation>> {
        let mut records = self.store.get(self.scope, &[Key::Operation(hk)]).await.map_err(|error| error.on(hk))?;
        match records.pop() {
            Some(Some(Record::Operation(operation))) => Ok(Some(*operation)),
            Some(None) => Ok(None),
            _ => Err(broken_contract(self.info().engine, "a key was answered with something else")),
        }
    }
}

fn done(completion: Completion, operation: Option<Operation>) -> Done {
    Done { completion, operation }
}

fn started(unit: Unit, position: Position) -> Option<Operation> {
    let Change::Start { hub, first } = unit.change else { return None };
    let open = Version {
        script_execution_hk: hub.script_execution_hk,
        load_date: first.load_date,
        load_end_date: None,
        hash_diff: first.hash_diff,
        attributes: first.attributes,
        record_source: first.record_source,
        tenant: hub.tenant,
        position,
        unit: unit.id,
    };
    Some(Operation { hub, open })
}

fn advanced(mut operation: Operation, unit: Unit, position: Position) -> Operation {
    if let Change::Append { next, .. } = unit.change {
        let open = &mut operation.open;
        open.load_date = next.load_date;
        open.hash_diff = next.hash_diff;
        open.attributes = next.attributes;
        open.record_source = next.record_source;
        open.position = position;
        open.unit = unit.id;
    }
    operation
}
