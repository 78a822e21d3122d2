//! Kills a process that writes to a store, again and again, and looks at what is left.
//!
//! The child writes from four threads, for the system and two tenants, and through the inbox; each line that it
//! prints is an acknowledgement that it got before. The parent reads a random number of them, kills it with
//! SIGKILL, reads what else is in the pipe, and opens the store.
//!
//! What is asserted after each kill:
//! - `Immediate`: everything acknowledged is there, in the acknowledged state or a later one.
//! - `Interval(50 ms)`: what was acknowledged more than 50 ms + 1 s before the last acknowledgement that came
//!   through the pipe is there (the kill came later than that one). Of each thread what is there is a prefix of
//!   what it was told. What went through the inbox is there whatever the interval.
//! - Both: places in the log are contiguous, no operation is half there, `verify` finds nothing (hashes, chains,
//!   indexes, counters), no loss is claimed, and the counters' answer equals a recount by scans.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use opledger::blocking::Tracker;
use opledger::intent::Intent;
use opledger::store::{Record, Scan};
use opledger::{Additions, Completion, Hash, Metadata, NewOperation, Outcome, Scope, Status};
use opledger_embedded::{Durability, EmbeddedStore, Inbox};

use crate::Subject;
use crate::child::again;
use crate::files::files;
use crate::random::{Random, number};
use crate::store::{TYPES, check_activity, open, operations, options, scan_all, tenant};

const INTERVAL: Duration = Duration::from_millis(50);
const SLACK: Duration = Duration::from_secs(1);

/// Not a test by itself: what the killed process does.
pub fn child_writer<T: Subject>() {
    let Ok(dir) = std::env::var("OPLEDGER_CRASH_DIR") else { return };
    let interval = std::env::var("OPLEDGER_CRASH_INTERVAL").is_ok();
    let durability = if interval { Durability::Interval(INTERVAL) } else { Durability::Immediate };
    let tracker = Tracker::new(EmbeddedStore::<T::Engine>::open(&dir, options(durability)).unwrap());
    let inbox = Arc::new(Inbox::at(&dir));
    let began = Instant::now();
    std::thread::scope(|threads| {
        for thread in 0..4 {
            let trackers = [
                tracker.inner().clone(),
                tracker.for_tenant(tenant("one")).inner().clone(),
                tracker.for_tenant(tenant("two")).inner().clone(),
            ];
            let inbox = Arc::clone(&inbox);
            threads.spawn(move || write_for_ever::<T>(thread, &trackers, &inbox, began, interval));
        }
    });
}

