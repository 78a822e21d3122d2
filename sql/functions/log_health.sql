-- The LOG row of get_system_health: whether a transaction in progress, of any database of the cluster, holds back what the
-- log's readers wait for, and by p_at for how long. That is seen where the owner of these functions may read pg_stat_activity.
CREATE OR REPLACE FUNCTION script_tracking.log_health(p_at timestamptz)
RETURNS TABLE (health_metric text, current_status text, details text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_held_back xid8;
    v_horizon xid8;
    v_holder text;
    v_since timestamptz;
    v_open interval;
BEGIN
    SELECT h.held_back, h.horizon INTO v_held_back, v_horizon FROM script_tracking.store_held_back() h;
    IF v_held_back IS NOT NULL THEN
        SELECT format('process %s', a.pid), a.xact_start INTO v_holder, v_since
        FROM pg_stat_activity a WHERE a.backend_xid = v_horizon::xid;
        IF NOT FOUND THEN
            SELECT format('prepared transaction %L', p.gid), p.prepared INTO v_holder, v_since
            FROM pg_prepared_xacts p WHERE p.transaction = v_horizon::xid;
        END IF;
    END IF;
    v_open := p_at - v_since;
    health_metric := 'horizon';
    -- Without a holder it has ended since.
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
