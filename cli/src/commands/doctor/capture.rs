//! Whether DDL and changes of settings are recorded, and what never is.

use opledger_postgres::Session;

use super::{Finding, Found, names, one};

/// Name and function of each event trigger.
const EVENT_TRIGGERS: &str = "(VALUES ('et_ddl_command_start', 'event_trigger_ddl_start'),
    ('et_ddl_command_end', 'event_trigger_ddl_end'), ('et_sql_drop', 'event_trigger_sql_drop')) AS t (name, function)";

pub(super) async fn event_triggers(session: &Session) -> Found {
    let sql = |what: &str| {
        format!(
            "SELECT t.name FROM {EVENT_TRIGGERS} LEFT JOIN pg_catalog.pg_event_trigger e
                ON e.evtname = t.name AND e.evtfoid = to_regprocedure('script_tracking.' || t.function || '()')
            WHERE {what} ORDER BY 1"
        )
    };
    let never =
        "e.oid IS NULL AND NOT EXISTS (SELECT FROM script_tracking.expected_event_trigger x WHERE x.name = t.name)";
    let off = names(session, sql("e.evtenabled = 'D'")).await?;
    let gone = names(session, sql("e.oid IS NULL")).await?;
    let never = names(session, sql(never)).await?;
    let not_always = names(session, sql("e.evtenabled IN ('O', 'R')")).await?;
    if !off.is_empty() {
        let advice = "ALTER EVENT TRIGGER … ENABLE ALWAYS; for each.";
        return Ok(Finding::failed(format!("disabled: {}", off.join(", ")), advice));
    }
    if gone.len() > never.len() {
        let advice = "Let a superuser run `opledger upgrade`.";
        return Ok(Finding::failed(format!("gone: {}", gone.join(", ")), advice));
    }
    if !never.is_empty() {
        let details = format!("the installer was not permitted to create {}: DDL is not recorded", never.join(", "));
        return Ok(Finding::warning(details, "Let a superuser run `opledger upgrade`."));
    }
    let advice = "ALTER EVENT TRIGGER … ENABLE ALWAYS; for each: session_replication_role passes these by.";
    Ok(Finding::offenders(&not_always, "not enabled ALWAYS", "all 3 are enabled ALWAYS", advice))
}

/// Triggers that record changes of settings, bindings and capture rules.
pub(super) async fn table_triggers(session: &Session) -> Found {
    let sql = "SELECT w.name FROM unnest(ARRAY['setting', 'login_binding', 'capture_rule']) AS w (name)
        WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
            JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = 'script_tracking' AND c.relname = w.name AND t.tgname = 'record_change' AND t.tgenabled <> 'D')
        ORDER BY 1";
    let good = "changes of settings, bindings and capture rules are recorded";
    let advice = "ALTER TABLE … ENABLE TRIGGER record_change; or, where it is gone, run `opledger upgrade`.";
    Ok(Finding::offenders(&names(session, sql).await?, "no change is recorded of", good, advice))
}

pub(super) async fn rules(session: &Session) -> Found {
    let sql = "SELECT format('%s %s', kind, name) FROM script_tracking.capture_rule
        WHERE NOT captured AND (kind, name) <> ('schema', 'pg_temp') ORDER BY 1";
    let off = names(session, sql).await?;
    if off.is_empty() {
        return Ok(Finding::ok("no role and no schema is left out, but for temporary objects"));
    }
    let advice = "SELECT script_tracking.set_capture(kind, name, true); where that was not meant.";
    Ok(Finding::warning(format!("DDL is not recorded for {}", off.join(", ")), advice))
}

pub(super) async fn failures(session: &Session) -> Found {
    let sql =
        "SELECT current_status, details FROM script_tracking.capture_health() WHERE health_metric = 'capture_failures'";
    let [status, details] = one(session, sql, &[]).await?;
    if status == "EXCELLENT" {
        return Ok(Finding::ok(details));
    }
    let advice =
        "SELECT * FROM script_tracking.capture_failure ORDER BY failed_at; as an admin, and the server's log of then.";
    Ok(Finding::failed(details, advice))
}

/// Holes that no installation can close.
pub(super) async fn coverage(session: &Session) -> Found {
    let [number] = one(session, "SELECT current_setting('server_version_num')", &[]).await?;
    let reindex = if number.parse::<u32>().is_ok_and(|number| number < 170_000) { ", REINDEX" } else { "" };
    Ok(Finding::ok(format!(
        "PostgreSQL tells no trigger of: roles, databases, tablespaces, event triggers, ALTER SYSTEM, TRUNCATE, VACUUM, \
         CLUSTER, REASSIGN OWNED{reindex}; nor of DDL that fails. `opledger run` and `opledger migrate` record these too"
    )))
}
