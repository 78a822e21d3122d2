-- Marks FAILED each CONCURRENTLY whose start was committed and whose end will not come, and returns how many: p_known, which
-- this session began and knows to be over, or all whose backend does nothing. A backend that works is in a transaction, or between two of
-- one command, which then keeps a lock on its table. Called where such a command begins; anyone who writes may call it.
CREATE OR REPLACE FUNCTION script_tracking.fail_interrupted_ddl(p_known bytea DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET standard_conforming_strings = on  -- or a session could change what our literals say
AS $$
DECLARE
    v script_tracking.script_execution_s;
    v_open_load_date timestamptz;
    v_failed integer := 0;
BEGIN
    FOR v IN
        SELECT s.* FROM script_tracking.script_execution_s s
        WHERE s.execution_status = 'RUNNING' AND s.load_end_date IS NULL AND s.script_type = 'DDL_AUTO'
          AND s.metadata->>'backend_pid' ~ '^\d{1,9}$'
          AND CASE WHEN p_known IS NOT NULL THEN s.script_execution_hk = p_known
              AND (s.metadata->>'backend_pid')::integer = pg_backend_pid() ELSE NOT EXISTS (
              SELECT FROM pg_locks l WHERE l.pid = (s.metadata->>'backend_pid')::integer AND l.granted
                AND (l.locktype = 'virtualxid' OR l.locktype = 'relation' AND l.mode = 'ShareUpdateExclusiveLock')) END
    LOOP
        v_open_load_date := v.load_date;
        v.load_date := clock_timestamp();
        v.execution_status := 'FAILED';
        v.error_message := 'It failed, or its session ended, after it had committed in part: an invalid index may be left.';
        v.record_source := 'fail_interrupted_ddl';
        -- When it failed is not known, so there is no duration.
        v.hash_diff := script_tracking.calculate_hash_diff(v);
        IF script_tracking.write_next(v_open_load_date, v) THEN
            v_failed := v_failed + 1;
        END IF;
    END LOOP;
    RETURN v_failed;
END
$$;

CALL script_tracking.allow('script_tracking.fail_interrupted_ddl(bytea)', 'script_tracking_writer');
