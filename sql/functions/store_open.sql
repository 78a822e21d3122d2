-- What a store asks for when it connects: who it is, and the epoch of the log. Begins an epoch where the cluster is not
-- the one that the last epoch was in. On a standby, and in a session that may not write, that is not settled: who writes later
-- must ask again.
CREATE OR REPLACE FUNCTION script_tracking.store_open(OUT store_id uuid, OUT epoch bigint, OUT settled boolean)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_last script_tracking.log_epoch;
    v_cluster text;
BEGIN
    SELECT * INTO v_last FROM script_tracking.log_epoch e ORDER BY e.epoch DESC LIMIT 1;
    store_id := v_last.store_id;
    epoch := v_last.epoch;
    settled := NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off';
    IF NOT settled THEN
        RETURN;
    END IF;
    v_cluster := (SELECT system_identifier FROM pg_control_system()) || '/' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8);
    IF v_last.cluster = v_cluster THEN
        RETURN;
    END IF;
    LOCK TABLE script_tracking.log_epoch IN EXCLUSIVE MODE;
    SELECT * INTO v_last FROM script_tracking.log_epoch e ORDER BY e.epoch DESC LIMIT 1;
    store_id := coalesce(v_last.store_id, gen_random_uuid());
    epoch := v_last.epoch;
    IF v_last.cluster IS DISTINCT FROM v_cluster THEN
        epoch := coalesce(v_last.epoch, 0) + 1;
        -- Numbers up to here were given out in an earlier history: a dump holds the sequence too.
        INSERT INTO script_tracking.log_epoch (epoch, store_id, cluster, after_version)
        SELECT store_open.epoch, store_open.store_id, v_cluster,
            CASE WHEN v_last.epoch IS NULL THEN 0 WHEN q.is_called THEN q.last_value ELSE 0 END
        FROM script_tracking.version_sequence q;
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.store_open()', 'script_tracking_reader');
-- The first epoch, or, after a restore, the next.
DO $$ BEGIN PERFORM script_tracking.store_open(); END $$;
