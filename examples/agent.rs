//! An agent that tracks its work in a local store: `cargo run --example agent`.

use opledger::blocking::Tracker;
use opledger::{Additions, Metadata, NewOperation, Outcome};
use opledger_sled::{Options, SledStore};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::temp_dir().join("opledger-example-agent");
    let tracker = Tracker::new(SledStore::open(&folder, Options::default())?);

    // By hand: start, learn something on the way, finish.
    let mut sweep = tracker.start(NewOperation::new("Sweep inbox").script_type("MAINTENANCE").object("/var/mail"))?;
    let found = Additions { metadata: Some(Metadata::parse(r#"{"messages": 12}"#)?), ..Additions::default() };
    sweep.annotate(found)?;
    sweep.finish(Outcome::Success, Additions::default())?;

    // Or let a closure's own outcome decide: an Err is recorded as FAILED with its text.
    let copied = tracker.track(NewOperation::new("Copy report").script_type("REPORTING"), || {
        std::fs::copy("/no/such/report", folder.join("report"))
    });
    if let Err(error) = copied {
        println!("the copy failed, and that is on record: {error}");
    }

    for row in tracker.execution_history(&opledger::History::default())? {
        println!("{} {:9} {}", row.execution_timestamp, row.execution_status, row.script_name);
    }
    Ok(tracker.close()?)
}
