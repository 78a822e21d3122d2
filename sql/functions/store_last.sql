-- The last place of the log that the session may see, when it is after a given one; else no row.
CREATE OR REPLACE FUNCTION script_tracking.store_last(p_epoch bigint, p_log_xid xid8, p_version_number bigint)
RETURNS TABLE (epoch bigint, log_xid xid8, version_number bigint)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    e record;
BEGIN
    FOR e IN
        SELECT l.epoch, l.after_version, lead(l.after_version) OVER (ORDER BY l.epoch) AS until_version
        FROM script_tracking.log_epoch l WHERE l.epoch >= p_epoch ORDER BY l.epoch DESC
    LOOP
        RETURN QUERY SELECT e.epoch, s.log_xid, s.version_number FROM script_tracking.script_execution_s s
        WHERE (s.log_xid, s.version_number) > (CASE WHEN e.epoch = p_epoch THEN p_log_xid ELSE '0' END,
                                               CASE WHEN e.epoch = p_epoch THEN p_version_number ELSE 0 END)
            AND s.version_number > e.after_version AND s.version_number <= coalesce(e.until_version, 9223372036854775807)
            AND s.log_xid < CASE WHEN e.until_version IS NULL THEN pg_snapshot_xmin(pg_current_snapshot())
                            ELSE '18446744073709551615' END
        ORDER BY s.log_xid DESC, s.version_number DESC LIMIT 1;
        EXIT WHEN FOUND;
    END LOOP;
END
$$;

CALL script_tracking.allow('script_tracking.store_last(bigint, xid8, bigint)', 'script_tracking_reader');
