//! Syncing beside an agent's work.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use opledger::store::DynStore;
use opledger::sync::{Agent, Stop};
use opledger::{Error, ErrorKind};
use opledger_memory::MemoryStore;
use opledger_testkit::{Fault, Faulty};
use pollster::block_on;

use super::{agent, contents, operations, work};

const OFTEN: Duration = Duration::from_millis(10);

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < deadline, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn it_goes_on_through_failures_of_every_kind() {
    let (tracker, _) = agent();
    let inner: Arc<dyn DynStore> = Arc::new(MemoryStore::new());
    let (server, faults) = Faulty::new(Arc::clone(&inner));
    let server: Arc<dyn DynStore> = Arc::new(server);
    let tries = Arc::new(AtomicUsize::new(0));
    let (there, tried) = (Arc::clone(&server), Arc::clone(&tries));
    let background = Agent::new(&tracker, "agent-7")
        .unwrap()
        .patience(OFTEN)
        .spawn(OFTEN, move || match tried.fetch_add(1, Ordering::SeqCst) {
            0 | 1 => Err(Error::new(ErrorKind::Connection, "not yet")),
            _ => Ok(Arc::clone(&there)),
        })
        .unwrap();
    for n in 0..50 {
        work(&tracker, &format!("job {n}"), true);
        if n % 10 == 5 {
            faults.fail_commits([
                Fault::After(ErrorKind::Connection),
                Fault::Before(ErrorKind::Permission),
                Fault::Before(ErrorKind::Serialization),
            ]);
            faults.fail_reads(3, ErrorKind::Connection);
        }
    }
    until("all to arrive", || operations(&inner).len() == 50 && faults.failed() >= 30);
    until("the last ends", || contents(&inner) == contents(tracker.store()));
    assert!(tries.load(Ordering::SeqCst) > 3);
    background.stop().unwrap();
}

#[test]
fn it_ends_at_once_when_told_though_the_server_hangs() {
    let (tracker, _) = agent();
    work(&tracker, "job", true);
    let background = Agent::new(&tracker, "agent-7")
        .unwrap()
        .patience(Duration::from_secs(3600))
        .spawn(OFTEN, || {
            let (server, faults) = Faulty::new(MemoryStore::new());
            faults.fail_reads(1_000_000, ErrorKind::Connection);
            Ok(server)
        })
        .unwrap();
    assert!(background.is_running());
    let began = Instant::now();
    background.stop().unwrap();
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}

#[test]
fn it_ends_by_itself_only_when_somebody_has_to_act() {
    let ((old, _), (new, _)) = (agent(), agent());
    let server = Arc::new(MemoryStore::new());
    work(&old, "job", true);
    super::sync(&old, &*server);
    let server: Arc<dyn DynStore> = server;
    let background = Agent::new(&new, "agent-7").unwrap().spawn(OFTEN, move || Ok(Arc::clone(&server))).unwrap();
    until("it to end", || !background.is_running());
    let error = background.stop().unwrap_err();
    assert!(error.message().contains("--new-store"), "{error}");

    let background = Agent::new(&old, "agent-8").unwrap().spawn(OFTEN, || Ok(MemoryStore::new())).unwrap();
    block_on(old.close()).unwrap();
    until("it to end", || !background.is_running());
    assert_eq!(background.stop().unwrap_err().kind(), ErrorKind::Closed);
}

#[test]
fn as_a_future_it_can_go_to_any_executor() {
    fn sendable<T: Send>(work: T) -> T {
        work
    }
    let (tracker, _) = agent();
    work(&tracker, "job", true);
    let server: Arc<dyn DynStore> = Arc::new(MemoryStore::new());
    let (stop, sender) = (Stop::default(), Agent::new(&tracker, "agent-7").unwrap());
    let run = sendable(sender.run(OFTEN, &stop, || std::future::ready(Ok(Arc::clone(&server)))));
    std::thread::scope(|scope| {
        let told = stop.clone();
        let there = Arc::clone(&server);
        scope.spawn(move || {
            until("the job to arrive", || operations(&there).len() == 1);
            told.stop();
        });
        block_on(run).unwrap();
    });
}
