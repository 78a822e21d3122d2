-- Documents that a store keeps beside operations, version by version: how far a peer's log was taken over, conflicts, gaps.
CREATE TABLE IF NOT EXISTS script_tracking.document_s (
    kind varchar(50) NOT NULL,
    document_hk bytea NOT NULL,
    load_date timestamptz NOT NULL,
    load_end_date timestamptz,
    hash_diff bytea NOT NULL,
    body jsonb NOT NULL,
    tenant_hk bytea,
    unit_id uuid NOT NULL,
    record_source varchar(100) NOT NULL,
    recorded_by varchar(100) NOT NULL DEFAULT session_user,
    PRIMARY KEY (kind, document_hk, load_date)
);
ALTER TABLE script_tracking.document_s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CALL script_tracking.allow_table('script_tracking.document_s', 'script_tracking_reader');

-- A key is one tenant's, even where another may not see it.
CREATE UNIQUE INDEX IF NOT EXISTS document_s_open ON script_tracking.document_s (kind, document_hk) WHERE load_end_date IS NULL;
