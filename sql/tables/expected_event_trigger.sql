-- The event triggers that an install could create: one that is gone since is missing, one that never was is not permitted.
CREATE TABLE IF NOT EXISTS script_tracking.expected_event_trigger (
    name name PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
ALTER TABLE script_tracking.expected_event_trigger ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CALL script_tracking.allow_table('script_tracking.expected_event_trigger', 'script_tracking_reader');
