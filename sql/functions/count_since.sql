-- Counts a tenant's operations (NULL: the system's) that are not in a count of p_horizon and p_pending, up to one of p_until and
-- p_until_pending. Row security is no index condition, so the tenant is named; and whatever statistics say, they are few.
CREATE OR REPLACE FUNCTION script_tracking.count_since(
    p_tenant_hk bytea, p_horizon xid8, p_pending xid8[], p_until xid8 DEFAULT '18446744073709551615',
    p_until_pending xid8[] DEFAULT '{}')
RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET max_parallel_workers_per_gather = 0
SET enable_seqscan = off
AS $$
DECLARE
    v_count bigint;
BEGIN
    EXECUTE format($query$
        SELECT (SELECT count(*) FROM script_tracking.script_execution_h
                WHERE %1$s AND log_xid >= $2 AND log_xid < $4 AND log_xid <> ALL ($5))
            + (SELECT count(*) FROM script_tracking.script_execution_h
               WHERE %1$s AND log_xid = ANY ($3) AND log_xid <> ALL ($5)) $query$,
        CASE WHEN p_tenant_hk IS NULL THEN 'tenant_hk IS NULL' ELSE 'tenant_hk = $1' END)
    INTO v_count USING p_tenant_hk, p_horizon, p_pending, p_until, p_until_pending;
    RETURN v_count;
END
$$;

CALL script_tracking.allow('script_tracking.count_since(bytea, xid8, xid8[], xid8, xid8[])');
