//! `opledger copy`: everything from one store to another, then a comparison. It records no operation of its own.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use opledger::sync::{self, Copied};
use opledger::users::{UserSync, sync_users};
use opledger::{ErrorKind, Position, Store};
use pollster::block_on;

use super::sync::{apart, different, lasting, tell_users};
use crate::args::{self, Format, Global};
use crate::exit::{self, Failure};
use crate::output::{self, Rows, Value};
use crate::store::{self, AnyTracker, Url, options};

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
    let target = store::open_at(&to, global, &options("copy", global.wait))?;
    let target = if global.tenant.is_none() { target.for_all() } else { target };

    apart(&source.info(), &target.info())?;
    let bar = bar(block_on(source.store().wait(Position::START, Duration::ZERO))?);
    let copied =
        block_on(sync::copy(&source, target.store(), |passed| bar.set_position(passed.versions + passed.conflicts)));
    bar.finish_and_clear();
    let copied = copied?;
    let users = copy_users(&source, &target)?;
    block_on(target.close())?;
    block_on(source.close())?;
    print(global, &copied, &users)?;
    Ok(if copied.comparison.is_equal() && users.is_whole { exit::OK } else { exit::FOUND })
}

/// What became of users.
struct Users {
    copied: UserSync,
    /// Whether every user is there now, with one password.
    is_whole: bool,
}

/// A store that may not give users, or take them, is told of, because the copy is not whole then.
fn copy_users(source: &AnyTracker, target: &AnyTracker) -> Result<Users, Failure> {
    match block_on(sync_users(source, target)) {
        Ok(copied) => {
            tell_users(&copied);
            let is_whole = copied.conflicts.is_empty() && copied.damaged.is_empty();
            Ok(Users { copied, is_whole })
        }
        Err(error) if error.kind() == ErrorKind::Permission => {
            exit::warning(format_args!("users were withheld: {error}"));
            Ok(Users { copied: UserSync::default(), is_whole: false })
        }
        Err(error) => Err(error.into()),
    }
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

fn print(global: &Global, copied: &Copied, users: &Users) -> Result<(), Failure> {
    let comparison = &copied.comparison;
    let counts: [(&'static str, Value); 8] = [
        ("versions_sent", copied.passed.versions.into()),
        ("versions_refused", copied.passed.conflicts.into()),
        ("operations", comparison.operations.into()),
        ("versions", comparison.versions.into()),
        ("others", comparison.others.into()),
        ("differences", comparison.differences.into()),
        ("users_copied", users.copied.users.into()),
        ("user_conflicts", u64::try_from(users.copied.conflicts.len()).unwrap_or(u64::MAX).into()),
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
