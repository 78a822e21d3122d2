//! One child process, run as if nobody watched: its standard streams, signals, job control and
//! exit code are those it would have had without us. [`run`] measures it and keeps the end of its
//! stderr; [`Masker`] removes the secrets from what is kept.

mod child;
mod mask;
mod signals;
mod stderr;
mod terminal;

pub use child::{Command, Ended, Prepared, Report, prepare, run};
pub use mask::Masker;
pub use signals::is_ignored;
