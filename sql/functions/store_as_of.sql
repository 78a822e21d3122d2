-- The version of one operation of a scope that was known at a moment; no row where nothing was.
CREATE OR REPLACE FUNCTION script_tracking.store_as_of(p_all boolean, p_tenant_hk bytea, p_execution_hk bytea, p_at timestamptz)
RETURNS SETOF script_tracking.store_row
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM script_tracking.store_scope(p_all, p_tenant_hk);
    RETURN QUERY SELECT * FROM script_tracking.store_version v
    WHERE v.script_execution_hk = p_execution_hk AND v.load_date <= p_at
        AND v.script_execution_bk IS NOT NULL AND (p_all OR v.hub_tenant_hk IS NOT DISTINCT FROM p_tenant_hk)
    ORDER BY v.load_date DESC LIMIT 1;
END
$$;

CALL script_tracking.allow('script_tracking.store_as_of(boolean, bytea, bytea, timestamptz)', 'script_tracking_reader');
