-- The operations of a scope that have these keys, as they stand.
CREATE OR REPLACE FUNCTION script_tracking.store_get(p_all boolean, p_tenant_hk bytea, p_keys bytea[])
RETURNS SETOF script_tracking.store_row
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM script_tracking.store_scope(p_all, p_tenant_hk);
    RETURN QUERY SELECT * FROM script_tracking.store_version v
    WHERE v.script_execution_hk = ANY (p_keys) AND v.load_end_date IS NULL AND v.script_execution_bk IS NOT NULL
        AND (p_all OR v.hub_tenant_hk IS NOT DISTINCT FROM p_tenant_hk);
END
$$;

CALL script_tracking.allow('script_tracking.store_get(boolean, bytea, bytea[])', 'script_tracking_reader');
