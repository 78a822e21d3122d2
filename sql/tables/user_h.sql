-- The hub of users: one tenant's user by e-mail. The business key is the tenant's key in hex, a colon and the folded e-mail.
CREATE TABLE IF NOT EXISTS script_tracking.user_h (
    user_hk bytea PRIMARY KEY,
    user_bk varchar(400) NOT NULL,
    tenant_hk bytea NOT NULL,
    load_date timestamptz NOT NULL,
    record_source varchar(100) NOT NULL
);
ALTER TABLE script_tracking.user_h ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CALL script_tracking.allow_table('script_tracking.user_h', 'script_tracking_admin');
