-- Writes how a migration that start_migration let run has ended, and its operation. p_error_details NULL: it was applied.
CREATE OR REPLACE FUNCTION script_tracking.finish_migration(
    p_version text, p_started timestamptz, p_error_code text DEFAULT NULL, p_error_details text DEFAULT NULL,
    p_kind text DEFAULT 'VERSIONED', OUT o_execution_time_ms integer, OUT o_objects_affected integer)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v script_tracking.migration;
    v_objects text[];
BEGIN
    v := script_tracking.last_migration(p_kind, p_version);
    IF v.migration_status IS DISTINCT FROM 'RUNNING' THEN
        RAISE EXCEPTION 'version % was not started', p_version USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Call script_tracking.start_migration first.';
    END IF;
    o_execution_time_ms := script_tracking.milliseconds(p_started, clock_timestamp());
    -- What a failed migration did is undone, and so are its records.
    v_objects := script_tracking.migrated_objects(p_started);
    o_objects_affected := CASE WHEN p_error_code IS NULL THEN cardinality(v_objects) ELSE 0 END;
    v.script_execution_hk := script_tracking.write_finished(
        left(format('Migration %s: %s', p_version, regexp_replace(v.migration_file, '^.*/', '')), 255), 'MIGRATION',
        p_started, o_execution_time_ms, p_error_code IS NULL, p_error_details, script_tracking.fit_objects(v_objects), NULL,
        jsonb_strip_nulls(jsonb_build_object('migration_kind', p_kind, 'migration_version', p_version,
            'migration_file', v.migration_file, 'checksum', encode(v.checksum, 'hex'), 'error_code', p_error_code)),
        'finish_migration');
    INSERT INTO script_tracking.migration (migration_kind, migration_version, state_number, migration_status,
        migration_file, checksum, load_date, execution_time_ms, objects_affected, error_details, script_execution_hk)
    VALUES (p_kind, v.migration_version, v.state_number + 1, CASE WHEN p_error_code IS NULL THEN 'APPLIED' ELSE 'FAILED' END,
        v.migration_file, v.checksum, greatest(clock_timestamp(), v.load_date + interval '1 microsecond'),
        o_execution_time_ms, o_objects_affected, p_error_details, v.script_execution_hk);
END
$$;

CALL script_tracking.allow('script_tracking.finish_migration(text, timestamptz, text, text, text)', 'script_tracking_admin');
