//! One holder, many writers: the lock, and the inbox of those who do not get it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::time::{Duration, Instant};

use opledger::blocking::Tracker;
use opledger::intent::Intent;
use opledger::{Additions, Completion, ErrorKind, Hash, Metadata, NewOperation, Outcome, Scope, Status};
use opledger_embedded::{EmbeddedStore, Inbox, Options};

use crate::Subject;
use crate::child::again;
use crate::files::{copy, files};
use crate::store::{open, operations, tenant};

const PATIENCE: Duration = Duration::from_secs(30);

fn start_of<T: Subject>(tracker: &Tracker<EmbeddedStore<T::Engine>>, name: &str) -> (Intent, Hash) {
    let start = Intent::Start(tracker.inner().start_intent(NewOperation::new(name)).unwrap());
    let hk = start.operation();
    (start, hk)
}

fn finish_of<T: Subject>(tracker: &Tracker<EmbeddedStore<T::Engine>>, hk: Hash) -> Intent {
    tracker.inner().finish_intent(hk, Outcome::Success, Additions::default()).unwrap()
}

fn note_of<T: Subject>(tracker: &Tracker<EmbeddedStore<T::Engine>>, hk: Hash, text: &str) -> Intent {
    let additions = Additions { metadata: Some(Metadata::parse(text).unwrap()), ..Additions::default() };
    tracker.inner().annotate_intent(hk, additions).unwrap()
}

fn status<T: Subject>(tracker: &Tracker<EmbeddedStore<T::Engine>>, hk: Hash) -> Option<Status> {
    tracker.for_all().operation(hk).unwrap().map(|operation| operation.open.attributes.execution_status)
}

fn assert_sound<T: Subject>(tracker: &Tracker<EmbeddedStore<T::Engine>>) {
    let verification = tracker.for_all().verify().unwrap();
    assert!(verification.is_sound(), "{:?}", verification.findings);
}

/// A store on which intents can be made while it is closed: a tracker needs a store, any store.
fn maker<T: Subject>() -> (tempfile::TempDir, Tracker<EmbeddedStore<T::Engine>>) {
    let dir = tempfile::tempdir().unwrap();
    let tracker = open::<T>(dir.path());
    (dir, tracker)
}

/// Not a test by itself: holds a store until it is killed.
pub fn child_holder<T: Subject>() {
    let Ok(dir) = std::env::var("OPLEDGER_HOLD_DIR") else { return };
    let options = Options { holder: "the nightly agent".to_owned(), ..Options::default() };
    let tracker = Tracker::new(EmbeddedStore::<T::Engine>::open(dir, options).unwrap());
    println!("holding");
    loop {
        std::thread::sleep(Duration::from_millis(20));
        let _ = tracker.for_all().inner().info();
    }
}

fn refused<T: Subject>(dir: &Path, wait: Duration) -> opledger::Error {
    let began = Instant::now();
    let error = EmbeddedStore::<T::Engine>::open(dir, Options { lock_wait: wait, ..Options::default() }).unwrap_err();
    assert!(began.elapsed() >= wait, "it gave up after {:?}", began.elapsed());
    assert_eq!(error.kind(), ErrorKind::Locked);
    assert_eq!(error.kind().sqlstate(), "55P03");
    error
}

pub fn who_comes_second_is_told_who_holds_the_store<T: Subject>() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = again("store_lock::child_holder", &[("OPLEDGER_HOLD_DIR", dir.path().to_str().unwrap())]);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().ends_with("holding")));
    let error = refused::<T>(dir.path(), Duration::from_millis(200));
    let message = error.message();
    assert!(message.contains(&format!("process {}", child.id())), "{message}");
    assert!(message.contains("the nightly agent"), "{message}");

    // Who waits gets it when the holder ends, also by kill -9.
    let path = dir.path().to_owned();
    let waiter = std::thread::spawn(move || {
        EmbeddedStore::<T::Engine>::open(path, Options { lock_wait: PATIENCE, ..Options::default() }).map(Tracker::new)
    });
    std::thread::sleep(Duration::from_millis(100));
    assert!(!waiter.is_finished());
    child.kill().unwrap();
    child.wait().unwrap();
    let tracker = waiter.join().unwrap().unwrap();

    // A second handle in the same process is no better, and names this process.
    let message = refused::<T>(dir.path(), Duration::from_millis(50)).message().to_owned();
    assert!(message.contains(&format!("process {}", std::process::id())), "{message}");
    assert!(!message.contains("nightly"), "{message}");
    tracker.close().unwrap();
    drop(open::<T>(dir.path()));
    assert_sound::<T>(&open::<T>(dir.path()));
}

