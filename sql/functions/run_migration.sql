-- Runs a migration file once. Not SECURITY DEFINER: the server reads the file, and runs it, with the caller's rights and
-- search_path. An error undoes the file's work and no more; the record of it stays. Called by run_migration_enterprise.
CREATE OR REPLACE FUNCTION script_tracking.run_migration(p_migration_file text, p_migration_version text, p_search_path text)
RETURNS TABLE(migration_status varchar(20), execution_time_ms integer, objects_affected integer, error_details text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_login name := session_user;
    v_role text := current_setting('role');
    v_text text;
    v_statements text;
    v_started timestamptz;
    v_code text;
    v_message text;
BEGIN
    PERFORM script_tracking.check_migration(p_migration_file, p_migration_version);
    v_text := pg_read_file(p_migration_file);
    IF encode(convert_to(left(v_text, 1), 'UTF8'), 'hex') = 'efbbbf' THEN
        v_text := substr(v_text, 2);
    END IF;
    SELECT o_status, o_details INTO migration_status, error_details FROM script_tracking.start_migration(
        p_migration_version, p_migration_file, script_tracking.migration_checksum(v_text));
    IF migration_status <> 'RUNNING' THEN
        execution_time_ms := 0;
        objects_affected := 0;
        RETURN NEXT;
        RETURN;
    END IF;
    v_started := clock_timestamp();
    -- What would fail at the commit must fail here, where it can be recorded. Also, EXECUTE refuses a text that ends with
    -- SELECT ... INTO.
    v_statements := v_text || E'\n;SET CONSTRAINTS ALL IMMEDIATE';
    BEGIN
        PERFORM set_config('search_path', p_search_path, true);
        EXECUTE v_statements;
        -- The file may have become somebody else, or moved; the record is the caller's, and so is the session.
        IF pg_catalog.current_setting('search_path') OPERATOR(pg_catalog.<>) p_search_path THEN
            PERFORM pg_catalog.set_config('search_path', p_search_path, false);
        END IF;
        PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
        IF session_user <> v_login THEN
            PERFORM set_config('session_authorization', v_login, false);
        END IF;
        IF current_setting('role') <> v_role THEN
            PERFORM set_config('role', v_role, false);
        END IF;
        migration_status := 'APPLIED';
    EXCEPTION
        WHEN OTHERS OR assert_failure THEN
            GET STACKED DIAGNOSTICS v_code = RETURNED_SQLSTATE, v_message = MESSAGE_TEXT;
            migration_status := 'FAILED';
            error_details := concat_ws('. ', v_code || ': ' || v_message, script_tracking.migration_hint(v_code, v_text));
            v_message := v_code || ': ' || left(script_tracking.mask_message(v_message, v_text), 10000);
    END;
    SELECT o_execution_time_ms, o_objects_affected INTO execution_time_ms, objects_affected
    FROM script_tracking.finish_migration(p_migration_version, v_started, v_code, v_message);
    RETURN NEXT;
END
$$;

CALL script_tracking.allow('script_tracking.run_migration(text, text, text)', 'script_tracking_admin');
