-- What is known of a user, version by version; the password is elsewhere.
CREATE TABLE IF NOT EXISTS script_tracking.user_s (
    user_hk bytea NOT NULL,
    load_date timestamptz NOT NULL,
    load_end_date timestamptz,
    hash_diff bytea NOT NULL,
    email varchar(255) NOT NULL,
    tenant_hk bytea NOT NULL,
    record_source varchar(100) NOT NULL,
    PRIMARY KEY (user_hk, load_date)
);
ALTER TABLE script_tracking.user_s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CALL script_tracking.allow_table('script_tracking.user_s', 'script_tracking_admin');

CREATE UNIQUE INDEX IF NOT EXISTS user_s_open ON script_tracking.user_s (user_hk) WHERE load_end_date IS NULL;
