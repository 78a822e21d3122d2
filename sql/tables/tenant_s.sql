-- What is known of a tenant, version by version.
CREATE TABLE IF NOT EXISTS script_tracking.tenant_s (
    tenant_hk bytea NOT NULL,
    load_date timestamptz NOT NULL,
    load_end_date timestamptz,
    hash_diff bytea NOT NULL,
    tenant_id varchar(255) NOT NULL,
    registered_by name NOT NULL,
    record_source varchar(100) NOT NULL,
    PRIMARY KEY (tenant_hk, load_date)
);
ALTER TABLE script_tracking.tenant_s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CALL script_tracking.allow_table('script_tracking.tenant_s', 'script_tracking_admin');

CREATE UNIQUE INDEX IF NOT EXISTS tenant_s_open ON script_tracking.tenant_s (tenant_hk) WHERE load_end_date IS NULL;
