//! An operation that is written, read, verified and removed: in a transaction that is rolled back.

use opledger::{ErrorKind, hash_key};
use opledger_postgres::Session;

use super::{Finding, Found, one};

const NAME: &str = "opledger doctor";

pub(super) async fn check(session: &Session) -> Found {
    session.run("BEGIN").await?;
    let found = write_and_read(session).await;
    // Whatever was found, nothing stays.
    session.run("ROLLBACK").await?;
    let (key, problems) = match found {
        Ok(found) => found,
        Err(error) if matches!(error.kind(), ErrorKind::Permission | ErrorKind::ReadOnly) => {
            let details = format!("not tried: {}", crate::exit::describe(&error));
            return Ok(Finding::warning(details, "Ask with a login that is a writer, on the primary."));
        }
        Err(error) => return Err(error),
    };
    let left =
        "SELECT count(*)::text FROM script_tracking.script_execution_h WHERE script_execution_hk = decode($1, 'hex')";
    let [left] = one(session, left, &[Some(&key)]).await?;
    let problems = [problems, if left == "0" { vec![] } else { vec!["it is still there".to_owned()] }].concat();
    let good = "an operation was started, completed, read, verified and rolled back";
    Ok(Finding::offenders(
        &problems,
        "the operation of the test",
        good,
        "Run `opledger upgrade`; then `opledger verify`.",
    ))
}

/// The operation's key, and what is wrong with it.
async fn write_and_read(session: &Session) -> opledger::Result<(String, Vec<String>)> {
    let start = "SELECT encode(script_tracking.track_operation($1::varchar, 'MAINTENANCE'), 'hex')";
    let [key] = one(session, start, &[Some(NAME)]).await?;
    let complete = "SELECT script_tracking.complete_operation(decode($1, 'hex'))::text";
    let [recorded] = one(session, complete, &[Some(&key)]).await?;
    let read = "SELECT count(*)::text, (count(*) FILTER (WHERE s.load_end_date IS NULL))::text,
            (count(*) FILTER (WHERE s.hash_diff <> script_tracking.calculate_hash_diff(s)))::text,
            max(h.script_execution_bk), (max(s.execution_status) FILTER (WHERE s.load_end_date IS NULL))::text
        FROM script_tracking.script_execution_h h JOIN script_tracking.script_execution_s s USING (script_execution_hk)
        WHERE h.script_execution_hk = decode($1, 'hex')";
    let [versions, open, mismatches, business_key, status] = one(session, read, &[Some(&key)]).await?;
    let expectations = [
        (recorded == "true", "its completion was refused"),
        (versions == "2", "it has not two versions"),
        (open == "1", "not one of its versions is open"),
        (mismatches == "0", "a hash_diff is not that of its row"),
        (hash_key(&business_key).to_string() == key, "its key is not the SHA-256 of its business key"),
        (status == "COMPLETED", "it does not stand as COMPLETED"),
    ];
    let problems = expectations.iter().filter(|(holds, _)| !holds).map(|(_, problem)| (*problem).to_owned()).collect();
    Ok((key, problems))
}
