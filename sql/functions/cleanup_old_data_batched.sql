-- As cleanup_old_data, but each batch is committed: locks are short, and vacuum can follow. PostgreSQL refuses COMMIT in
-- a procedure that is SECURITY DEFINER or has a SET clause, so this one has neither, and does nothing but to call one.
CREATE OR REPLACE PROCEDURE script_tracking.cleanup_old_data_batched(
    p_retention_days integer DEFAULT 365, p_batch integer DEFAULT 1000)
LANGUAGE plpgsql
AS $$
BEGIN
    WHILE script_tracking.cleanup_step(p_retention_days, p_batch) LOOP
        COMMIT;
    END LOOP;
END
$$;

CALL script_tracking.allow('script_tracking.cleanup_old_data_batched(integer, integer)', 'script_tracking_admin');
