//! Which files of a folder are to be run, and which refuse that anything runs. Pure.

use super::file::{Direction, Migration, Planned};
use super::state::MigrationKind;
use super::survey::{Condition, Item, findings};
use super::version::MigrationVersion;
use crate::error::{Error, ErrorKind, Result};

/// How far to go.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Up: the last version to run. Down: the version to stop at, which stays. By default up goes to the end, and down takes
    /// one back.
    pub to: Option<MigrationVersion>,
    /// Run also versions that are lower than one that was run.
    pub out_of_order: bool,
}

impl Selection {
    /// The files to run, in order. Repeatable ones come when no versioned one is left for later.
    ///
    /// # Errors
    /// Gives 23505 naming every file that changed, is missing, out of order or half done; 22023 or 22P02 naming file and line
    /// of what can't be run.
    pub fn up<'m>(&self, items: &[Item<'m>]) -> Result<Vec<Planned<'m>>> {
        let asked = |item: &&&Item<'_>| !(self.out_of_order && item.condition == Condition::OutOfOrder);
        let blocking: Vec<_> = findings(items).iter().filter(asked).map(|item| blocked(item)).collect();
        if !blocking.is_empty() {
            let message = format!("nothing was run:\n{}", blocking.join("\n"));
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        if let Some(to) = &self.to
            && !items.iter().any(|item| item.number.as_ref() == Some(to))
        {
            return Err(Error::new(ErrorKind::InvalidValue, format!("there is no version {to} in the folder")));
        }
        let pending: Vec<_> = items.iter().filter(|item| item.condition.is_pending()).collect();
        let is_later = |item: &Item<'_>| item.number > self.to && self.to.is_some();
        let all_run = !pending.iter().any(|item| is_later(item));
        let wanted = pending.into_iter().filter(|item| match item.kind {
            MigrationKind::Versioned => !is_later(item),
            MigrationKind::Repeatable => all_run,
        });
        wanted.filter_map(|item| Some(plan(item, item.migration?, Direction::Up))).collect()
    }

    /// The files to take back, the newest first.
    ///
    /// # Errors
    /// Gives 23505 where one is half done; 22023 naming what can't be taken back: a baseline, or one without a file for it.
    pub fn down<'m>(&self, items: &[Item<'m>]) -> Result<Vec<Planned<'m>>> {
        let half_done: Vec<_> = items.iter().filter(|item| item.condition == Condition::Partial).map(blocked).collect();
        if !half_done.is_empty() {
            let message = format!("nothing was taken back:\n{}", half_done.join("\n"));
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        let applied = items.iter().rev().filter(|item| item.number.is_some() && item.condition.is_in_database());
        let wanted: Vec<_> = match &self.to {
            None => applied.take(1).collect(),
            Some(to) => {
                let applied: Vec<_> = applied.collect();
                let is_zero = "0".parse().is_ok_and(|zero: MigrationVersion| *to == zero);
                if !is_zero && !applied.iter().any(|item| item.number.as_ref() == Some(to)) {
                    let message = format!("version {to} is not applied; --to 0 takes all back");
                    return Err(Error::new(ErrorKind::InvalidValue, message));
                }
                applied.into_iter().filter(|item| item.number.as_ref() > Some(to)).collect()
            }
        };
        wanted.into_iter().map(plan_down).collect()
    }
}

fn plan_down<'m>(item: &Item<'m>) -> Result<Planned<'m>> {
    let refused = |why: &str| {
        let message = format!("{} can't be taken back, so nothing was: {why}", item.name());
        Error::new(ErrorKind::InvalidValue, message)
    };
    match (item.condition, item.migration) {
        (Condition::Baseline, _) => Err(refused("the database had it before its migrations were tracked")),
        (_, None) => Err(refused("its file is missing")),
        (_, Some(migration)) => plan(item, migration, Direction::Down),
    }
}

fn plan<'m>(item: &Item<'m>, migration: &'m Migration, direction: Direction) -> Result<Planned<'m>> {
    Ok(Planned { version: item.version.clone(), ..migration.plan(direction)? })
}

fn blocked(item: &Item<'_>) -> String {
    let what = item.condition.as_str();
    let advice = item.advice().unwrap_or_default();
    format!("  {} is {what}: {advice}", item.name())
}
