//! A store on a file system of 24 MiB that runs full, and goes on when there is room again.
//!
//! The test mounts a tmpfs; where that is not permitted it runs itself again in a user namespace (`unshare -rm`).
//! Where that is not permitted either it fails and says so.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use opledger::blocking::Tracker;
use opledger::intent::Intent;
use opledger::{Completion, ErrorKind, Hash, NewOperation, Scope, Status};
use opledger_embedded::{Durability, EmbeddedStore, Inbox};

use crate::Subject;
use crate::files::{copy, files};
use crate::random::Random;
use crate::store::{check_activity, open, operations, options};

/// How long the store may take to come back by itself.
const PATIENCE: Duration = Duration::from_secs(20);

struct Mount<'a>(&'a Path);

impl Drop for Mount<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

/// Runs `test` with a small file system.
fn with_small_disk(name: &str, test: impl FnOnce(&Path)) {
    let dir = tempfile::tempdir().unwrap();
    let mounted =
        Command::new("mount").args(["-t", "tmpfs", "-o", "size=24m", "opledger-test"]).arg(dir.path()).output();
    if mounted.as_ref().is_ok_and(|mounted| mounted.status.success()) {
        let mount = Mount(dir.path());
        test(mount.0);
        return;
    }
    let inner = std::env::var_os("OPLEDGER_UNSHARED").is_some();
    let unshared = (!inner).then(|| {
        Command::new("unshare")
            .arg("-rm")
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture"])
            .env("OPLEDGER_UNSHARED", "1")
            .status()
    });
    match unshared {
        Some(Ok(status)) => assert!(status.success(), "it failed in a user namespace, or none may be made: {status}"),
        other => {
            panic!("this test needs the right to mount a tmpfs (root, or user namespaces): {mounted:?}, {other:?}")
        }
    }
}

fn big(name: &str) -> NewOperation {
    let mut text = String::new();
    let mut random = Random(name.len() as u64);
    while text.len() < 30_000 {
        text.push_str(&format!("{:x}", random.draw()));
    }
    NewOperation::new(name).script_type("BACKUP").sql_command(text)
}

/// Starts and completes until a write fails; gives what was acknowledged and the error.
fn fill<T: Subject>(tracker: &Tracker<EmbeddedStore<T::Engine>>, name: &str) -> (Vec<(Hash, Status)>, opledger::Error) {
    let mut acknowledged = Vec::new();
    for turn in 0..10_000 {
        let handle = match tracker.start(big(&format!("{name} {turn}"))) {
            Ok(handle) => handle,
            Err(error) => return (acknowledged, error),
        };
        let hk = handle.hash_key();
        acknowledged.push((hk, Status::Running));
        match handle.complete() {
            Ok(completion) => assert_eq!(completion, Completion::Recorded),
            Err(error) => return (acknowledged, error),
        }
        acknowledged.last_mut().unwrap().1 = Status::Completed;
    }
    panic!("the disk never ran full");
}

/// Everything acknowledged is there; where only the start was, its end may have been written or not.
fn check<T: Subject>(tracker: &Tracker<EmbeddedStore<T::Engine>>, acknowledged: &[(Hash, Status)]) {
    let there = operations(tracker.for_all().inner().store(), Scope::All);
    for (hk, status) in acknowledged {
        let stored = there.get(hk).map(|operation| operation.open.attributes.execution_status);
        assert!(
            stored == Some(*status) || (stored.is_some() && *status == Status::Running),
            "{hk}: {status}, {stored:?}"
        );
    }
    let verification = tracker.for_all().verify().unwrap();
    assert!(verification.is_sound(), "{:?}", verification.findings);
    check_activity(tracker.inner().store(), tracker.inner().now());
    println!("{} acknowledged, {} there", acknowledged.len(), there.len());
}

