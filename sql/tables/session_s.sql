-- What became of a session: ACTIVE, then perhaps REVOKED. One that expires gets no version of its own.
CREATE TABLE IF NOT EXISTS script_tracking.session_s (
    session_hk bytea NOT NULL,
    load_date timestamptz NOT NULL,
    load_end_date timestamptz,
    hash_diff bytea NOT NULL,
    session_status varchar(20) NOT NULL,
    expires_at timestamptz NOT NULL,
    tenant_hk bytea NOT NULL,
    record_source varchar(100) NOT NULL,
    PRIMARY KEY (session_hk, load_date),
    CONSTRAINT session_s_status CHECK (session_status IN ('ACTIVE', 'REVOKED'))
);
ALTER TABLE script_tracking.session_s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CALL script_tracking.allow_table('script_tracking.session_s', 'script_tracking_admin');

CREATE UNIQUE INDEX IF NOT EXISTS session_s_open ON script_tracking.session_s (session_hk) WHERE load_end_date IS NULL;
