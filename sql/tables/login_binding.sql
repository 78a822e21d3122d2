-- What a login may see: one tenant, or as a trusted one the tenant it names itself. Logins not in here: no tenant's rows.
CREATE TABLE IF NOT EXISTS script_tracking.login_binding (
    login name PRIMARY KEY,
    tenant_hk bytea,
    trusted boolean NOT NULL DEFAULT false,
    bound_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    bound_by name NOT NULL DEFAULT session_user,
    CONSTRAINT login_binding_one_kind CHECK (trusted = (tenant_hk IS NULL)),
    CONSTRAINT login_binding_tenant_hk CHECK (octet_length(tenant_hk) = 32)
);
ALTER TABLE script_tracking.login_binding ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CALL script_tracking.allow_table('script_tracking.login_binding', 'script_tracking_reader');
-- Read by everything that tracks. What was never analyzed is taken for ten pages, and its one page read by way of the index: twice
-- the time.
ANALYZE script_tracking.login_binding;
