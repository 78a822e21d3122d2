//! `opledger copy`: everything from one store to another, then a comparison. It records no operation of its own.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use opledger::sync::{self, Copied};
use opledger::{Position, Store};
use pollster::block_on;

use super::sync::{apart, different, lasting};
use crate::args::{self, Format, Global};
use crate::exit::{self, Failure};
use crate::output::{self, Rows, Value};
use crate::store::{self, Url, options};

pub(crate) fn run(global: &Global, args: &args::Copy) -> Result<u8, Failure> {
    let (from, to) = (store::parse(&args.from)?, store::parse(&args.to)?);
    if let Url::Folder(_, dir) = &from
        && !dir.exists()
    {
        return Err(Failure::NoStore(format!("there is nothing to copy: {} does not exist", dir.display())));
    }
    lasting(&to)?;
    different(&from, &to)?;
    let source = store::open_at(&from, global, &options("copy", global.wait))?;
    // Whoever names no tenant means the store as a whole.
    let source = if global.tenant.is_none() { source.for_all() } else { source };
    let target = store::open_store(&to, &options("copy", global.wait))?;

    apart(&source.info(), &target.info())?;
    let bar = bar(block_on(source.store().wait(Position::START, Duration::ZERO))?);
    let copied = block_on(sync::copy(&source, &target, |passed| bar.set_position(passed.versions + passed.conflicts)));
    bar.finish_and_clear();
    let copied = copied?;
    block_on(target.close())?;
    block_on(source.close())?;
    print(global, &copied)?;
    Ok(if copied.comparison.is_equal() { exit::OK } else { exit::FOUND })
}

/// A bar on stderr, where that is a terminal. Its length is known where the store numbers its versions.
fn bar(end: Position) -> ProgressBar {
    let (bar, template) = match end.places_since(Position::START) {
        Some(places) => (ProgressBar::new(places), "{bar:40} {pos}/{len} versions, {per_sec}, {eta} left"),
        None => (ProgressBar::new_spinner(), "{spinner} {pos} versions, {per_sec}"),
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn print(global: &Global, copied: &Copied) -> Result<(), Failure> {
    let comparison = &copied.comparison;
    let counts: [(&'static str, Value); 6] = [
        ("versions_sent", copied.passed.versions.into()),
        ("versions_refused", copied.passed.conflicts.into()),
        ("operations", comparison.operations.into()),
        ("versions", comparison.versions.into()),
        ("others", comparison.others.into()),
        ("differences", comparison.differences.into()),
    ];
    let mut rows = Rows::new(counts.each_ref().map(|(name, _)| *name));
    rows.push(counts.map(|(_, value)| value));
    if global.format == Format::Table {
        output::print(Format::Table, &rows)?;
        if !comparison.is_equal() {
            let mut named = Rows::new(["record", "reason"]);
            for difference in &comparison.named {
                named.push([difference.record.clone().into(), difference.reason.clone().into()]);
            }
            output::print(Format::Table, &named)?;
        }
        return Ok(());
    }
    rows.columns.push("named");
    let named = serde_json::Value::from_iter(
        comparison.named.iter().map(|found| serde_json::json!({"record": found.record, "reason": found.reason})),
    );
    rows.rows.iter_mut().for_each(|row| row.push(Value::Json(named.to_string())));
    output::print(global.format, &rows)
}
