-- How many operations each tenant has, counted up to a snapshot: those whose transaction had ended by then, which are the ones below
-- horizon and not pending. count_operations adds what came since. It is kept outside of the write path, by fold_operation_count.
-- Transaction ids mean something in one cluster only, which system_identifier tells.
CREATE TABLE IF NOT EXISTS script_tracking.operation_count (
    tenant_hk bytea,
    operations bigint NOT NULL DEFAULT 0,
    horizon xid8 NOT NULL DEFAULT '0',
    pending xid8[] NOT NULL DEFAULT '{}',
    system_identifier bigint NOT NULL
);
ALTER TABLE script_tracking.operation_count ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
-- One row a tenant; the system's has no tenant_hk.
CREATE UNIQUE INDEX IF NOT EXISTS operation_count_tenant ON script_tracking.operation_count ((coalesce(tenant_hk, '')));
CALL script_tracking.allow_table('script_tracking.operation_count', 'script_tracking_reader');
