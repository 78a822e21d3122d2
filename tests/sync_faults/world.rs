//! A run of one seed, in this process.

use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use opledger::store::DynStore;
use opledger::sync::Agent;
use opledger::{Additions, ErrorKind, Handle, Hash, Metadata, NewOperation, Store, Tracker};
use opledger_engine_testkit::random::Random;
use opledger_memory::MemoryStore;
use opledger_sled::{Durability, Options, SledStore};
use opledger_testkit::{Factory, Fault, Faults, Faulty, ManualClock};
use pollster::block_on;

use super::Counts;
use super::compare::compare;
use super::network::Network;
use super::support::InDatabase;

/// Things that happen in one run.
const STEPS: u64 = 240;

type Local = Faulty<Arc<dyn DynStore>>;

/// An agent, and how its disk fails.
pub(crate) struct Robot {
    name: String,
    on_disk: bool,
    dir: tempfile::TempDir,
    clock: ManualClock,
    pub(crate) tracker: Tracker<Local>,
    faults: Faults,
    running: Vec<Handle<Local>>,
}

enum Home {
    Memory,
    Disk(tempfile::TempDir),
    Database(InDatabase),
}

pub(crate) struct World {
    random: Random,
    robots: Vec<Robot>,
    home: Home,
    network: Network,
    /// Operations that somebody else ended on the server.
    touched: Vec<Hash>,
    counts: Counts,
}

fn sled(dir: &Path) -> Arc<dyn DynStore> {
    // Nothing is killed here, so nothing has to be synced: that is for the runs with processes.
    let durability = Durability::Interval(Duration::from_secs(3600));
    Arc::new(SledStore::open(dir, Options { durability, ..Options::default() }).unwrap())
}

impl Robot {
    fn new(name: String, on_disk: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = ManualClock::new("2024-01-15T12:00:00Z".parse().unwrap());
        let store: Arc<dyn DynStore> = if on_disk { sled(dir.path()) } else { Arc::new(MemoryStore::new()) };
        let (tracker, faults) = tracker(store, &clock);
        Self { name, on_disk, dir, clock, tracker, faults, running: Vec::new() }
    }

    /// Closes the store and opens it again, as another process.
    fn restart(&mut self) {
        self.running.clear();
        block_on(self.tracker.close()).unwrap();
        (self.tracker, self.faults) = tracker(Arc::new(MemoryStore::new()), &self.clock);
        (self.tracker, self.faults) = tracker(sled(self.dir.path()), &self.clock);
    }
}

fn tracker(store: Arc<dyn DynStore>, clock: &ManualClock) -> (Tracker<Local>, Faults) {
    let (store, faults) = Faulty::new(store);
    (Tracker::builder().clock(clock.clone()).record_source("robot").build(store), faults)
}

