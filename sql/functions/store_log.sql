-- The log of a scope after a place, in its order. Of the current epoch only what no transaction in progress can precede;
-- what is committed and must wait for one of those is not in here: see store_held_back.
CREATE OR REPLACE FUNCTION script_tracking.store_log(
    p_all boolean, p_tenant_hk bytea, p_epoch bigint, p_log_xid xid8, p_version_number bigint, p_limit bigint)
RETURNS SETOF script_tracking.store_row
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_left bigint := p_limit;
    v_found bigint;
    e record;
BEGIN
    PERFORM script_tracking.store_scope(p_all, p_tenant_hk);
    FOR e IN
        SELECT l.epoch, l.after_version, lead(l.after_version) OVER (ORDER BY l.epoch) AS until_version
        FROM script_tracking.log_epoch l WHERE l.epoch >= p_epoch ORDER BY l.epoch
    LOOP
        RETURN QUERY SELECT * FROM script_tracking.store_version v
        WHERE (v.log_xid, v.version_number) > (CASE WHEN e.epoch = p_epoch THEN p_log_xid ELSE '0' END,
                                               CASE WHEN e.epoch = p_epoch THEN p_version_number ELSE 0 END)
            AND v.version_number > e.after_version AND v.version_number <= coalesce(e.until_version, 9223372036854775807)
            AND v.log_xid < CASE WHEN e.until_version IS NULL THEN pg_snapshot_xmin(pg_current_snapshot())
                            ELSE '18446744073709551615' END
            AND (p_all OR v.tenant_hk IS NOT DISTINCT FROM p_tenant_hk)
        ORDER BY v.log_xid, v.version_number LIMIT v_left;
        GET DIAGNOSTICS v_found = ROW_COUNT;
        v_left := v_left - v_found;
        EXIT WHEN v_left <= 0;
    END LOOP;
END
$$;

CALL script_tracking.allow('script_tracking.store_log(boolean, bytea, bigint, xid8, bigint, bigint)', 'script_tracking_reader');
