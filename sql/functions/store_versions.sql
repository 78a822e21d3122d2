-- The versions of one operation of a scope after a load date, oldest first.
CREATE OR REPLACE FUNCTION script_tracking.store_versions(
    p_all boolean, p_tenant_hk bytea, p_execution_hk bytea, p_after timestamptz, p_limit bigint)
RETURNS SETOF script_tracking.store_row
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM script_tracking.store_scope(p_all, p_tenant_hk);
    RETURN QUERY SELECT * FROM script_tracking.store_version v
    WHERE v.script_execution_hk = p_execution_hk AND v.load_date > coalesce(p_after, '-infinity')
        AND v.script_execution_bk IS NOT NULL AND (p_all OR v.hub_tenant_hk IS NOT DISTINCT FROM p_tenant_hk)
    ORDER BY v.load_date LIMIT p_limit;
END
$$;

CALL script_tracking.allow('script_tracking.store_versions(boolean, bytea, bytea, timestamptz, bigint)', 'script_tracking_reader');