fn eventually<T>(what: &str, mut call: impl FnMut() -> opledger::Result<T>) -> T {
    let began = Instant::now();
    loop {
        match call() {
            Ok(value) => {
                println!("{what}: after {:?}", began.elapsed());
                return value;
            }
            Err(error) => assert!(began.elapsed() < PATIENCE, "{what} still fails: {error}"),
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn goes_on<T: Subject>(dir: &Path, durability: Durability) {
    let store = dir.join("store");
    let ballast = dir.join("ballast");
    fs::write(&ballast, vec![1; 12 << 20]).unwrap();
    let tracker = Tracker::new(EmbeddedStore::<T::Engine>::open(&store, options(durability)).unwrap());
    let (mut acknowledged, error) = fill::<T>(&tracker, "first");
    println!("full after {} operations: {error}", acknowledged.len());
    assert_eq!(error.kind(), ErrorKind::DiskFull, "{error}");
    assert_eq!(error.kind().sqlstate(), "53100");
    assert!(error.is_retryable());
    // As long as it is full, each write says so, and each read answers or says so. Coming back may have made some room.
    let mut refused = 0;
    for turn in 0..200 {
        match tracker.start(big(&format!("full {turn}"))) {
            Ok(handle) => acknowledged.push((handle.hash_key(), Status::Running)),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::DiskFull, "{error}");
                refused += 1;
            }
        }
        if let Err(error) = tracker.operation(acknowledged[0].0) {
            assert_eq!(error.kind(), ErrorKind::DiskFull, "{error}");
        }
        if refused == 3 {
            break;
        }
    }
    assert_eq!(refused, 3, "a full disk takes everything");
    println!("reading while it is full: {:?}", tracker.operation(acknowledged[0].0).map(|found| found.is_some()));

    fs::remove_file(&ballast).unwrap();
    // Reading alone brings it back, too: a dashboard need not wait for a writer.
    let first = eventually("reading again", || tracker.operation(acknowledged[0].0));
    assert!(first.is_some());
    eventually("writing again", || tracker.start(big("after it was full"))).complete().unwrap();
    if durability == Durability::Immediate {
        check::<T>(&tracker, &acknowledged);
    } else {
        assert!(tracker.for_all().verify().unwrap().is_sound());
        let there = operations(tracker.inner().store(), Scope::All);
        let before = acknowledged.len();
        acknowledged.retain(|(hk, _)| there.contains_key(hk));
        println!("{} of {before} are there after an interval's loss", acknowledged.len());
        acknowledged.iter_mut().for_each(|(_, status)| *status = Status::Running);
    }
    // And once more, to the end of the room.
    let (more, error) = fill::<T>(&tracker, "second");
    assert_eq!(error.kind(), ErrorKind::DiskFull, "{error}");
    if durability == Durability::Immediate {
        acknowledged.extend(more);
    }
    let _ = tracker.close();
    drop(tracker);
    // A whole store is copied to where there is room, and is sound there.
    let roomy = tempfile::tempdir().unwrap();
    copy(&store, roomy.path());
    let copied = open::<T>(roomy.path());
    assert_eq!(copied.inner().info().loss, None);
    check::<T>(&copied, &acknowledged);
    println!("aside: {:?}", files(&roomy.path().join("aside")));
}

pub fn a_full_disk_loses_nothing_and_comes_back<T: Subject>() {
    with_small_disk("store_full_disk::a_full_disk_loses_nothing_and_comes_back", |dir| {
        goes_on::<T>(dir, Durability::Immediate)
    });
}

pub fn a_full_disk_within_an_interval_comes_back<T: Subject>() {
    let interval = Durability::Interval(Duration::from_millis(50));
    with_small_disk("store_full_disk::a_full_disk_within_an_interval_comes_back", |dir| goes_on::<T>(dir, interval));
}

pub fn a_full_inbox_says_so_and_keeps_nothing<T: Subject>() {
    with_small_disk("store_full_disk::a_full_inbox_says_so_and_keeps_nothing", |dir| {
        let elsewhere = tempfile::tempdir().unwrap();
        let maker = open::<T>(elsewhere.path());
        let store = dir.join("store");
        open::<T>(&store).close().unwrap();
        let inbox = Inbox::at(&store);
        let start = |name: &str| {
            let start = Intent::Start(maker.inner().start_intent(big(name)).unwrap());
            (start.operation(), start)
        };
        let (first, intent) = start("first");
        inbox.put(&intent).unwrap();
        let ballast = dir.join("ballast");
        let mut room = 24 << 20;
        let mut bytes = Vec::new();
        while room > 1024 {
            // To the last page.
            bytes.extend(std::iter::repeat_n(7_u8, room));
            if fs::write(&ballast, &bytes).is_err() {
                bytes.truncate(bytes.len() - room);
            }
            room /= 2;
        }
        let before = files(&store.join("inbox"));
        assert_eq!(before.len(), 1);
        for turn in 0..3 {
            let error = inbox.put(&start(&format!("no room {turn}")).1).unwrap_err();
            assert_eq!(error.kind().sqlstate(), "53100", "{error}");
            let error = inbox.put_and_wait(&start("no room").1, Duration::from_secs(1)).unwrap_err();
            assert_eq!(error.kind().sqlstate(), "53100", "{error}");
            assert_eq!(files(&store.join("inbox")), before, "a part of an intent stays");
        }
        fs::remove_file(&ballast).unwrap();
        let (last, intent) = start("last");
        // A process that another test is about to begin may have the file open still: its room comes back when that begins.
        eventually("the inbox", || inbox.put(&intent));
        let tracker = open::<T>(&store);
        let there: Vec<Hash> = operations(tracker.inner().store(), Scope::All).into_keys().collect();
        assert_eq!(there.len(), 2);
        assert!(there.contains(&first) && there.contains(&last));
        assert!(tracker.for_all().verify().unwrap().is_sound());
    });
}
