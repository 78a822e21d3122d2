//! A small agent that tracks its work, survives being offline, and syncs: `cargo run --example daemon -- SERVER`, where
//! SERVER is a PostgreSQL URL with the schema installed. Without a server it works all the same, and what it did waits.

use std::time::Duration;

use opledger::NewOperation;
use opledger::blocking::Tracker;
use opledger::sync::{Agent, Limits, Policy};
use opledger_postgres::{Config, PostgresStore};
use opledger_sled::{Options, SledStore};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = std::env::args().nth(1).unwrap_or_else(|| "postgres://localhost/ledger?connect_timeout=5".to_owned());
    let server = Config::new(&server)?;

    // At most a week or a million versions wait; past that the oldest successes leave, and a GAP says how many.
    let week = Duration::from_secs(7 * 86_400);
    let limits = Limits { versions: Some(1_000_000), bytes: None, age: Some(week), policy: Policy::Drop };
    let store = SledStore::open(std::env::temp_dir().join("opledger-example-daemon"), Options::default())?;
    let tracker = Tracker::from(opledger::Tracker::builder().user("daemon").backlog(limits).build(store));

    // The name is this store's for good: another store that comes under it is refused by the server.
    let agent = Agent::new(tracker.inner(), "example-daemon")?;
    let background = agent.spawn(Duration::from_secs(2), move || PostgresStore::open(&server))?;

    for round in 1..=5 {
        let work = NewOperation::new(format!("Round {round}")).script_type("MAINTENANCE");
        let done = tracker.track(work, || {
            std::thread::sleep(Duration::from_secs(1));
            if round == 3 { Err("the third round fails, for the record") } else { Ok(()) }
        });
        if let Err(error) = done {
            println!("round {round}: {error}");
        }
    }

    // What the background could not send yet stays on disk, for the next run.
    background.stop()?;
    let status = tracker.sync_status()?;
    let waiting = status.waiting.map_or(0, |waiting| waiting.versions);
    println!("last synced: {:?}; {waiting} versions wait; {} conflicts", status.last_sync(), status.conflicts);
    Ok(tracker.close()?)
}
