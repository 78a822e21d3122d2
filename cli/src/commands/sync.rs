//! `opledger sync`: what waits goes to another store, exactly once. It records no operation of its own.

use std::time::{Duration, Instant};

use opledger::store::StoreInfo;
use opledger::sync::Agent;
use opledger::users::UserSync;
use pollster::block_on;

use crate::args::{self, Global};
use crate::exit::{self, Failure};
use crate::output::{self, Rows};
use crate::store::{self, Url, options};
use crate::{commands, who};

/// How long a sync that gets nowhere may take in all.
const PATIENCE: Duration = Duration::from_secs(30);
const SAME: &str = "both ends are the same store";

pub(crate) fn run(global: &Global, args: &args::Sync) -> Result<u8, Failure> {
    let began = Instant::now();
    let Some(to) = args.to.as_deref().filter(|_| !args.status) else {
        return commands::sync_status::run(global);
    };
    let (from, to) = (store::existing(store::url(global)?), store::parse(to)?);
    lasting(&to)?;
    different(&from, &to)?;
    let tracker = store::open_at(&from, global, &options("sync", global.wait))?;
    let name = args.name.clone().unwrap_or_else(|| format!("{}@{}", who::user(), who::host()));
    let mut agent = Agent::new(&tracker, name)?;
    if args.accept_restored {
        agent = agent.accept_restored();
    }
    if args.new_store {
        agent = agent.new_store();
    }
    let server = match store::open_at(&to, global, &options("sync", global.wait.min(PATIENCE))) {
        Err(Failure::Store(away)) if away.is_retryable() => {
            // From now on retention keeps what waits.
            block_on(agent.set_up())?;
            return Err(away.into());
        }
        opened => opened?,
    };
    apart(&tracker.info(), &server.info())?;
    let patience = PATIENCE.saturating_sub(began.elapsed());
    let passed = block_on(agent.clone().patience(patience).sync(server.store()))?;
    let users = block_on(agent.patience(PATIENCE).sync_users(&server))?;
    block_on(server.close())?;
    block_on(tracker.close())?;

    if passed.server_was_behind {
        exit::warning(format_args!(
            "the other store had forgotten what it had acknowledged (restored from a backup?); it got it again"
        ));
    }
    if passed.conflicts > 0 {
        exit::warning(format_args!(
            "{} versions were not taken over; `opledger sync --status` shows them",
            passed.conflicts
        ));
    }
    for why in &users.withheld {
        exit::note(format_args!("users were withheld: {why}"));
    }
    tell_users(&users.sent);
    tell_users(&users.received);
    let user_conflicts = users.sent.conflicts.len() + users.received.conflicts.len();
    let mut rows =
        Rows::new(["versions", "conflicts", "gaps", "failed_tries", "users_sent", "users_received", "user_conflicts"]);
    rows.push([
        passed.versions.into(),
        passed.conflicts.into(),
        passed.gaps.into(),
        passed.failures.into(),
        users.sent.users.into(),
        users.received.users.into(),
        u64::try_from(user_conflicts).unwrap_or(u64::MAX).into(),
    ]);
    output::print(global.format, &rows)?;
    Ok(exit::OK)
}

/// Says which users stayed as they were on each side.
pub(crate) fn tell_users(done: &UserSync) {
    for conflict in &done.conflicts {
        exit::warning(format_args!("user {}: {}", conflict.user_hk, conflict.reason));
    }
    for damage in &done.damaged {
        exit::warning(format_args!("{}: {}", damage.record, damage.reason));
    }
}

/// What is acknowledged must last: the sender may forget it then.
pub(crate) fn lasting(to: &Url) -> Result<(), Failure> {
    match to {
        Url::Memory => Err(Failure::Usage("--to memory: would be gone when the command ends".to_owned())),
        Url::Folder(..) => Ok(()),
        #[cfg(feature = "postgres")]
        Url::Server(_) => Ok(()),
    }
}

/// A store can't be sent to itself.
pub(crate) fn different(from: &Url, to: &Url) -> Result<(), Failure> {
    let place = |url: &Url| match url {
        Url::Folder(_, dir) => dir.canonicalize().ok(),
        Url::Memory => None,
        // Many URLs name one database: [`apart`] asks it.
        #[cfg(feature = "postgres")]
        Url::Server(_) => None,
    };
    if place(from).is_some_and(|from| Some(from) == place(to)) {
        return Err(Failure::Usage(SAME.to_owned()));
    }
    Ok(())
}

/// A store can't be sent to itself, under whatever name. A backup has the identity of what it is a backup of.
pub(crate) fn apart(from: &StoreInfo, to: &StoreInfo) -> Result<(), Failure> {
    if from.id == to.id && from.engine == to.engine {
        let message = format!("{SAME}, or one is a restored backup of the other: both are {}", from.id);
        return Err(Failure::Usage(message));
    }
    Ok(())
}
