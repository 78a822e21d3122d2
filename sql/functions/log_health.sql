-- The LOG row of get_system_health: whether a transaction in progress, of any database of the cluster, holds back what the
-- log's readers wait for, and by p_at for how long. That is seen where the owner of these functions may read pg_stat_activity.
CREATE OR REPLACE FUNCTION script_tracking.log_health(p_at timestamptz)
RETURNS TABLE (health_metric text, current_status text, details text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_held_back xid8 := (SELECT h.held_back FROM script_tracking.store_held_back() h);
    v_holder text;
    v_since timestamptz;
    v_open interval;
BEGIN
    -- The oldest of those that are still there: the one at the horizon may have ended since.
    SELECT h.holder, h.since INTO v_holder, v_since
    FROM (SELECT a.backend_xid, format('process %s', a.pid), a.xact_start FROM pg_stat_activity a
          UNION ALL
          SELECT p.transaction, format('prepared transaction %L', p.gid), p.prepared FROM pg_prepared_xacts p) AS h (xid, holder, since)
    WHERE age(h.xid) > age(v_held_back::xid)
    ORDER BY age(h.xid) DESC LIMIT 1;
    v_open := p_at - v_since;
    health_metric := 'horizon';
    -- Without a holder nothing is held back, or no longer.
    current_status := CASE WHEN v_holder IS NULL THEN 'EXCELLENT' WHEN v_open IS NULL THEN 'GOOD'
        WHEN v_open < interval '1 minute' THEN 'EXCELLENT' WHEN v_open < interval '10 minutes' THEN 'GOOD'
        WHEN v_open < interval '1 hour' THEN 'WARNING' ELSE 'POOR' END;
    details := CASE WHEN current_status = 'EXCELLENT' THEN 'Nothing holds the log back for long.'
        WHEN v_open IS NULL THEN format('The log is held back by %s; how long is seen after GRANT pg_read_all_stats TO %I.',
                                        v_holder, current_user)
        ELSE format('The log is held back by %s, open since %s: end it, or its readers wait.', v_holder,
                    to_char(v_since AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')) END;
    RETURN NEXT;
END
$$;

CALL script_tracking.allow('script_tracking.log_health(timestamptz)');
