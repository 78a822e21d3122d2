//! Each version of the log by itself and beside the one before it, and what should follow from all of them. A row is looked
//! at where it stands: nothing is copied out of it but what is hashed.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::ControlFlow;

use opledger::hash::{Canonical, hash_key};
use opledger::store::{Damage, Integrity, audit};
use opledger::{Hash, Result, Status, Tenant, Timestamp};

use super::print::{First, Prints};
use crate::codec::{self, FirstView, NextView, RowView};
use crate::engine::Engine;
use crate::keys;
use crate::reader::Reader;

/// Bytes of texts of running operations kept at hand; one that is forgotten is read when its next version comes.
const AT_HAND: usize = 8 << 20;
/// The longest text whose buffer is used again.
const SPARE: usize = 2 << 10;

/// What was found in a part of the log.
#[derive(Default)]
pub(super) struct Part {
    pub(super) prints: Prints,
    pub(super) found: Integrity,
    /// Whether something can't be read: the sums lack it.
    pub(super) unreadable: bool,
}

/// An operation, as its next version needs it.
struct Running {
    hk: Hash,
    first: First,
    /// Whether the scope sees it.
    is_seen: bool,
    /// What the hash of its first version is of.
    text: Canonical,
    /// Load date and status of its last version so far; none where that can't be read.
    last: Option<(Timestamp, Status)>,
}

impl Running {
    fn size(&self) -> usize {
        self.text.as_str().len() + size_of::<Self>()
    }
}

/// Goes through a part of the log.
struct Auditor<'a, E> {
    reader: &'a Reader<'a, E>,
    part: Part,
    running: BTreeMap<u64, Running>,
    bytes: usize,
    /// Written again for each later version.
    text: Canonical,
    /// The buffer of an operation that ended, for the next one: a new one grows in many steps.
    spare: Canonical,
    tenants: HashMap<u32, Option<Tenant>>,
    types: HashMap<u32, Option<String>>,
    /// What can't be read: of an operation whose first version can't, each later one says the same.
    told: HashSet<Damage>,
}

