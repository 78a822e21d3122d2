-- Removes finished operations older than so many days, all in this transaction; returns how many. RUNNING ones stay.
CREATE OR REPLACE FUNCTION script_tracking.cleanup_old_data(p_retention_days integer DEFAULT 365) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_before timestamptz := script_tracking.window_start(clock_timestamp(), 'p_retention_days', p_retention_days, 24);
    v_removed integer := 0;
    v_batch integer;
BEGIN
    -- First, in one order: two cleanups at once must not wait for each other, nor find the same operations.
    PERFORM script_tracking.lock_operation_count(t, true) FROM script_tracking.each_tenant() AS t;
    LOOP
        v_batch := script_tracking.cleanup_batch(v_before, 10000);
        EXIT WHEN v_batch = 0;
        v_removed := v_removed + v_batch;
    END LOOP;
    PERFORM script_tracking.cleanup_capture(v_before);
    RETURN v_removed;
END
$$;

CALL script_tracking.allow('script_tracking.cleanup_old_data(integer)', 'script_tracking_admin');
