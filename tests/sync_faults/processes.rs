//! Runs with real processes: agents and server are killed, connections cut at any byte.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Child;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use opledger::blocking::Tracker;
use opledger::sync::Agent;
use opledger::{Additions, Hash, Metadata};
use opledger_engine_testkit::child::again;
use opledger_engine_testkit::random::Random;
use opledger_postgres::{Config, PostgresStore};
use opledger_sled::{Options, SledStore};
use opledger_testkit_postgres::{Database, Server};

use super::compare::compare;
use super::proxy::Proxy;
use super::support;
use super::{named, seeds};

/// Operations of each agent.
const OPERATIONS: usize = 150;
/// How long a run may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(240);

#[test]
fn every_row_is_there_once_after_kills_and_cuts() {
    if std::env::var_os("OPLEDGER_AGENT_STORE").is_some() {
        return run_agent();
    }
    let server = Server::start().unwrap();
    let template = server.create_database().unwrap();
    support::install(&template);
    let (mut kills, mut crashes, mut cuts) = (0, 0, 0);
    let mut count = 0;
    for seed in seeds("OPLEDGER_SYNC_PROCESS_SEEDS", 6) {
        let found = named(seed, || run(&template, seed));
        (kills, crashes, cuts) = (kills + found.0, crashes + found.1, cuts + found.2);
        count += 1;
    }
    println!("{count} seeds: {kills} agents killed, {crashes} servers killed, {cuts} connections cut");
    assert!(count == 0 || (kills >= 2 * count && crashes >= count && cuts >= count), "{kills} {crashes} {cuts}");
}

/// An agent: tracks its work, says what was acknowledged, and syncs in the background.
fn run_agent() {
    let var = |name: &str| std::env::var(name).unwrap();
    let (name, dsn) = (var("OPLEDGER_AGENT_NAME"), var("OPLEDGER_AGENT_SERVER"));
    let store = SledStore::open(var("OPLEDGER_AGENT_STORE"), Options::default()).unwrap();
    let tracker = Tracker::new(store);
    let agent = Agent::new(tracker.inner(), name).unwrap().batch(20);
    let connect = move || PostgresStore::open(&Config::with_environment(&dsn, |_| None)?);
    let background = agent.clone().spawn(Duration::from_millis(20), connect.clone()).unwrap();
    let done = tracker.execution_history(&opledger::History::default()).unwrap().rows.len();
    for n in done..OPERATIONS {
        let mut operation = tracker.track_operation(&format!("job {n}"), "MANUAL").unwrap();
        say(&format!("started {}", operation.hash_key()));
        if n % 3 == 0 {
            let metadata = Some(Metadata::from_pairs([("step", n.to_string())]).unwrap());
            operation.annotate(Additions { metadata, ..Additions::default() }).unwrap();
        }
        if n % 10 != 0 {
            let hk = operation.hash_key();
            operation.complete().unwrap();
            say(&format!("ended {hk}"));
        }
    }
    background.stop().unwrap();
    say("worked");
    // All arrives in the end, however often the connection is cut.
    let deadline = Instant::now() + LIMIT;
    while let Err(error) = connect().and_then(|server| pollster::block_on(agent.sync(&server))) {
        assert!(error.is_retryable() && Instant::now() < deadline, "{error}");
    }
    tracker.close().unwrap();
    say("synced");
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n{line}").unwrap();
    out.flush().unwrap();
}

/// A child, and what it says.
struct Running {
    child: Child,
    lines: Receiver<String>,
}

fn spawn(store: &Path, name: &str, dsn: &str) -> Running {
    let orders = [
        ("OPLEDGER_AGENT_STORE", store.to_str().unwrap()),
        ("OPLEDGER_AGENT_NAME", name),
        ("OPLEDGER_AGENT_SERVER", dsn),
    ];
    let mut child = again("processes::every_row_is_there_once_after_kills_and_cuts", &orders);
    let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let (send, lines) = channel();
    std::thread::spawn(move || BufReader::new(out).lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
    std::thread::spawn(move || BufReader::new(err).lines().map_while(Result::ok).for_each(|line| eprintln!("{line}")));
    Running { child, lines }
}

/// One run; gives how many agents and servers were killed, and connections cut.
fn run(template: &Database<'_>, seed: u64) -> (usize, usize, usize) {
    let mut random = Random(seed);
    let server = template.server();
    let database = server.create_database_from(template.name()).unwrap();
    let proxy = Proxy::new(server.socket_folder(), seed);
    let dsn = format!("host={} user=admin dbname={} connect_timeout=5", proxy.folder().display(), database.name());
    let dir = tempfile::tempdir().unwrap();
    let names = ["robot 0", "robot 1"];
    let start = |n: usize| spawn(&dir.path().join(n.to_string()), names[n], &dsn);
    let mut agents: Vec<_> = (0..2).map(start).collect();
    let mut acknowledged: Vec<(Hash, bool)> = Vec::new();
    let (mut kills, mut crashes) = (0, 0);
    let deadline = Instant::now() + LIMIT;

    // After some of what it said, an agent is killed; and now and then the server.
    for round in 0..6 {
        let n = round % 2;
        for _ in 0..10 + random.below(40) {
            match agents[n].lines.recv_timeout(Duration::from_secs(60)) {
                Ok(line) => note(&line, &mut acknowledged),
                Err(_) => break,
            }
        }
        agents[n].child.kill().unwrap();
        agents[n].child.wait().unwrap();
        agents[n].lines.iter().for_each(|line| note(&line, &mut acknowledged));
        kills += 1;
        if round % 3 == 1 {
            server.crash().unwrap();
            server.start_again().unwrap();
            crashes += 1;
        }
        agents[n] = start(n);
    }
    let cuts = proxy.heal();
    for agent in &mut agents {
        let mut synced = false;
        while !synced && Instant::now() < deadline {
            match agent.lines.recv_timeout(Duration::from_secs(60)) {
                Ok(line) => {
                    synced = line == "synced";
                    note(&line, &mut acknowledged);
                }
                Err(_) => break,
            }
        }
        assert!(synced && agent.child.wait().unwrap().success(), "an agent did not get to the end");
    }

    let open = |n: usize| Tracker::new(SledStore::open(dir.path().join(n.to_string()), Options::default()).unwrap());
    let trackers: Vec<_> = (0..2).map(open).collect();
    for (hk, ended) in &acknowledged {
        let found = trackers.iter().find_map(|tracker| tracker.operation(*hk).unwrap()).unwrap();
        assert!(!ended || found.open.attributes.execution_status.is_finished(), "{hk}: its end was acknowledged");
    }
    let there = PostgresStore::open(&support::config(&database, "admin")).unwrap();
    let inner: Vec<_> = trackers.iter().map(Tracker::inner).collect();
    assert_eq!(compare(&inner, &there, &[]), 2 * OPERATIONS);
    assert!(acknowledged.len() > 2 * OPERATIONS, "agents said what they did");
    (kills, crashes, cuts)
}

/// Keeps what an agent said was acknowledged.
fn note(line: &str, acknowledged: &mut Vec<(Hash, bool)>) {
    if let Some((word @ ("started" | "ended"), hk)) = line.split_once(' ')
        && let Ok(hk) = hk.parse()
    {
        acknowledged.push((hk, word == "ended"));
    }
}
