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

-- For exact totals by tenant: equal keys take a few bytes each. It finds the tenants there are, too.
CREATE INDEX IF NOT EXISTS script_execution_h_tenant ON script_tracking.script_execution_h (tenant_hk);
