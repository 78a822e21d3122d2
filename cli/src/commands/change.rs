//! What `run`, `start`, `complete` and `annotate` have in common: making intents, and handing them over.

use std::time::Duration;

use opledger::intent::{Intent, Start};
use opledger::model::{Attributes, UnitId, business_key};
use opledger::{Clock, Completion, ErrorKind, Hash, Metadata, Status, SystemClock};
use opledger_child::Masker;

use crate::args::{Global, Tenancy};
use crate::exit::{self, Failure};
use crate::store::{self, AnyTracker, Url, options};
use crate::who;
use opledger_sled::Inbox;

/// How long a change waits for the store before it goes through the inbox.
const PATIENCE: Duration = Duration::from_millis(200);
/// How long it waits for the holder's answer then.
const ANSWER: Duration = Duration::from_secs(2);

/// What is known of an operation that begins.
pub(super) struct Beginning {
    pub(super) name: String,
    pub(super) script_type: String,
    pub(super) objects: Vec<String>,
    pub(super) sql_command: Option<String>,
    pub(super) metadata: Option<Metadata>,
}

/// The intent to begin now.
pub(super) fn start(tenant: Option<Tenancy>, beginning: Beginning) -> opledger::Result<Start> {
    let now = SystemClock.now();
    let objects: Vec<_> = beginning.objects.into_iter().map(Some).collect();
    Ok(Start {
        unit: UnitId::random()?,
        business_key: business_key(&beginning.name, now)?,
        tenant: store::scope(tenant).tenant(),
        attributes: Attributes {
            script_name: beginning.name,
            script_type: beginning.script_type,
            execution_status: Status::Running,
            execution_timestamp: now,
            execution_duration_ms: None,
            db_session_user: Some(who::user()),
            client_ip: None,
            affected_objects: (!objects.is_empty()).then_some(objects),
            sql_command: beginning.sql_command,
            error_message: None,
            metadata: beginning.metadata,
        },
        record_source: who::record_source(),
    })
}

/// Pairs as metadata, without the secrets that their names or values show.
pub(super) fn metadata(masker: &Masker, pairs: &[(String, String)]) -> opledger::Result<Metadata> {
    let masked = pairs.iter().map(|(key, value)| {
        let prefix = format!("{key}=");
        let pair = masker.text(&format!("{prefix}{value}"));
        let value = pair.strip_prefix(&prefix).map_or_else(|| masker.text(value), str::to_owned);
        (key.clone(), value)
    });
    Ok(Metadata::from_pairs(masked)?)
}

/// Carries a change out in the store, or through its inbox where another process holds it; gives the exit code.
pub(super) fn carry_out(
    global: &Global,
    command: &str,
    hk: Hash,
    directly: impl FnOnce(&AnyTracker) -> opledger::Result<Completion>,
    intent: impl FnOnce() -> opledger::Result<Intent>,
) -> Result<u8, Failure> {
    let url = store::url(global)?;
    let completion = match store::open_at(&url, global, &options(command, PATIENCE)) {
        Ok(tracker) => {
            let completion = directly(&tracker)?;
            pollster::block_on(tracker.close())?;
            completion
        }
        Err(Failure::Store(error)) if error.kind() == ErrorKind::Locked => {
            let Url::Folder(_, dir) = &url else { return Err(error.into()) };
            let Some(completion) = Inbox::at(dir).put_and_wait(&intent()?, ANSWER)? else {
                exit::note(format_args!(
                    "{error}; the change of operation {hk} is queued, and will be judged when the holder is done"
                ));
                return Ok(exit::OK);
            };
            completion
        }
        Err(failure) => return Err(failure),
    };
    match completion {
        Completion::Recorded => Ok(exit::OK),
        Completion::Unknown => {
            let message = format!("there is no operation {hk} in this store; `opledger history` lists what there is");
            Err(Failure::Usage(message))
        }
        Completion::AlreadyFinished(status) => {
            Err(Failure::Usage(format!("operation {hk} has finished already: it is {status}; nothing was changed")))
        }
    }
}