pub fn the_holder_answers_with_what_others_put_in_the_inbox<T: Subject>() {
    let dir = tempfile::tempdir().unwrap();
    let tracker = open::<T>(dir.path());
    let inbox = Inbox::at(dir.path());
    for turn in 0..20 {
        let (start, hk) = start_of::<T>(&tracker, &format!("from outside {turn}"));
        inbox.put(&start).unwrap();
        assert_eq!(status::<T>(&tracker, hk), Some(Status::Running), "turn {turn}");
        inbox.put(&finish_of::<T>(&tracker, hk)).unwrap();
        assert_eq!(
            operations(tracker.inner().store(), Scope::System)[&hk].open.attributes.execution_status,
            Status::Completed
        );
    }
    assert_eq!(files(&dir.path().join("inbox")).len(), 0);
    assert_sound::<T>(&tracker);
}

pub fn who_waits_is_told_what_became_of_it<T: Subject>() {
    let dir = tempfile::tempdir().unwrap();
    let tracker = open::<T>(dir.path());
    let inbox = Inbox::at(dir.path());
    let (start, hk) = start_of::<T>(&tracker, "asked for");
    assert_eq!(inbox.put_and_wait(&start, PATIENCE).unwrap(), Some(Completion::Recorded));
    let failure = Outcome::Failure(Some("no".to_owned()));
    let fail = tracker.inner().finish_intent(hk, failure, Additions::default()).unwrap();
    assert_eq!(inbox.put_and_wait(&fail, PATIENCE).unwrap(), Some(Completion::Recorded));
    let again = inbox.put_and_wait(&finish_of::<T>(&tracker, hk), PATIENCE).unwrap();
    assert_eq!(again, Some(Completion::AlreadyFinished(Status::Failed)));
    let nobody = finish_of::<T>(&tracker, opledger::hash_key("nobody"));
    assert_eq!(inbox.put_and_wait(&nobody, PATIENCE).unwrap(), Some(Completion::Unknown));
    let stranger = finish_of::<T>(&tracker.for_tenant(tenant("one")), hk);
    assert_eq!(inbox.put_and_wait(&stranger, PATIENCE).unwrap(), Some(Completion::Unknown));
    // The same key with other content is an error that says so.
    let Intent::Start(mut other) = start else { panic!() };
    other.attributes.script_type = "OTHER".to_owned();
    let error = inbox.put_and_wait(&Intent::Start(other), PATIENCE).unwrap_err();
    println!("a conflict through the inbox: {} {error}", error.kind().sqlstate());
    assert_eq!(files(&dir.path().join("answers")).len(), 0, "answers that were read are gone");
    tracker.close().unwrap();
    let nobody_holds_it = inbox.put_and_wait(&finish_of::<T>(&maker::<T>().1, hk), Duration::from_millis(50)).unwrap();
    assert_eq!(nobody_holds_it, None);
    assert_sound::<T>(&open::<T>(dir.path()));
}

pub fn a_thousand_intents_wait_for_the_next_who_opens<T: Subject>() {
    let dir = tempfile::tempdir().unwrap();
    open::<T>(dir.path()).close().unwrap();
    let (_other, maker) = maker::<T>();
    let inbox = Inbox::at(dir.path());
    let mut keys = Vec::new();
    for turn in 0..500 {
        let (start, hk) = start_of::<T>(&maker, &format!("waits {turn}"));
        inbox.put(&start).unwrap();
        inbox.put(&finish_of::<T>(&maker, hk)).unwrap();
        keys.push(hk);
    }
    let began = Instant::now();
    let tracker = open::<T>(dir.path());
    assert_eq!(status::<T>(&tracker, keys[0]), Some(Status::Completed));
    println!("1000 intents folded in at opening: {:?}", began.elapsed());
    for hk in &keys {
        assert_eq!(status::<T>(&tracker, *hk), Some(Status::Completed));
    }
    assert_eq!(files(&dir.path().join("inbox")).len(), 0);
    assert_eq!(files(&dir.path().join("aside")).len(), 0);
    assert_sound::<T>(&tracker);
}

pub fn a_damaged_intent_is_kept_and_named<T: Subject>() {
    let dir = tempfile::tempdir().unwrap();
    open::<T>(dir.path()).close().unwrap();
    let (_other, maker) = maker::<T>();
    let inbox = Inbox::at(dir.path());
    let (good, hk) = start_of::<T>(&maker, "good");
    inbox.put(&good).unwrap();
    let (bad, _) = start_of::<T>(&maker, "bad");
    inbox.put(&bad).unwrap();
    let names = files(&dir.path().join("inbox"));
    let name = names.last().unwrap();
    let path = dir.path().join("inbox").join(name);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x20;
    fs::write(&path, &bytes).unwrap();
    let tracker = open::<T>(dir.path());
    assert_eq!(status::<T>(&tracker, hk), Some(Status::Running));
    assert_eq!(fs::read(dir.path().join("aside/damaged").join(name)).unwrap(), bytes);
    let verification = tracker.for_all().verify().unwrap();
    let [finding] = verification.findings.as_slice() else { panic!("{:?}", verification.findings) };
    assert!(finding.record.contains(name.to_str().unwrap()), "{finding:?}");
}

