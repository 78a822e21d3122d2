//! Fills a new sled store with a month of operations, to try the command on: `cargo run --release -p opledger-benches
//! --bin fill -- FOLDER COUNT`.

use std::process::ExitCode;

use opledger::{Clock, SystemClock};
use opledger_benches::fill;
use opledger_benches::ledger::{self, Ledger};
use opledger_sled::Durability;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, count] = arguments.as_slice() else {
        eprintln!("usage: fill FOLDER COUNT");
        return ExitCode::from(2);
    };
    let Ok(count) = count.parse() else {
        eprintln!("fill: COUNT is a number of operations, not {count}");
        return ExitCode::from(2);
    };
    let sled = ledger::sled(folder.as_ref(), Durability::Interval(std::time::Duration::from_secs(1)));
    fill::store(sled.inner().store(), count, SystemClock.now());
    Ledger::close(sled);
    ExitCode::SUCCESS
}
