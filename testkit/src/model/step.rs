//! The steps of a random history.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// Who takes a step.
#[derive(Debug, Clone, Copy)]
pub(super) enum Who {
    System,
    Tenant(&'static str),
    All,
}

impl Who {
    pub(super) const EVERY: [Self; 4] = [Self::System, Self::Tenant("a"), Self::Tenant("b"), Self::All];
}

/// One step of a history.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Start { who: Who, kind: &'static str, object: Option<&'static str> },
    Finish { who: Who, pick: usize, ok: bool, by_handle: bool },
    Annotate { who: Who, pick: usize, says: (&'static str, &'static str), by_handle: bool },
    AsOf { who: Who, pick: usize, micros: i64 },
    Cleanup { who: Who, days: i64 },
    Jump(i64),
    Elapse(Duration),
    Verify,
    Reopen,
}

/// Histories of up to 40 steps.
pub(super) fn histories() -> impl Strategy<Value = Vec<Step>> {
    vec(step(), 1..40)
}

fn who() -> impl Strategy<Value = Who> {
    select(Who::EVERY.to_vec())
}

fn step() -> impl Strategy<Value = Step> {
    let hour = 3_600_000_000_i64;
    let kind = select(vec!["BACKUP", "DDL_AUTO", "é"]);
    let object = proptest::option::of(select(vec!["x", "y"]));
    let says = (select(vec!["phase", "step", "object"]), select(vec!["x", "y", "z"]));
    // Often to the microsecond on a window's edge.
    let lengths = vec![1, 999, 1000, 1_234_567, 60_000_000, hour, 24 * hour - 1, 24 * hour, 24 * hour + 1, 72 * hour];
    let jump = (select(lengths.clone()), any::<bool>()).prop_map(|(micros, back)| if back { -micros } else { micros });
    let elapse = select(lengths).prop_map(|micros| Duration::from_micros(micros.unsigned_abs()));
    let pick = 0..1000_usize;
    prop_oneof![
        8 => (who(), kind, object).prop_map(|(who, kind, object)| Step::Start { who, kind, object }),
        8 => (who(), pick.clone(), any::<bool>(), any::<bool>())
            .prop_map(|(who, pick, ok, by_handle)| Step::Finish { who, pick, ok, by_handle }),
        6 => (who(), pick.clone(), says, any::<bool>())
            .prop_map(|(who, pick, says, by_handle)| Step::Annotate { who, pick, says, by_handle }),
        2 => (who(), pick, -2..=2_i64).prop_map(|(who, pick, micros)| Step::AsOf { who, pick, micros }),
        2 => (who(), 1..4_i64).prop_map(|(who, days)| Step::Cleanup { who, days }),
        3 => jump.prop_map(Step::Jump),
        5 => elapse.prop_map(Step::Elapse),
        1 => Just(Step::Verify),
        2 => Just(Step::Reopen),
    ]
}
