//! Intents as they wait in an inbox.

use opledger::hash::Metadata;
use opledger::intent::{Additions, Annotate, Finish, Intent, Outcome, Start};
use opledger::model::UnitId;
use opledger::store::Damage;
use opledger::{Hash, Scope, Tenant, Timestamp};
use serde::{Deserialize, Serialize};

use super::AttributesRow;

#[derive(Serialize, Deserialize)]
enum IntentRow {
    Start(UnitId, String, Tenant, AttributesRow, String),
    Finish(ChangeRow, bool, Option<String>, Option<i32>),
    Annotate(ChangeRow),
}

#[derive(Serialize, Deserialize)]
struct ChangeRow {
    unit: UnitId,
    operation: Hash,
    /// Outer none: all tenants; inner none: the system.
    scope: Option<Option<Hash>>,
    at: Timestamp,
    metadata: Option<Metadata>,
    objects: Vec<String>,
    sql_command: Option<String>,
    record_source: String,
}

/// Encodes an intent.
pub(crate) fn encode_intent(intent: &Intent) -> Result<Vec<u8>, Damage> {
    super::encode(&match intent.clone() {
        Intent::Start(start) => {
            IntentRow::Start(start.unit, start.business_key, start.tenant, start.attributes.into(), start.record_source)
        }
        Intent::Finish(finish) => {
            let (success, message) = match finish.outcome {
                Outcome::Success => (true, None),
                Outcome::Failure(message) => (false, message),
            };
            let change =
                row((finish.unit, finish.operation, finish.scope, finish.at), finish.additions, finish.record_source);
            IntentRow::Finish(change, success, message, finish.duration_ms)
        }
        Intent::Annotate(annotate) => IntentRow::Annotate(row(
            (annotate.unit, annotate.operation, annotate.scope, annotate.at),
            annotate.additions,
            annotate.record_source,
        )),
    })
}

/// Decodes what [`encode_intent`] wrote.
pub(crate) fn decode_intent(bytes: &[u8]) -> Result<Intent, Damage> {
    let row: IntentRow = super::decode(b"i", bytes)?;
    Ok(match row {
        IntentRow::Start(unit, business_key, tenant, attributes, record_source) => {
            Intent::Start(Start { unit, business_key, tenant, attributes: attributes.into(), record_source })
        }
        IntentRow::Finish(change, success, message, duration_ms) => Intent::Finish(Finish {
            unit: change.unit,
            operation: change.operation,
            scope: scope(change.scope),
            at: change.at,
            outcome: if success { Outcome::Success } else { Outcome::Failure(message) },
            duration_ms,
            record_source: change.record_source.clone(),
            additions: additions(change),
        }),
        IntentRow::Annotate(change) => Intent::Annotate(Annotate {
            unit: change.unit,
            operation: change.operation,
            scope: scope(change.scope),
            at: change.at,
            record_source: change.record_source.clone(),
            additions: additions(change),
        }),
    })
}

fn row(about: (UnitId, Hash, Scope, Timestamp), additions: Additions, record_source: String) -> ChangeRow {
    let (unit, operation, scope, at) = about;
    let scope = match scope {
        Scope::All => None,
        Scope::System => Some(None),
        Scope::Tenant(tenant) => Some(Some(tenant)),
    };
    let Additions { metadata, objects, sql_command } = additions;
    ChangeRow { unit, operation, scope, at, metadata, objects, sql_command, record_source }
}

fn additions(change: ChangeRow) -> Additions {
    Additions { metadata: change.metadata, objects: change.objects, sql_command: change.sql_command }
}

fn scope(stored: Option<Option<Hash>>) -> Scope {
    match stored {
        None => Scope::All,
        Some(None) => Scope::System,
        Some(Some(tenant)) => Scope::Tenant(tenant),
    }
}
