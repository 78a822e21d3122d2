-- A version with its hub, as store_version has it: what functions for a store return, and opledger-postgres decodes, by place.
DO $$
BEGIN
    IF to_regtype('script_tracking.store_row') IS NULL THEN
        CREATE TYPE script_tracking.store_row AS (
            script_execution_hk bytea,
            script_execution_bk text,  -- NULL: the version is an orphan
            hub_tenant_hk bytea,
            hub_load_date timestamptz,
            hub_record_source text,
            load_date timestamptz,
            load_end_date timestamptz,
            hash_diff bytea,
            script_name text,
            script_type text,
            execution_status text,
            execution_timestamp timestamptz,
            execution_duration_ms integer,
            db_session_user text,
            client_ip inet,
            affected_objects text[],
            sql_command text,
            error_message text,
            metadata text,
            record_source text,
            tenant_hk bytea,
            epoch bigint,
            log_xid xid8,
            version_number bigint,
            unit_id uuid
        );
    END IF;
END
$$;
