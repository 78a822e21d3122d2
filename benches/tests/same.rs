//! The comparison is fair: same content, same figures.
#![allow(clippy::unwrap_used, reason = "a test")]

use opledger::report::Tally;
use opledger::store::{Activity, Change, Unit};
use opledger::{Clock, SystemClock, Timestamp};
use opledger_benches::ledger::{self, BUFFERED};
use opledger_benches::sqlite::Sqlite;
use opledger_benches::{content, fill, system};

fn said(unit: &Unit) -> usize {
    let state = match &unit.change {
        Change::Start { first, .. } => first,
        Change::Append { next, .. } => next,
        Change::Check(_) | Change::Put(_) | Change::Remove(_) => return 0,
    };
    let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let of = &state.attributes;
    let objects: usize = of.affected_objects.iter().flatten().map(text).sum();
    let metadata = of.metadata.as_ref().map_or(0, |metadata| metadata.as_str().len());
    let texts = [&of.db_session_user, &of.sql_command, &of.error_message].map(text).iter().sum::<usize>();
    of.script_name.len() + of.script_type.len() + texts + objects + metadata
}

#[test]
fn a_pair_says_about_830_bytes() {
    let bytes: usize = (0..1000)
        .map(|n| {
            let (start, operation) = content::start(n, Timestamp::from_micros(1_700_000_000_000_000));
            said(&start) + said(&content::finish(n, &operation))
        })
        .sum();
    assert!((800..870).contains(&(bytes / 1000)), "{} bytes a pair", bytes / 1000);
}

#[test]
fn every_store_shows_the_same() {
    let dir = system::folder();
    let now = SystemClock.now();
    let (sled, memory) = (ledger::sled(dir.path(), BUFFERED.0), ledger::memory());
    let sqlite = Sqlite::open(dir.path(), BUFFERED.1);
    fill::store(sled.inner().store(), 3000, now);
    fill::store(memory.inner().store(), 3000, now);
    fill::sqlite(&sqlite, 3000, now);
    let ours = pollster::block_on(sled.inner().activity(now)).unwrap();
    assert_eq!(ours, pollster::block_on(memory.inner().activity(now)).unwrap());
    let theirs = sqlite.figures(now);
    let Activity { last, total, running, stale, .. } = ours;
    let last = Tally::total(last.values());
    assert_eq!(
        (last.operations, last.completed, last.failed),
        (theirs.operations.into(), theirs.completed.into(), theirs.failed.into())
    );
    assert_eq!((total, running, stale), (theirs.total.into(), theirs.running.into(), theirs.stale.into()));
    assert!(stale > 0 && theirs.p95_ms > Some(1000) && theirs.ddl > 0);
}
