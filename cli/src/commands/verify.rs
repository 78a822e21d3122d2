//! `opledger verify`: every hash recomputed, every rule checked; exits 1 when anything is found.

use opledger::store::Damage;
use pollster::block_on;

use crate::args::{self, Format, Global};
use crate::exit::{self, Failure};
use crate::output::{self, Rows, Value};
use crate::store::{self, options};

pub(crate) fn run(global: &Global, args: &args::Verify) -> Result<u8, Failure> {
    let mut options = options("verify", global.wait);
    options.accept_loss = args.accept_loss;
    let tracker = store::open_at(&store::existing(store::url(global)?), global, &options)?;
    // Whoever names no tenant means the store as a whole.
    let tracker = if global.tenant.is_none() { tracker.for_all() } else { tracker };
    let found = block_on(tracker.verify())?;
    block_on(tracker.close())?;

    let check = &found.check;
    let counts: [(&'static str, Value); 7] = [
        ("checked_at", check.at.into()),
        ("operations", found.operations.into()),
        ("versions", found.versions.into()),
        ("orphan_versions", check.orphan_versions.into()),
        ("open_versions", check.open_versions.into()),
        ("hash_mismatches", check.hash_mismatches.into()),
        ("other", check.other.into()),
    ];
    let mut rows = Rows::new(counts.each_ref().map(|(name, _)| *name));
    rows.push(counts.map(|(_, value)| value));
    if global.format == Format::Table {
        output::print(Format::Table, &rows)?;
        if !found.is_sound() {
            output::print(Format::Table, &listed(&found.findings))?;
        }
    } else {
        rows.columns.push("findings");
        let findings: Vec<_> = found.findings.iter().map(as_json).collect();
        rows.rows
            .iter_mut()
            .for_each(|row| row.push(Value::Json(serde_json::Value::from(findings.clone()).to_string())));
        output::print(global.format, &rows)?;
    }
    Ok(if found.is_sound() { exit::OK } else { exit::FOUND })
}

fn listed(findings: &[Damage]) -> Rows {
    let mut rows = Rows::new(["record", "reason"]);
    for finding in findings {
        rows.push([finding.record.clone().into(), finding.reason.clone().into()]);
    }
    rows
}

fn as_json(finding: &Damage) -> serde_json::Value {
    serde_json::json!({"record": finding.record, "reason": finding.reason})
}
