-- What each verify found.
CREATE TABLE IF NOT EXISTS script_tracking.verification (
    verification_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    verified_at timestamptz NOT NULL,
    verified_by name NOT NULL DEFAULT session_user,
    sees_all boolean NOT NULL,
    operations bigint NOT NULL,
    versions bigint NOT NULL,
    orphan_versions bigint NOT NULL,
    open_versions bigint NOT NULL,
    hash_mismatches bigint NOT NULL,
    other bigint NOT NULL,
    tenant_hk bytea,
    unit_id uuid
);
ALTER TABLE script_tracking.verification ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CALL script_tracking.allow_table('script_tracking.verification', 'script_tracking_reader');
