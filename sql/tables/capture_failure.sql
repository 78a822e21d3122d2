-- DDL that could not be recorded. No message: it might quote what was to be written.
CREATE TABLE IF NOT EXISTS script_tracking.capture_failure (
    failure_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    failed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    login name NOT NULL DEFAULT session_user,
    event text NOT NULL,
    tag text NOT NULL,
    sqlstate text NOT NULL
);
ALTER TABLE script_tracking.capture_failure ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE INDEX IF NOT EXISTS capture_failure_failed_at ON script_tracking.capture_failure (failed_at);
CALL script_tracking.allow_table('script_tracking.capture_failure', 'script_tracking_admin');
