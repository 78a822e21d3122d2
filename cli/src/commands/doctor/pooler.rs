//! Whether a session is ours from its begin to its end, or lent by a pooler for a transaction at a time.

use opledger_postgres::{Config, Session};

use super::{Finding, Found, one};

const TOKEN: &str = "SELECT coalesce(current_setting('opledger.doctor', true), '')";

pub(super) async fn check(session: &Session, config: &Config) -> Found {
    let handled = !session.is_own();
    if !handled && !is_shared(session, config).await? {
        return Ok(Finding::ok("sessions are our own"));
    }
    let details = "a pooler hands sessions around between transactions";
    if handled {
        return Ok(Finding::ok(format!("{details}; no statement is kept prepared, and no setting is relied on")));
    }
    let advice =
        "Add prepare=off to the URL. A trusted login must choose its tenant by SET LOCAL, in each transaction.";
    Ok(Finding::warning(details, advice))
}

/// Leaves a mark in a session and looks from a second one. A pooler lends the second the session that the first has just
/// given back, mark and all; or, while the second holds one in a transaction, lends the first another, without the mark.
async fn is_shared(first: &Session, config: &Config) -> opledger::Result<bool> {
    let mark = format!("{:032x}", u128::from_be_bytes(opledger::model::UnitId::random()?.0));
    let second = Session::connect(config).await?;
    one::<1>(first, "SELECT set_config('opledger.doctor', $1, false)", &[Some(&mark)]).await?;
    second.run("BEGIN").await?;
    let [seen] = one(&second, TOKEN, &[]).await?;
    let shared = if seen == mark {
        true
    } else {
        let [kept] = one(first, TOKEN, &[]).await?;
        kept != mark
    };
    second.run("ROLLBACK").await?;
    one::<1>(first, "SELECT set_config('opledger.doctor', '', false)", &[]).await?;
    Ok(shared)
}