fn write_for_ever<T: Subject>(
    thread: u64,
    trackers: &[opledger::Tracker<EmbeddedStore<T::Engine>>; 3],
    inbox: &Inbox,
    began: Instant,
    interval: bool,
) {
    let ack = |what: &str, hk: Hash| println!("ack {what} {hk} {thread} {}", began.elapsed().as_micros());
    for turn in 0_u64.. {
        let tracker = &trackers[(turn % 3) as usize];
        let new = NewOperation::new(format!("work {thread} {turn}")).script_type(TYPES[(turn % 4) as usize]);
        let new = if turn % 50 == 3 { new.sql_command("x".repeat(120_000)) } else { new };
        let mut handle = pollster::block_on(tracker.start(new)).unwrap();
        let hk = handle.hash_key();
        ack("started", hk);
        let note = || Additions { metadata: Some(Metadata::parse(r#"{"note": 1}"#).unwrap()), ..Additions::default() };
        match turn % 5 {
            0 => {
                assert_eq!(pollster::block_on(handle.annotate(note())).unwrap(), Completion::Recorded);
                ack("annotated", hk);
            }
            1 => {
                assert_eq!(pollster::block_on(handle.annotate(note())).unwrap(), Completion::Recorded);
                ack("annotated", hk);
                assert_eq!(pollster::block_on(handle.complete()).unwrap(), Completion::Recorded);
                ack("completed", hk);
            }
            2 => {
                assert_eq!(pollster::block_on(handle.complete()).unwrap(), Completion::Recorded);
                ack("completed", hk);
            }
            3 => {
                assert_eq!(pollster::block_on(handle.fail("it broke")).unwrap(), Completion::Recorded);
                ack("failed", hk);
            }
            _ => {
                // What was started here may be lost within the interval; then its end has nothing to end.
                if !interval {
                    inbox.put(&tracker.finish_intent(hk, Outcome::Success, Additions::default()).unwrap()).unwrap();
                    ack("inbox-completed", hk);
                }
                let new = NewOperation::new(format!("left {thread} {turn}")).script_type("BACKUP");
                let start = Intent::Start(tracker.start_intent(new).unwrap());
                let hk = start.operation();
                inbox.put(&start).unwrap();
                ack("inbox-started", hk);
                inbox.put(&tracker.annotate_intent(hk, note()).unwrap()).unwrap();
                ack("inbox-annotated", hk);
                inbox.put(&tracker.finish_intent(hk, Outcome::Success, Additions::default()).unwrap()).unwrap();
                ack("inbox-completed", hk);
            }
        }
    }
}

#[derive(Debug, Clone)]
struct Ack {
    what: String,
    hk: Hash,
    thread: u64,
    at: Duration,
}

fn parse(line: &str) -> Option<Ack> {
    // The harness may have written the beginning of this line.
    let (_, line) = line.split_once("ack ")?;
    let words: Vec<&str> = line.split(' ').collect();
    let [what, hk, thread, micros] = words.as_slice() else { return None };
    Some(Ack {
        what: (*what).to_owned(),
        hk: hk.parse().ok()?,
        thread: thread.parse().ok()?,
        at: Duration::from_micros(micros.parse().ok()?),
    })
}

/// Lets a child write until `enough` says so, kills it, and gives all that it was told.
fn write_and_kill(dir: &Path, interval: bool, enough: impl Fn(usize, Duration) -> bool) -> Vec<Ack> {
    let mut orders = vec![("OPLEDGER_CRASH_DIR", dir.to_str().unwrap())];
    if interval {
        orders.push(("OPLEDGER_CRASH_INTERVAL", "1"));
    }
    let mut child = again("store_crash::child_writer", &orders);
    let mut acks = Vec::new();
    let mut killed = false;
    let mut text = Vec::new();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    loop {
        text.clear();
        if reader.read_until(b'\n', &mut text).unwrap() == 0 || !text.ends_with(b"\n") {
            break;
        }
        acks.extend(parse(String::from_utf8_lossy(&text).trim_end()));
        if !killed && acks.last().is_some_and(|ack| enough(acks.len(), ack.at)) {
            child.kill().unwrap();
            killed = true;
        }
    }
    let output = child.wait_with_output().unwrap();
    assert!(killed, "the child ended by itself: {}", String::from_utf8_lossy(&output.stderr));
    acks
}

fn is_there(ack: &Ack, operation: Option<&opledger::Operation>) -> bool {
    let Some(open) = operation.map(|operation| &operation.open.attributes) else { return false };
    match ack.what.trim_start_matches("inbox-") {
        "started" => true,
        "annotated" => open.metadata.as_ref().is_some_and(|metadata| metadata.get("note").is_some()),
        "completed" => open.execution_status == Status::Completed && open.execution_duration_ms.is_some(),
        "failed" => open.execution_status == Status::Failed && open.error_message.as_deref() == Some("it broke"),
        _ => false,
    }
}

/// Opens the store and checks all that holds whatever was acknowledged.
fn look<T: Subject>(
    dir: &Path,
    round: u64,
) -> (Tracker<EmbeddedStore<T::Engine>>, BTreeMap<Hash, opledger::Operation>) {
    let tracker = open::<T>(dir);
    assert_eq!(tracker.inner().info().loss, None, "round {round}: a loss is claimed");
    let all = tracker.for_all();
    let there = operations(all.inner().store(), Scope::All);
    let log = scan_all(all.inner().store(), Scope::All, Scan::Log { after: opledger::Position::START });
    for (index, record) in log.iter().enumerate() {
        let Record::Entry(entry) = record else { panic!("{record:?}") };
        let (epoch, place, _) = entry.version.position.parts();
        assert_eq!((epoch, place), (0, index as u64 + 1), "round {round}: a hole in the log");
    }
    let verification = all.verify().unwrap();
    assert!(verification.is_sound(), "round {round}: {:?}", verification.findings);
    assert_eq!(verification.operations, there.len() as u64);
    check_activity(all.inner().store(), all.inner().now());
    for folder in ["inbox", "aside"] {
        let mut left = files(&dir.join(folder));
        // An intent whose writer was killed within `put` was never acknowledged; it goes after an hour.
        left.retain(|path| !path.to_string_lossy().starts_with('.'));
        assert!(left.is_empty(), "round {round}: {folder} has {left:?}");
    }
    (tracker, there)
}

pub fn nothing_acknowledged_is_lost<T: Subject>() {
    let rounds = number("OPLEDGER_CRASH_ROUNDS", 50);
    let dir = tempfile::tempdir().unwrap();
    let mut random = Random(number("OPLEDGER_CRASH_SEED", 1));
    let mut acks: Vec<Ack> = Vec::new();
    let began = Instant::now();
    let mut operations = 0;
    for round in 0..rounds {
        let enough = 1 + random.below(60) as usize;
        acks.extend(write_and_kill(dir.path(), false, |count, _| count >= enough));
        let (tracker, there) = look::<T>(dir.path(), round);
        for ack in &acks {
            let operation = there.get(&ack.hk);
            assert!(is_there(ack, operation), "round {round}: {ack:?} was acknowledged; there is {operation:?}");
        }
        operations = there.len();
        tracker.close().unwrap();
    }
    println!("{rounds} kills, {} acknowledgements, {operations} operations, {:?}", acks.len(), began.elapsed());
}

pub fn an_interval_loses_no_more_than_it_says<T: Subject>() {
    let rounds = number("OPLEDGER_CRASH_ROUNDS", 50).div_ceil(10);
    let dir = tempfile::tempdir().unwrap();
    let mut random = Random(number("OPLEDGER_CRASH_SEED", 2));
    let began = Instant::now();
    let (mut told, mut lost, mut old) = (0, 0, 0);
    for round in 0..rounds {
        let enough = SLACK + INTERVAL + Duration::from_millis(random.below(500));
        let acks = write_and_kill(dir.path(), true, |_, at| at >= enough);
        let (tracker, there) = look::<T>(dir.path(), round);
        let last = acks.iter().map(|ack| ack.at).max().unwrap();
        // Nothing of a thread is there after something that is missing.
        let mut missing: BTreeMap<u64, &Ack> = BTreeMap::new();
        for ack in &acks {
            let is_there = is_there(ack, there.get(&ack.hk));
            if ack.what.starts_with("inbox-") {
                assert!(is_there, "round {round}: {ack:?} was on disk in the inbox");
                continue;
            }
            if ack.at + INTERVAL + SLACK < last {
                assert!(is_there, "round {round}: {ack:?} is lost, {:?} after it was acknowledged", last - ack.at);
                old += 1;
            }
            told += 1;
            if is_there {
                let earlier = missing.get(&ack.thread);
                assert!(earlier.is_none(), "round {round}: {ack:?} is there, but not {earlier:?}");
            } else {
                lost += 1;
                missing.entry(ack.thread).or_insert(ack);
            }
        }
        tracker.close().unwrap();
    }
    println!(
        "{rounds} kills: {told} acknowledged, of these {old} past the interval; {lost} lost; {:?}",
        began.elapsed()
    );
}
