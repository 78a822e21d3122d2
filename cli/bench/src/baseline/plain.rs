//! An engine of ours with the layout that one would write first: hub, versions and time index as entries of their own.
//! A pair writes five of them: hub, version and index entry, then a version and the index entry anew.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use opledger::store::Unit;
use opledger::{Error, ErrorKind, Hash, Result, Status, Timestamp};
use opledger_embedded::engine::{Batch, Engine};
use serde::{Deserialize, Serialize};

use super::Baseline;
use super::row::{self, HubRow, VersionRow};
use crate::failure::{engine, io};
use crate::ledger::{Figures, Reader, now};

/// Operations removed in one batch, as many as ours.
const REMOVED: usize = 500;

/// The plain layout over an engine.
#[derive(Debug)]
pub struct Plain<E> {
    engine: E,
    /// Whether closing gives disk back, as a store of ours does after a cleanup.
    removed: AtomicBool,
}

/// What the time index says of an operation.
#[derive(Debug, Serialize, Deserialize)]
struct IndexRow {
    status: u8,
    script_type: String,
    duration_ms: Option<i32>,
}

impl<E: Engine> Plain<E> {
    /// Opens or makes it in the folder `dir`.
    ///
    /// # Errors
    /// Gives what the engine says.
    pub fn open(dir: &Path) -> Result<Self> {
        let (files, aside) = (dir.join("plain"), dir.join("aside"));
        std::fs::create_dir_all(&files).map_err(io("make", &files))?;
        let engine = E::open(&files, &aside).map_err(engine("open"))?;
        Ok(Self { engine, removed: AtomicBool::new(false) })
    }

    fn range(&self, from: &[u8], to: &[u8], reverse: bool, each: &mut Each<'_>) -> Result<()> {
        let mut failed = Ok(());
        let mut visit = |key: &[u8], value: &[u8]| match each(key, value) {
            Ok(flow) => flow,
            Err(error) => {
                failed = Err(error);
                ControlFlow::Break(())
            }
        };
        self.engine.range(from, to, reverse, &mut visit).map_err(engine("range"))?;
        failed
    }

    /// An operation's newest version.
    fn newest(&self, hk: &[u8]) -> Result<Option<VersionRow>> {
        let mut found = None;
        self.range(&key(b'V', &[hk]), &key(b'V', &[hk, &[0xff; 9]]), true, &mut |_, value| {
            found = Some(row::decode(value)?);
            Ok(ControlFlow::Break(()))
        })?;
        Ok(found)
    }
}

type Each<'a> = dyn FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>> + 'a;

/// Kinds in upper case: an engine of ours must not take these for index entries of the layout, and pack them.
fn key(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut key = vec![kind];
    parts.iter().for_each(|part| key.extend_from_slice(part));
    key
}

fn hk_of(index_key: &[u8]) -> &[u8] {
    index_key.get(9..).unwrap_or_default()
}

impl<E: Engine> Baseline for Plain<E> {
    fn commit(&self, units: &[Unit]) -> Result<()> {
        let mut batch = Batch::default();
        for unit in units {
            let (hub, version) = row::rows(unit)?;
            if let Some(hub) = hub {
                batch.entries.push((key(b'H', &[&version.hk]), Some(row::encode(&hub)?)));
            }
            let (load_date, started) = (version.load_date.to_be_bytes(), version.execution_timestamp.to_be_bytes());
            let index = IndexRow {
                status: version.execution_status,
                script_type: version.script_type.clone(),
                duration_ms: version.execution_duration_ms,
            };
            batch.entries.push((key(b'V', &[&version.hk, &load_date]), Some(row::encode(&version)?)));
            batch.entries.push((key(b'T', &[&started, &version.hk]), Some(row::encode(&index)?)));
        }
        self.engine.apply(batch).map_err(engine("apply"))
    }

    fn sync(&self) -> Result<()> {
        self.engine.sync().map_err(engine("sync"))
    }

    fn reader(&self) -> Option<&dyn Reader> {
        Some(self)
    }

