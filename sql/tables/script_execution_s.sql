-- The satellite: one row a version. Only load_end_date is ever updated, once. The fillfactor stays 100: a close is never HOT
-- (see the index of running operations), so room kept free in a page is lost. Measured for 160,000 operations: 192 MB at 100,
-- 242 at 90, 282 at 70.
CREATE TABLE IF NOT EXISTS script_tracking.script_execution_s (
    script_execution_hk bytea NOT NULL,
    load_date timestamptz DEFAULT util.current_load_date(),
    load_end_date timestamptz,
    hash_diff bytea NOT NULL,
    version_number bigint DEFAULT nextval('script_tracking.version_sequence'),
    script_name varchar(255) NOT NULL,
    script_type varchar(50) DEFAULT 'MANUAL',
    execution_status varchar(20) DEFAULT 'RUNNING',
    execution_timestamp timestamptz DEFAULT CURRENT_TIMESTAMP,
    execution_duration_ms integer,
    db_session_user varchar(100) DEFAULT SESSION_USER,
    client_ip inet DEFAULT inet_client_addr(),
    affected_objects text[],
    sql_command text,
    error_message text,
    metadata jsonb,
    record_source varchar(100) NOT NULL,
    tenant_hk bytea,
    log_xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    -- The login that wrote this version, where it is another than db_session_user, which ran the operation.
    recorded_by varchar(100),
    -- The name of the change that brought this version, where a store gave one: a retry is known by it.
    unit_id uuid,
    PRIMARY KEY (script_execution_hk, load_date)
)
-- Each close leaves a dead row: vacuumed early, its room is taken by the next.
WITH (autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE script_tracking.script_execution_s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CALL script_tracking.allow_table('script_tracking.script_execution_s', 'script_tracking_reader');

-- What is running now. It mentions load_end_date, so closing a RUNNING version is no HOT update: the one index worth that. What
-- was closed stays in it until the next vacuum: equal keys share one, 5 bytes an operation, where with execution_timestamp it was 28.
CREATE INDEX IF NOT EXISTS script_execution_s_running ON script_tracking.script_execution_s (tenant_hk)
    WHERE execution_status = 'RUNNING' AND load_end_date IS NULL;

-- What ended. A finished version is never closed, so this needs no load_end_date, and reports read it alone.
CREATE INDEX IF NOT EXISTS script_execution_s_finished ON script_tracking.script_execution_s (tenant_hk, execution_timestamp)
    INCLUDE (script_type, execution_status, execution_duration_ms) WITH (fillfactor = 95)
    WHERE execution_status <> 'RUNNING';

-- Few rows, and the ones that are looked for.
CREATE INDEX IF NOT EXISTS script_execution_s_failed ON script_tracking.script_execution_s (tenant_hk, execution_timestamp)
    WHERE execution_status = 'FAILED';

-- The log: see log_epoch. It grows at its end, and a close comes back to where its version is: a page keeps room for those.
-- Without version_number it would be 17 bytes an operation less, and a reader of 100,000 operations of one transaction would
-- take 0.2 to 0.45 s a page, not 0.01: each page sorts them all.
CREATE INDEX IF NOT EXISTS script_execution_s_log ON script_tracking.script_execution_s (log_xid, version_number)
    WITH (fillfactor = 95);
