-- Writes one more state of a migration, for a runner outside of the server, which holds the migrations' lock. The primary
-- key refuses the slower of two that lost it.
CREATE OR REPLACE FUNCTION script_tracking.record_migration(
    p_kind text, p_version text, p_status text, p_file text, p_checksum bytea, p_execution_time_ms integer,
    p_statement_number integer, p_error_details text, p_execution_hk bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO script_tracking.migration (migration_kind, migration_version, state_number, migration_status,
        migration_file, checksum, load_date, execution_time_ms, statement_number, error_details, script_execution_hk)
    SELECT p_kind, p_version, coalesce(max(m.state_number), 0) + 1, p_status, p_file, p_checksum,
        greatest(clock_timestamp(), max(m.load_date) + interval '1 microsecond'), p_execution_time_ms,
        p_statement_number, p_error_details, p_execution_hk
    FROM script_tracking.migration AS m
    WHERE m.migration_kind = p_kind AND m.migration_version = p_version;
END
$$;

CALL script_tracking.allow(
    'script_tracking.record_migration(text, text, text, text, bytea, integer, integer, text, bytea)', 'script_tracking_admin');
