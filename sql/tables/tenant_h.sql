-- The hub of tenants. Users' tables are here, not in auth: a site may have tables of the same names there.
CREATE TABLE IF NOT EXISTS script_tracking.tenant_h (
    tenant_hk bytea PRIMARY KEY,
    tenant_bk varchar(255) NOT NULL,
    load_date timestamptz NOT NULL,
    record_source varchar(100) NOT NULL
);
ALTER TABLE script_tracking.tenant_h ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CALL script_tracking.allow_table('script_tracking.tenant_h', 'script_tracking_admin');