impl<E: Engine> Reader<'_, E> {
    /// Goes through the versions at the places in `[from, to)`.
    pub(super) fn audit_log(&self, from: u64, to: u64) -> Result<Part> {
        let mut auditor = Auditor {
            reader: self,
            part: Part::default(),
            running: BTreeMap::new(),
            bytes: 0,
            text: Canonical::default(),
            spare: Canonical::default(),
            tenants: HashMap::new(),
            types: HashMap::new(),
            told: HashSet::new(),
        };
        let mut failed = Ok(());
        self.visit_log(from, &mut |place, bytes| {
            if place >= to {
                return ControlFlow::Break(());
            }
            let looked = match bytes.and_then(|bytes| codec::decode_view(bytes).map_err(|reason| named(place, reason)))
            {
                Ok(RowView::First(row)) => Ok(auditor.first(place, &row)),
                Ok(RowView::Next(row)) => auditor.next(place, &row),
                Err(damage) => Ok(Err(damage)),
            };
            match looked {
                Ok(Ok(())) => return ControlFlow::Continue(()),
                Ok(Err(damage)) => auditor.unreadable(damage),
                Err(error) => failed = Err(error),
            }
            if failed.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        failed.map(|()| auditor.part)
    }
}

impl<E: Engine> Auditor<'_, E> {
    fn first(&mut self, place: u64, row: &FirstView<'_>) -> Result<(), Damage> {
        let bk = row.business_key();
        let hk = row.hk.unwrap_or_else(|| hash_key(&bk));
        let first = First::of(row, hk);
        self.part.prints.add(&first, place);
        let (shared, found) = (&self.reader.shared, &mut self.part.found);
        let tenant = *self.tenants.entry(row.tenant).or_insert_with(|| shared.tenant(row.tenant));
        let tenant = tenant.ok_or_else(|| named(place, format!("its tenant {} is unknown", row.tenant)))?;
        let name = self.types.entry(row.script_type).or_insert_with(|| shared.type_name(row.script_type));
        let name = name.as_ref().ok_or_else(|| named(place, format!("its type {} is unknown", row.script_type)))?;
        let is_seen = self.reader.scope.sees(tenant);
        let mut text = std::mem::take(&mut self.spare);
        text.begin();
        if is_seen {
            row.write(name, &mut text);
            found.operations += 1;
            found.versions += 1;
            found.mismatches.extend(row.hk.and_then(|hk| audit::key(hk, &bk).err()));
            found.mismatches.extend(audit::content((hk, row.load_date()), row.hash_diff, text.hash()).err());
        }
        if !row.status().is_finished() {
            let last = Some((row.load_date(), row.status()));
            self.keep(place, Running { hk, first, is_seen, text, last });
        } else {
            self.recycle(text);
        }
        Ok(())
    }

    fn next(&mut self, place: u64, row: &NextView<'_>) -> Result<Result<(), Damage>> {
        let begin = row.first(place);
        let mut running = match self.running.remove(&begin) {
            Some(running) => {
                self.bytes = self.bytes.saturating_sub(running.size());
                running
            }
            None => match self.read(begin, row.previous(place))? {
                Ok(running) => running,
                Err(damage) => return Ok(Err(damage)),
            },
        };
        self.part.prints.follow(&running.first, place, row);
        let (load_date, status) = (row.load_date(running.first.started), row.status());
        let mut written = Ok(());
        if running.is_seen {
            let (hk, found) = (running.hk, &mut self.part.found);
            let reasons = running.last.into_iter().flat_map(|last| audit::follows(load_date, last));
            found.damaged.extend(reasons.map(|reason| Damage::new(audit::name(hk, load_date), reason)));
            written = row.write(&running.text, &mut self.text).map_err(|reason| named(place, reason));
            if written.is_ok() {
                found.versions += 1;
                found.mismatches.extend(audit::content((hk, load_date), row.hash_diff, self.text.hash()).err());
            }
        }
        if !status.is_finished() {
            running.last = Some((load_date, status));
            self.keep(begin, running);
        } else {
            self.recycle(running.text);
        }
        Ok(written)
    }

    fn recycle(&mut self, text: Canonical) {
        // A long one would stay with an operation that says little.
        if text.as_str().len() <= SPARE {
            self.spare = text;
        }
    }

    fn unreadable(&mut self, damage: Damage) {
        self.part.unreadable = true;
        if self.told.insert(damage.clone()) {
            self.part.found.mismatches.push(damage);
        }
    }

    /// Keeps an operation that runs for its next version, and forgets those that began first where they are too many.
    fn keep(&mut self, begin: u64, running: Running) {
        self.bytes += running.size();
        self.running.insert(begin, running);
        while self.bytes > AT_HAND
            && let Some((_, oldest)) = self.running.pop_first()
        {
            self.bytes = self.bytes.saturating_sub(oldest.size());
        }
    }

    /// Reads an operation that is not at hand, by the places of its first version and of the one before the next.
    fn read(&self, begin: u64, previous: u64) -> Result<Result<Running, Damage>> {
        let row = match self.reader.first_row(begin)? {
            Ok(row) => row,
            Err(damage) => return Ok(Err(damage)),
        };
        let first = First::of_row(&row);
        let (hub, version) = match self.reader.first(begin, row) {
            Ok(read) => read,
            Err(damage) => return Ok(Err(damage)),
        };
        let last = if previous == begin {
            Some((version.load_date, version.attributes.execution_status))
        } else {
            // One that can't be read is named at its own place.
            let read = self.reader.next_row(previous)?;
            let read = read.and_then(|row| self.reader.next(previous, row, begin, &version)).ok();
            read.map(|read| (read.load_date, read.attributes.execution_status))
        };
        let mut text = Canonical::default();
        version.attributes.write_canonical(&mut text);
        let is_seen = self.reader.scope.sees(hub.tenant);
        Ok(Ok(Running { hk: hub.script_execution_hk, first, is_seen, text, last }))
    }
}

fn named(place: u64, reason: String) -> Damage {
    Damage::new(keys::version_name(place), reason)
}
