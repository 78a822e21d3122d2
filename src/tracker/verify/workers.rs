//! Threads that check versions by themselves while others are read; what they saw comes back in the order of the log.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::chain::Seen;
use crate::error::{Error, ErrorKind, Result};
use crate::store::Entry;

/// More would wait for the reader.
const THREADS: usize = 4;
/// A page with fewer versions is not worth a thread.
const WORTH: usize = 500;

type Page = Vec<Box<Entry>>;

/// The threads, each with a way in and a way out. They end when this is dropped.
#[derive(Default)]
pub(super) struct Workers {
    threads: Vec<(SyncSender<Page>, Receiver<Vec<Seen>>)>,
    /// Whose turn it was, for each page that is under way.
    under_way: VecDeque<usize>,
    turn: usize,
}

impl Workers {
    /// Hands a page over; gives an earlier one, or this one, once it is checked.
    pub(super) fn check(&mut self, page: Page) -> Result<Option<Vec<Seen>>> {
        if self.threads.is_empty() && page.len() >= WORTH {
            self.start();
        }
        self.turn += 1;
        let turn = self.turn.checked_rem(self.threads.len()).unwrap_or(0);
        let earlier = if self.under_way.len() > self.threads.len() { self.rest()? } else { None };
        let Some((way_in, _)) = self.threads.get(turn) else { return Ok(Some(look(&page))) };
        way_in.send(page).map_err(|_| gone())?;
        self.under_way.push_back(turn);
        Ok(earlier)
    }

    /// The next page that is under way, if any.
    pub(super) fn rest(&mut self) -> Result<Option<Vec<Seen>>> {
        let Some((_, way_out)) = self.under_way.pop_front().and_then(|turn| self.threads.get(turn)) else {
            return Ok(None);
        };
        way_out.recv().map(Some).map_err(|_| gone())
    }

    fn start(&mut self) {
        let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        for _ in 0..cores.min(THREADS) {
            let (way_in, pages) = sync_channel::<Page>(2);
            let (seen, way_out) = sync_channel(2);
            let work = move || {
                for page in pages {
                    if seen.send(look(&page)).is_err() {
                        return;
                    }
                }
            };
            // Without threads the reader does it.
            if thread::Builder::new().name("opledger-verify".to_owned()).spawn(work).is_ok() {
                self.threads.push((way_in, way_out));
            }
        }
    }
}

fn look(page: &Page) -> Vec<Seen> {
    page.iter().map(|entry| Seen::of(entry)).collect()
}

fn gone() -> Error {
    Error::new(ErrorKind::Corrupt, "a thread that checked versions panicked")
}
