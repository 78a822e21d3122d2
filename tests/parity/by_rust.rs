//! Writing a history through `Store::commit`: attributes and hashes are made here, keys and load dates are those that SQL drew.

use opledger::model::UnitId;
use opledger::store::{Change, Outcome, State, Unit};
use opledger::{Attributes, Hub, Metadata, Status, Store, hash_key};

use crate::by_sql::{Written, states};
use crate::history::{By, Run};

/// The units that write the runs: all starts, then what became of each, as in a log of many writers.
pub(crate) fn units(runs: &[Run], written: &[Written]) -> Vec<Unit> {
    let mut starts = Vec::new();
    let mut rest = Vec::new();
    for (run, written) in runs.iter().zip(written) {
        let source = match run.by {
            By::Record | By::Arrays => "sql",
            By::Rows => "parity",
        };
        let states = states(run).into_iter().zip(&written.load_dates);
        let mut states = states.map(|((status, metadata, end), load_date)| {
            let attributes = Attributes {
                script_name: run.name.clone(),
                script_type: run.kind.clone(),
                execution_status: status.parse::<Status>().unwrap(),
                execution_timestamp: run.started,
                execution_duration_ms: end.and_then(|end| end.duration),
                db_session_user: run.user.clone(),
                client_ip: run.address,
                affected_objects: run.objects.clone(),
                sql_command: run.sql_command.clone(),
                error_message: end.and_then(|end| end.message.clone()),
                metadata: metadata.map(|text| Metadata::parse(text).unwrap()),
            };
            State::new(*load_date, attributes, source.to_owned())
        });
        let first = states.next().unwrap();
        let key = hash_key(&written.business_key);
        let mut open = (first.load_date, first.hash_diff);
        let hub = Hub {
            script_execution_hk: key,
            script_execution_bk: written.business_key.clone(),
            tenant: run.tenant,
            load_date: first.load_date,
            record_source: source.to_owned(),
        };
        starts.push(unit(Change::Start { hub, first }));
        for next in states {
            let expect_open = std::mem::replace(&mut open, (next.load_date, next.hash_diff));
            rest.push(unit(Change::Append { operation: key, tenant: run.tenant, expect_open, next }));
        }
    }
    starts.append(&mut rest);
    starts
}

fn unit(change: Change) -> Unit {
    Unit { id: UnitId::random().unwrap(), change }
}

/// Commits them all; a store that refuses one does not agree with SQL.
pub(crate) fn write(store: &impl Store, units: &[Unit]) {
    let engine = store.info().engine;
    for some in units.chunks(50) {
        let outcomes = pollster::block_on(store.commit(some.to_vec())).unwrap();
        for (outcome, unit) in outcomes.iter().zip(some) {
            assert!(matches!(outcome, Outcome::Done(_)), "{engine}: {outcome:?} to {unit:?}");
        }
    }
}
