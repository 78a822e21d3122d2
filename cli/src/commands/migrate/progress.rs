//! What a run tells on stderr while it goes on: a bar on a terminal, nothing elsewhere.

use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressStyle};
use opledger::migrate::Event;

use crate::exit;
use crate::output::harmless;

const STYLE: &str = "{prefix} {wide_bar} {pos}/{len} statements {elapsed}";

pub(super) struct Progress {
    bar: Option<ProgressBar>,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self { bar: io::stderr().is_terminal().then(|| ProgressBar::new(0)) }
    }

    pub(super) fn tell(&self, event: &Event<'_>) {
        if let Event::Waiting { holder } = event {
            exit::note(format_args!("waiting for another migration: {holder}"));
        }
        let Some(bar) = &self.bar else { return };
        match event {
            Event::Begun { file, number, of, statements } => {
                bar.reset();
                bar.set_length(u64::try_from(*statements).unwrap_or(u64::MAX));
                bar.set_prefix(format!("[{number}/{of}] {}", harmless(file)));
                if let Ok(style) = ProgressStyle::with_template(STYLE) {
                    bar.set_style(style);
                }
            }
            Event::Statement { number, .. } => bar.set_position(u64::try_from(*number).unwrap_or(u64::MAX)),
            Event::Ended(_) => bar.finish_and_clear(),
            _ => {}
        }
    }
}
