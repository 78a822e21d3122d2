//! `opledger annotate`: more is known about a running operation.

use opledger::intent::{Additions, Annotate, Intent};
use opledger::model::UnitId;
use opledger::{Clock, SystemClock};
use opledger_child::Masker;
use pollster::block_on;

use super::change;
use crate::args::{self, Global};
use crate::exit::Failure;
use crate::store;
use crate::who;

pub(crate) fn run(global: &Global, args: args::Annotate) -> Result<u8, Failure> {
    let hk = args.hk;
    let metadata = change::metadata(&Masker::default(), &args.pairs)?;
    let additions = Additions { metadata: Some(metadata), ..Additions::default() };
    change::carry_out(
        global,
        "annotate",
        hk,
        |tracker| block_on(tracker.annotate_operation(hk, additions.clone())),
        || {
            Ok(Intent::Annotate(Annotate {
                unit: UnitId::random()?,
                operation: hk,
                scope: store::scope(global.tenant),
                at: SystemClock.now(),
                additions: additions.clone(),
                record_source: who::record_source(),
            }))
        },
    )
}
