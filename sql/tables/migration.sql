-- What became of each migration of this database, state by state; the last state of a version counts. Written by
-- run_migration_enterprise and by `opledger migrate`: README.md says how they share it.
CREATE TABLE IF NOT EXISTS script_tracking.migration (
    migration_kind varchar(20) NOT NULL,
    migration_version varchar(255) NOT NULL,
    state_number integer NOT NULL,
    migration_status varchar(20) NOT NULL,
    migration_file varchar(255),
    checksum bytea,
    load_date timestamptz NOT NULL,
    execution_time_ms integer,
    objects_affected integer,
    error_details text,
    script_execution_hk bytea,
    applied_by name NOT NULL DEFAULT session_user,
    statement_number integer,
    PRIMARY KEY (migration_kind, migration_version, state_number),
    CONSTRAINT migration_kind_known CHECK (migration_kind IN ('VERSIONED', 'REPEATABLE')),
    CONSTRAINT migration_status_known CHECK (migration_status IN ('RUNNING', 'APPLIED', 'FAILED', 'BASELINE', 'REVERTED')),
    CONSTRAINT migration_checksum CHECK (octet_length(checksum) = 32),
    CONSTRAINT migration_checksum_known CHECK (checksum IS NOT NULL OR migration_status = 'BASELINE')
);
ALTER TABLE script_tracking.migration ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CALL script_tracking.allow_table('script_tracking.migration', 'script_tracking_admin');
