-- Each transaction in which a session had switched capture off and DDL went unrecorded, with the first such command.
CREATE TABLE IF NOT EXISTS script_tracking.capture_switch_off (
    log_xid xid8 PRIMARY KEY DEFAULT pg_current_xact_id(),
    switched_off_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    login name NOT NULL DEFAULT session_user,
    tag text NOT NULL
);
ALTER TABLE script_tracking.capture_switch_off ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CALL script_tracking.allow_table('script_tracking.capture_switch_off', 'script_tracking_admin');
