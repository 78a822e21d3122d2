//! For authors of stores: run the whole contract against yours.
//!
//! ```ignore
//! // In your crate's tests/conformance.rs: one #[test] a case, each on your store as it is, boxed, and
//! // without its push-down.
//! opledger_testkit::conformance_tests!(|| Fresh(MyStore::new));
//!
//! // Random histories, compared with a plain model after every step.
//! #[test]
//! fn keeps_to_the_model() {
//!     opledger_testkit::run_model(|| Fresh(MyStore::new), 64);
//! }
//! ```
//!
//! A store that outlives its process implements [`Factory`], so that cases can close it and open it again.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test support: a case says what is wrong by panicking"
)]

mod bench;
mod cases;
mod clock;
mod factory;
mod faulty;
mod invariants;
mod losing;
mod model;
mod no_pushdown;
mod recount;

pub use bench::Bench;
pub use cases::{Case, cases, conformance, run_case};
pub use clock::ManualClock;
pub use factory::{Boxed, Factory, Fresh, WithoutPushdown};
pub use faulty::{Fault, Faults, Faulty};
pub use invariants::{Facts, check_invariants};
pub use losing::Losing;
pub use model::run_model;
pub use no_pushdown::NoPushdown;
pub use recount::recount;
