//! What reports ask the server for.

use std::time::Duration;

use opledger::store::{Answer, Plan, Scope};
use opledger::{Clock, Store, SystemClock};
use opledger_postgres::PostgresStore;

use crate::support::{config, installed};

/// The dashboard counted the day before, too, and took twice as long as the SQL function: only what compares needs it.
#[test]
fn the_window_before_is_counted_where_it_is_asked_for() {
    let database = installed();
    let mut client = database.connect_as("writer").expect("a session");
    let record =
        "SELECT script_tracking.record_operation('load', 'MANUAL', now() - $1::float8 * interval '1 hour', 5, true)";
    for hours in [1.0, 30.0] {
        client.execute(record, &[&hours]).expect("a record");
    }
    let store = PostgresStore::open(&config(&database, "writer")).expect("the store opens");
    for (compared, before) in [(true, 1), (false, 0)] {
        let plan = Plan::Activity { at: SystemClock.now(), window: Duration::from_secs(24 * 3600), compared };
        let answer = pollster::block_on(store.answer(Scope::System, &plan)).expect("an answer");
        let Some(Answer::Activity(activity)) = answer else { panic!("no answer to {plan:?}") };
        assert_eq!((activity.last.len(), activity.before.len(), activity.total), (1, before, 2), "{plan:?}");
    }
}
