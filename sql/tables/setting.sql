-- Settings of this database. Known names are the rows: set_setting changes values, releases add rows.
CREATE TABLE IF NOT EXISTS script_tracking.setting (
    name text PRIMARY KEY,
    value text NOT NULL,
    allowed text[] NOT NULL,
    meaning text NOT NULL
);
ALTER TABLE script_tracking.setting ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CALL script_tracking.allow_table('script_tracking.setting', 'script_tracking_reader');
-- Read by everything that tracks. What was never analyzed is taken for ten pages, and its one page read by way of the index: twice
-- the time.
ANALYZE script_tracking.setting;
