-- The last transaction id of a version that is committed and not yet in the log, because a transaction in progress has a
-- smaller one; NULL when there is none. And the smallest id in progress, the log's horizon.
CREATE OR REPLACE FUNCTION script_tracking.store_held_back(OUT held_back xid8, OUT horizon xid8)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    horizon := pg_snapshot_xmin(pg_current_snapshot());
    -- As the last epoch only holds ids of this cluster, and those before may hold any.
    SELECT s.log_xid INTO held_back FROM script_tracking.script_execution_s s
    WHERE s.log_xid >= horizon AND s.log_xid < pg_snapshot_xmax(pg_current_snapshot())
        AND s.version_number > (SELECT max(after_version) FROM script_tracking.log_epoch)
    ORDER BY s.log_xid DESC LIMIT 1;
END
$$;

CALL script_tracking.allow('script_tracking.store_held_back()', 'script_tracking_reader');
