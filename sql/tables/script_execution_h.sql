-- The hub: one row an operation. Distributable by hash key: no unique constraint but the key, no row trigger.
CREATE TABLE IF NOT EXISTS script_tracking.script_execution_h (
    script_execution_hk bytea PRIMARY KEY,
    script_execution_bk varchar(255) NOT NULL,
    tenant_hk bytea,
    load_date timestamptz DEFAULT util.current_load_date(),
    record_source varchar(100) NOT NULL,
    log_xid xid8 NOT NULL DEFAULT pg_current_xact_id()
);
ALTER TABLE script_tracking.script_execution_h ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CALL script_tracking.allow_table('script_tracking.script_execution_h', 'script_tracking_reader');

-- Finds what came since a tenant's operations were counted (operation_count), and the tenants there are. It only grows at each
-- tenant's end: full pages save 6 MB a million.
CREATE INDEX IF NOT EXISTS script_execution_h_log ON script_tracking.script_execution_h (tenant_hk, log_xid) WITH (fillfactor = 100);
