-- Which text of which file of sql/ this database has.
CREATE TABLE IF NOT EXISTS script_tracking.installed_file (
    file text PRIMARY KEY,
    checksum bytea NOT NULL,
    installed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
ALTER TABLE script_tracking.installed_file ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CALL script_tracking.allow_table('script_tracking.installed_file', 'script_tracking_reader');
