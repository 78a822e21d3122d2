-- One step of cleanup_old_data_batched; whether there may be more to do.
CREATE OR REPLACE FUNCTION script_tracking.cleanup_step(p_retention_days integer, p_batch integer) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_before timestamptz := script_tracking.window_start(clock_timestamp(), 'p_retention_days', p_retention_days, 24);
BEGIN
    IF p_batch IS NULL OR p_batch < 1 THEN
        RAISE EXCEPTION 'p_batch must be from 1 to 2147483647, not %', coalesce(p_batch::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- As in cleanup_old_data.
    PERFORM script_tracking.lock_operation_count(t, true) FROM script_tracking.each_tenant() AS t;
    PERFORM script_tracking.cleanup_capture(v_before);
    RETURN script_tracking.cleanup_batch(v_before, p_batch) = p_batch;
END
$$;

CALL script_tracking.allow('script_tracking.cleanup_step(integer, integer)', 'script_tracking_admin');
