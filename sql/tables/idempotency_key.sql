-- Callers' own keys, by SHA-256 of tenant and key: a table of its own, because the hub has no other unique constraint.
CREATE TABLE IF NOT EXISTS script_tracking.idempotency_key (
    key_hash bytea PRIMARY KEY,
    content_hash bytea NOT NULL,
    script_execution_hk bytea NOT NULL,
    tenant_hk bytea,
    load_date timestamptz NOT NULL DEFAULT clock_timestamp()
);
ALTER TABLE script_tracking.idempotency_key ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
-- For cleanup, which removes the keys of the operations it removes.
CREATE INDEX IF NOT EXISTS idempotency_key_operation ON script_tracking.idempotency_key (script_execution_hk);
