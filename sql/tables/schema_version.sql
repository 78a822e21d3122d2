-- The numbered migrations that were applied, this database's history.
CREATE TABLE IF NOT EXISTS script_tracking.schema_version (
    version integer PRIMARY KEY,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    applied_by name NOT NULL DEFAULT session_user
);
ALTER TABLE script_tracking.schema_version ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CALL script_tracking.allow_table('script_tracking.schema_version', 'script_tracking_reader');