/// Lets a future make so many steps, then forgets it: as if its process had ended there. None when it was forgotten.
fn cut<T>(work: impl Future<Output = T>, steps: u64) -> Option<T> {
    let mut work = pin!(work);
    let mut context = Context::from_waker(Waker::noop());
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut done = 0;
    while done < steps && Instant::now() < deadline {
        match work.as_mut().poll(&mut context) {
            Poll::Ready(value) => return Some(value),
            Poll::Pending => done += 1,
        }
        std::thread::yield_now();
    }
    None
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let robots = (0..2).map(|n| Robot::new(format!("robot {n}"), (seed + n).is_multiple_of(4))).collect();
        let home = match seed % 20 {
            1 => Home::Database(InDatabase::new()),
            n if n % 5 == 0 => Home::Disk(tempfile::tempdir().unwrap()),
            _ => Home::Memory,
        };
        let mut counts = Counts::new();
        let server: Arc<dyn DynStore> = match &home {
            Home::Memory => Arc::new(MemoryStore::new()),
            Home::Disk(dir) => {
                counts.insert("servers on disk", 1);
                sled(dir.path())
            }
            Home::Database(database) => {
                counts.insert("servers in PostgreSQL", 1);
                Arc::new(database.open())
            }
        };
        let network = Network::new(server, seed ^ 0x5eed);
        Self { random: Random(seed), robots, home, network, touched: Vec::new(), counts }
    }

    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    pub(crate) fn run(mut self, counts: &mut Counts) {
        for _ in 0..STEPS {
            let n = usize::try_from(self.random.below(2)).unwrap();
            match self.random.below(24) {
                0..=8 => self.start(n),
                9..=11 => self.annotate(n),
                12..=17 => self.end(n),
                18 => self.jump(n),
                19 => self.restart(n),
                20 => self.meddle(n),
                _ => self.sync(n),
            }
        }
        for (fault, count) in block_on(self.network.heal()) {
            *self.counts.entry(fault).or_default() += count;
        }
        for robot in &self.robots {
            // What was to fail next may fail still: that is tried again.
            let passed = block_on(agent(robot, 1000).patience(Duration::from_secs(60)).sync(&self.network)).unwrap();
            assert_eq!(passed.gaps, 0);
            assert_eq!(block_on(agent(robot, 1000).sync(&self.network)).unwrap().versions, 0, "all is sent");
        }
        let trackers: Vec<_> = self.robots.iter().map(|robot| &robot.tracker).collect();
        let operations = compare(&trackers, &self.network.server(), &self.touched);
        *self.counts.entry("operations").or_default() += operations;
        for (what, count) in self.counts {
            *counts.entry(what).or_default() += count;
        }
    }

    fn start(&mut self, n: usize) {
        let robot = &mut self.robots[n];
        robot.clock.elapse(Duration::from_millis(self.random.below(5000)));
        let text = "x".repeat(usize::try_from(self.random.below(200)).unwrap());
        let new = NewOperation::new(format!("job of {}", robot.name)).sql_command(text);
        if let Ok(handle) = block_on(robot.tracker.start(new)) {
            robot.running.push(handle);
        }
    }

    fn annotate(&mut self, n: usize) {
        let value = self.random.below(4).to_string();
        let robot = &mut self.robots[n];
        let which = self.random.below(u64::try_from(robot.running.len()).unwrap());
        let Some(handle) = robot.running.get_mut(usize::try_from(which).unwrap()) else { return };
        let metadata = Some(Metadata::from_pairs([("step", value)]).unwrap());
        let _may_fail = block_on(handle.annotate(Additions { metadata, ..Additions::default() }));
    }

    fn end(&mut self, n: usize) {
        let robot = &mut self.robots[n];
        let which = self.random.below(u64::try_from(robot.running.len()).unwrap());
        if robot.running.is_empty() {
            return;
        }
        let handle = robot.running.swap_remove(usize::try_from(which).unwrap());
        let _may_fail = match self.random.below(5) {
            0 => block_on(handle.fail("it broke")),
            _ => block_on(handle.complete()),
        };
    }

    fn jump(&mut self, n: usize) {
        let micros = i64::try_from(self.random.below(172_800_000_000)).unwrap();
        let ahead = self.random.below(2) == 0;
        self.robots[n].clock.jump(if ahead { micros } else { -micros });
        self.count(if ahead { "the clock jumped ahead" } else { "the clock jumped back" });
    }

    fn restart(&mut self, n: usize) {
        if self.random.below(2) == 0 {
            if self.robots[n].on_disk {
                self.robots[n].restart();
                self.count("the agent was restarted");
            }
        } else if let Home::Disk(dir) = &self.home {
            block_on(self.network.server().close()).unwrap();
            self.network.replace(Arc::new(MemoryStore::new()));
            self.network.replace(sled(dir.path()));
            self.count("the server was restarted");
        }
    }

    /// Somebody else ends an operation on the server: what the agent says of it later is a conflict.
    fn meddle(&mut self, n: usize) {
        let which = self.random.below(u64::try_from(self.robots[n].running.len()).unwrap());
        let Some(handle) = self.robots[n].running.get(usize::try_from(which).unwrap()) else { return };
        let server = Tracker::new(self.network.server());
        let hk = handle.hash_key();
        if block_on(server.complete_operation(hk, false, Some("somebody else ended it"))).unwrap().is_recorded() {
            self.touched.push(hk);
            self.count("somebody else ended an operation");
        }
    }

    fn sync(&mut self, n: usize) {
        let full = self.random.below(4) == 0;
        if full {
            let fault = [Fault::Before, Fault::After][usize::try_from(self.random.below(2)).unwrap()];
            self.robots[n].faults.fail_commits([fault(ErrorKind::DiskFull)]);
        }
        let failed = self.robots[n].faults.failed();
        let batch = usize::try_from(1 + self.random.below(40)).unwrap();
        let steps = if self.random.below(4) == 0 { 1 + self.random.below(12) } else { u64::MAX };
        let sender = agent(&self.robots[n], batch);
        match cut(sender.sync(&self.network), steps) {
            None => self.count("the agent was stopped in a sync"),
            Some(Ok(_)) => self.count("syncs that got to the end"),
            Some(Err(error)) => assert!(error.is_retryable(), "{error}"),
        }
        if self.robots[n].faults.failed() > failed {
            self.count("the agent's disk was full");
        }
    }
}

/// The agent, which tries once: the next sync of the run tries again.
fn agent(robot: &Robot, batch: usize) -> Agent<Local> {
    Agent::new(&robot.tracker, robot.name.clone()).unwrap().batch(batch).patience(Duration::ZERO)
}