pub fn folding_in_twice_changes_nothing<T: Subject>() {
    let dir = tempfile::tempdir().unwrap();
    open::<T>(dir.path()).close().unwrap();
    let (_other, maker) = maker::<T>();
    let inbox = Inbox::at(dir.path());
    let (start, hk) = start_of::<T>(&maker, "once");
    inbox.put(&start).unwrap();
    for text in [r#"{"a": 1}"#, r#"{"a": 2}"#, r#"{"a": 1}"#] {
        inbox.put(&note_of::<T>(&maker, hk, text)).unwrap();
    }
    let (open_start, open_hk) = start_of::<T>(&maker, "stays open");
    inbox.put(&open_start).unwrap();
    for text in [r#"{"a": 1}"#, r#"{"a": 2}"#] {
        inbox.put(&note_of::<T>(&maker, open_hk, text)).unwrap();
    }
    inbox.put(&finish_of::<T>(&maker, hk)).unwrap();
    let kept = tempfile::tempdir().unwrap();
    copy(&dir.path().join("inbox"), kept.path());

    let read = |tracker: &Tracker<EmbeddedStore<T::Engine>>| {
        let versions = [hk, open_hk].map(|hk| tracker.versions(hk).unwrap().rows);
        assert_eq!((versions[0].len(), versions[1].len()), (5, 3));
        assert_eq!(versions[0][4].attributes.execution_status, Status::Completed);
        versions
    };
    let tracker = open::<T>(dir.path());
    let first = read(&tracker);
    tracker.close().unwrap();
    for round in 0..2 {
        // As after a crash between the commit and the removal of the files; in the second round of some only.
        for (index, name) in files(kept.path()).iter().enumerate() {
            if round == 0 || index % 2 == 1 {
                fs::copy(kept.path().join(name), dir.path().join("inbox").join(name)).unwrap();
            }
        }
        let tracker = open::<T>(dir.path());
        assert_eq!(read(&tracker), first, "round {round}");
        assert_eq!(files(&dir.path().join("inbox")).len(), 0, "round {round}");
        assert_eq!(files(&dir.path().join("aside")).len(), 0, "round {round}: what was recorded is called refused");
        assert_sound::<T>(&tracker);
        tracker.close().unwrap();
    }
}

pub fn an_end_may_come_before_its_start_by_name<T: Subject>() {
    let dir = tempfile::tempdir().unwrap();
    open::<T>(dir.path()).close().unwrap();
    let (_other, maker) = maker::<T>();
    let inbox = Inbox::at(dir.path());
    let mut keys = Vec::new();
    for turn in 0..10 {
        let (start, hk) = start_of::<T>(&maker, &format!("late {turn}"));
        inbox.put(&finish_of::<T>(&maker, hk)).unwrap();
        inbox.put(&start).unwrap();
        keys.push(hk);
    }
    let tracker = open::<T>(dir.path());
    for hk in keys {
        assert_eq!(status::<T>(&tracker, hk), Some(Status::Completed));
    }
    assert_eq!(files(&dir.path().join("aside")).len(), 0);
    assert_sound::<T>(&tracker);
}

pub fn a_tenant_reaches_nobody_else_through_the_inbox<T: Subject>() {
    let dir = tempfile::tempdir().unwrap();
    let tracker = open::<T>(dir.path());
    let inbox = Inbox::at(dir.path());
    let (one, two) = (tracker.for_tenant(tenant("one")), tracker.for_tenant(tenant("two")));
    let own = one.track_operation("of one", "BACKUP").unwrap().hash_key();
    let system = tracker.track_operation("of the system", "BACKUP").unwrap().hash_key();
    inbox.put(&finish_of::<T>(&two, own)).unwrap();
    inbox.put(&note_of::<T>(&two, own, r#"{"x": 1}"#)).unwrap();
    inbox.put(&finish_of::<T>(&two, system)).unwrap();
    inbox.put(&finish_of::<T>(&tracker, own)).unwrap();
    assert_eq!(status::<T>(&tracker, own), Some(Status::Running));
    assert_eq!(status::<T>(&tracker, system), Some(Status::Running));
    assert_eq!(files(&dir.path().join("inbox")).len(), 0);
    assert_eq!(files(&dir.path().join("aside/refused")).len(), 4);
    for (own_tracker, hk) in [(&one, own), (&tracker, system)] {
        assert_eq!(own_tracker.versions(hk).unwrap().rows.len(), 1);
        inbox.put(&finish_of::<T>(own_tracker, hk)).unwrap();
        assert_eq!(status::<T>(&tracker, hk), Some(Status::Completed));
    }
    assert_eq!(two.operation(own).unwrap(), None);
    assert_eq!(files(&dir.path().join("aside/refused")).len(), 4);
    assert_sound::<T>(&tracker);
}
