-- The operations of a scope after a key, as they stand, by key.
CREATE OR REPLACE FUNCTION script_tracking.store_operations(p_all boolean, p_tenant_hk bytea, p_after bytea, p_limit bigint)
RETURNS SETOF script_tracking.store_row
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM script_tracking.store_scope(p_all, p_tenant_hk);
    RETURN QUERY SELECT * FROM script_tracking.store_version v
    WHERE v.script_execution_hk > coalesce(p_after, '') AND v.load_end_date IS NULL AND v.script_execution_bk IS NOT NULL
        AND (p_all OR v.hub_tenant_hk IS NOT DISTINCT FROM p_tenant_hk)
    ORDER BY v.script_execution_hk LIMIT p_limit;
END
$$;

CALL script_tracking.allow('script_tracking.store_operations(boolean, bytea, bytea, bigint)', 'script_tracking_reader');
