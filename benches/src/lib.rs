//! What the benches share. Ledgers, content and baselines are those of `opledger bench`: [`opledger_bench`].

pub mod server;

use opledger_bench::subject::{Engine, Subject};
pub use opledger_bench::system;

/// All embedded engines, each with its plain layout, and what stands beside them.
#[must_use]
pub fn subjects() -> Vec<Subject> {
    let mut subjects: Vec<_> = Engine::ALL.map(|engine| Subject::Store(engine.name().to_owned())).into();
    subjects.extend(Engine::ALL.map(Subject::Plain));
    subjects.extend(Subject::beside());
    subjects
}
