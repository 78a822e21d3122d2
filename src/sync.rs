//! Moving operations between stores, exactly once: [`Agent`] from an agent's log to a server, now and then or in the
//! background, [`copy`](copy()) from any store to any other, and the limits of what may wait for a sync.
//!
//! ```no_run
//! # async fn example<S: opledger::Store, R: opledger::Store>(local: S, server: R) -> opledger::Result<()> {
//! use opledger::Tracker;
//! use opledger::sync::Agent;
//!
//! let tracker = Tracker::new(local);
//! tracker.track_operation("Sweep", "MAINTENANCE").await?.complete().await?;
//! let passed = Agent::new(&tracker, "agent-7")?.sync(&server).await?;
//! println!("{} versions sent, {} conflicts", passed.versions, passed.conflicts);
//! # Ok(()) }
//! ```

mod attempt;
mod background;
mod backlog;
mod backoff;
mod clock;
mod close;
mod compare;
mod conflict;
mod copy;
mod documents;
mod drop_oldest;
mod gap;
mod mark;
mod meter;
mod notice;
mod parcel;
mod pass;
mod reader;
mod record;
mod retention;
mod status;
mod stop;
mod users;

pub use background::Background;
pub use backlog::{Limits, Policy};
pub use clock::ClockOffset;
pub use compare::{Comparison, Difference};
pub use conflict::Conflict;
pub use copy::{Copied, copy};
pub use gap::{Cause, Gap};
pub use mark::{Mark, Side};
pub use pass::{Agent, Passed};
pub use retention::Retention;
pub use status::{Peer, Status, Waiting};
pub use stop::Stop;
pub use users::UsersCarried;

pub(crate) use backlog::Backlog;
pub(crate) use retention::clean;
