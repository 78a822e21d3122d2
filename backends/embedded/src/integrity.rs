//! Whether all that is stored holds together, in memory that does not grow with the store. The log is read once, in parts
//! beside one another and beside the indexes and counters: every hash is computed again, and what should follow from the log
//! is summed up as a sum of hashes, in which a version takes back what its predecessor stood for. Only where a sum differs
//! from that of what is stored is each operation looked up, to name what is wrong.

mod counters;
mod log;
mod lookup;
mod print;

use std::thread;

use opledger::store::{Damage, Integrity};
use opledger::{Error, ErrorKind, Result};

use crate::engine::Engine;
use crate::reader::Reader;
use log::Part;
use print::Prints;

/// Threads that read the log: more would wait for the engine.
const THREADS: u64 = 4;
/// Places that are worth a thread.
const PART: u64 = 20_000;

impl<E: Engine> Reader<'_, E> {
    /// What was found.
    pub(crate) fn integrity(&self) -> Result<Integrity> {
        let (log, indexes, counters) = thread::scope(|scope| {
            let hubs = scope.spawn(|| self.print_hubs());
            let entries = scope.spawn(|| self.print_entries());
            let counters = scope.spawn(|| self.check_counters());
            let mut log = self.audit_parts()?;
            let mut indexes = Prints::default();
            for part in [hubs, entries] {
                let (part, damaged) = joined(part)?;
                indexes.merge(&part);
                log.unreadable |= !damaged.is_empty();
                log.found.damaged.extend(damaged);
            }
            Ok::<_, Error>((log, indexes, joined(counters)?))
        })?;
        let Part { prints: log, mut found, unreadable } = log;
        if log != indexes || unreadable {
            self.look_up_all(&log, &indexes, &mut found)?;
        }
        found.damaged.extend(counters);
        let met = self.shared.found.iter().filter(|damage| !found.damaged.contains(damage)).cloned();
        let met: Vec<Damage> = met.collect();
        found.damaged.extend(met);
        if self.shared.head_was_damaged {
            found.damaged.push(Damage::new("file HEAD", "a copy of the last acknowledged position was damaged"));
        }
        self.check_aside(&mut found.damaged);
        Ok(found)
    }

    /// Reads the log in parts beside one another.
    fn audit_parts(&self) -> Result<Part> {
        let (_, last, _) = self.shared.tail.last().parts();
        let cores = thread::available_parallelism().map_or(1, |cores| u64::try_from(cores.get()).unwrap_or(1));
        let parts = cores.min(THREADS).min(last / PART + 1);
        let width = last / parts + 1;
        let read = thread::scope(|scope| {
            let parts = (0..parts).map(|part| {
                let (from, to) = (part * width, (part + 1).saturating_mul(width));
                scope.spawn(move || self.audit_log(from, to))
            });
            let parts: Vec<_> = parts.collect();
            parts.into_iter().map(joined).collect::<Result<Vec<_>>>()
        })?;
        let mut whole = Part::default();
        for Part { prints, found, unreadable } in read {
            whole.prints.merge(&prints);
            whole.unreadable |= unreadable;
            whole.found.operations += found.operations;
            whole.found.versions += found.versions;
            whole.found.mismatches.extend(found.mismatches);
            whole.found.damaged.extend(found.damaged);
        }
        Ok(whole)
    }

    /// Intents that came damaged out of the inbox are kept, and stay a finding until a person has looked.
    fn check_aside(&self, found: &mut Vec<Damage>) {
        let folder = self.shared.dir.join("aside").join("damaged");
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            found.push(Damage::new(format!("inbox file {name}"), "it was damaged and is kept in aside/damaged"));
        }
    }
}

fn joined<T>(thread: thread::ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    let panicked = |_| Err(Error::new(ErrorKind::Corrupt, "a thread that read the store panicked"));
    thread.join().unwrap_or_else(panicked)
}
