-- A user's password as bcrypt, version by version. Granted to nobody: only login_user reads it.
CREATE TABLE IF NOT EXISTS script_tracking.credential_s (
    user_hk bytea NOT NULL,
    load_date timestamptz NOT NULL,
    load_end_date timestamptz,
    hash_diff bytea NOT NULL,
    password_hash varchar(60) NOT NULL,
    bcrypt_cost integer NOT NULL,
    tenant_hk bytea NOT NULL,
    record_source varchar(100) NOT NULL,
    PRIMARY KEY (user_hk, load_date),
    CONSTRAINT credential_s_password_hash CHECK (password_hash LIKE '$2a$%')
);
ALTER TABLE script_tracking.credential_s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE UNIQUE INDEX IF NOT EXISTS credential_s_open ON script_tracking.credential_s (user_hk) WHERE load_end_date IS NULL;

-- The highest cost of a tenant, which every login of that tenant must take, known user or not.
CREATE INDEX IF NOT EXISTS credential_s_cost ON script_tracking.credential_s (tenant_hk, bcrypt_cost) WHERE load_end_date IS NULL;
