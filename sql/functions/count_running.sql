-- How many operations that the session may see are running, and how many of them started before p_stale_before. Few are, whatever
-- statistics say: of the rows that were RUNNING, nearly all are closed.
CREATE OR REPLACE FUNCTION script_tracking.count_running(p_stale_before timestamptz, OUT running bigint, OUT stale bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    SELECT count(*), count(*) FILTER (WHERE s.execution_timestamp < p_stale_before) INTO running, stale
    FROM script_tracking.script_execution_s s
    WHERE s.execution_status = 'RUNNING' AND s.load_end_date IS NULL;
END
$$;

CALL script_tracking.allow('script_tracking.count_running(timestamptz)');
