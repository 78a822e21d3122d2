//! `opledger complete`: a running operation has ended.

use opledger::intent::{Additions, Finish, Intent, Outcome};
use opledger::model::UnitId;
use opledger::{Clock, SystemClock};
use opledger_child::Masker;
use pollster::block_on;

use super::change;
use crate::args::{self, Global};
use crate::exit::Failure;
use crate::store;
use crate::who;

pub(crate) fn run(global: &Global, args: args::Complete) -> Result<u8, Failure> {
    let hk = args.hk;
    let message = args.error.map(|message| Masker::default().text(&message));
    change::carry_out(
        global,
        "complete",
        hk,
        |tracker| block_on(tracker.complete_operation(hk, !args.failed, message.as_deref())),
        || {
            Ok(Intent::Finish(Finish {
                unit: UnitId::random()?,
                operation: hk,
                scope: store::scope(global.tenant),
                at: SystemClock.now(),
                outcome: if args.failed { Outcome::Failure(message.clone()) } else { Outcome::Success },
                duration_ms: None,
                additions: Additions::default(),
                record_source: who::record_source(),
            }))
        },
    )
}
