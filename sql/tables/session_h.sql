-- The hub of sessions. The key is the hash of a random token, which is stored nowhere.
CREATE TABLE IF NOT EXISTS script_tracking.session_h (
    session_hk bytea PRIMARY KEY,
    user_hk bytea NOT NULL,
    tenant_hk bytea NOT NULL,
    load_date timestamptz NOT NULL,
    record_source varchar(100) NOT NULL
);
ALTER TABLE script_tracking.session_h ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CALL script_tracking.allow_table('script_tracking.session_h', 'script_tracking_admin');