    fn recount(&self, each: &mut dyn FnMut(Option<u64>, Status)) -> Result<u64> {
        let (mut hubs, mut indexed, mut versions) = (Vec::new(), 0_usize, 0);
        self.range(b"H", b"I", false, &mut |key, value| {
            row::decode::<HubRow>(value)?;
            hubs.push(key.get(1..).unwrap_or_default().to_vec());
            Ok(ControlFlow::Continue(()))
        })?;
        self.range(b"T", b"U", false, &mut |_, value| {
            row::decode::<IndexRow>(value)?;
            indexed += 1;
            Ok(ControlFlow::Continue(()))
        })?;
        self.range(b"V", b"W", false, &mut |_, value| {
            row::decode::<VersionRow>(value)?;
            versions += 1;
            Ok(ControlFlow::Continue(()))
        })?;
        if indexed != hubs.len() {
            let message = format!("{} hubs, and {indexed} entries of the time index", hubs.len());
            return Err(Error::new(ErrorKind::Corrupt, message));
        }
        for hk in &hubs {
            let newest = self.newest(hk)?;
            let newest = newest.ok_or_else(|| Error::new(ErrorKind::Corrupt, "a hub has no version"))?;
            each(newest.number(), row::status(newest.execution_status)?);
        }
        Ok(versions)
    }

    fn close(mut self) -> Result<()> {
        if self.removed.into_inner() {
            self.engine.give_back().map_err(engine("give back"))?;
        }
        self.engine.close().map_err(engine("close"))
    }
}

impl<E: Engine> Reader for Plain<E> {
    fn look_up(&self, hk: Hash) -> Result<Option<Status>> {
        if self.engine.get(&key(b'H', &[hk.as_bytes()])).map_err(engine("get"))?.is_none() {
            return Ok(None);
        }
        self.newest(hk.as_bytes())?.map(|version| row::status(version.execution_status)).transpose()
    }

    fn history(&self, limit: usize) -> Result<usize> {
        let since = now().days_before(7).as_micros().to_be_bytes();
        let mut keys = Vec::new();
        self.range(&key(b'T', &[&since]), b"U", true, &mut |key, _| {
            keys.push(hk_of(key).to_vec());
            Ok(if keys.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
        let mut rows = 0;
        for hk in &keys {
            rows += usize::from(self.newest(hk)?.is_some());
        }
        Ok(rows)
    }

    /// There is nothing but the index to count in: all of it.
    fn figures(&self, at: Timestamp) -> Result<Figures> {
        let since = key(b'T', &[&at.days_before(1).as_micros().to_be_bytes(), &[0xff; 32]]);
        let (mut figures, mut durations) = (Figures::default(), Vec::new());
        self.range(b"T", b"U", false, &mut |key, value| {
            let row: IndexRow = row::decode(value)?;
            let status = row::status(row.status)?;
            let last = key > since.as_slice();
            let running = status == Status::Running;
            figures.total += 1;
            figures.running += u64::from(running);
            figures.stale += u64::from(running && !last);
            if last {
                figures.operations += 1;
                figures.completed += u64::from(status == Status::Completed);
                figures.failed += u64::from(status == Status::Failed);
                figures.ddl += u64::from(row.script_type == "DDL_AUTO");
                durations.extend(row.duration_ms);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        durations.sort_unstable();
        figures.p95_ms = durations.get((durations.len() * 95).div_ceil(100).saturating_sub(1)).copied();
        Ok(figures)
    }

    fn dashboard(&self) -> Result<()> {
        self.figures(now()).map(drop)
    }

    fn cleanup(&self, days: u32) -> Result<u64> {
        let to = key(b'T', &[&now().days_before(days).as_micros().to_be_bytes()]);
        let (mut from, mut removed) = (b"T".to_vec(), 0);
        loop {
            let (mut old, mut resume) = (Vec::new(), from.clone());
            self.range(&from, &to, false, &mut |key, value| {
                resume = [key, &[0]].concat();
                if row::decode::<IndexRow>(value)?.status != row::code(Status::Running) {
                    old.push(key.to_vec());
                }
                Ok(if old.len() < REMOVED { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
            })?;
            if old.is_empty() {
                return Ok(removed);
            }
            let mut batch = Batch::default();
            for index in &old {
                let hk = hk_of(index);
                self.range(&key(b'V', &[hk]), &key(b'V', &[hk, &[0xff; 9]]), false, &mut |key, _| {
                    batch.entries.push((key.to_vec(), None));
                    Ok(ControlFlow::Continue(()))
                })?;
                batch.entries.push((key(b'H', &[hk]), None));
                batch.entries.push((index.clone(), None));
            }
            self.engine.apply(batch).map_err(engine("apply"))?;
            self.removed.store(true, Ordering::Relaxed);
            removed += old.len() as u64;
            from = resume;
        }
    }
}
