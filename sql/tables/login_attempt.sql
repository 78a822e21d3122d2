-- Attempts to log in that a password was checked for; lock-out is judged by the last of them. An e-mail that nobody has
-- gets rows as well, or lock-out would tell who is a user. The number makes two attempts at once take turns.
CREATE TABLE IF NOT EXISTS script_tracking.login_attempt (
    user_hk bytea NOT NULL,
    attempt_number bigint NOT NULL,
    attempted_at timestamptz NOT NULL,
    success boolean NOT NULL,
    tenant_hk bytea NOT NULL,
    PRIMARY KEY (user_hk, attempt_number)
);
ALTER TABLE script_tracking.login_attempt ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CALL script_tracking.allow_table('script_tracking.login_attempt', 'script_tracking_admin');
