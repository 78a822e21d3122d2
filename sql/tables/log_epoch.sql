-- Epochs of the log. Transaction ids order it within one history of one cluster; a restore into another cluster, and a
-- promotion, begin another: an epoch. A version belongs to the last epoch whose after_version is below its number.
CREATE TABLE IF NOT EXISTS script_tracking.log_epoch (
    epoch bigint PRIMARY KEY,
    -- Of the store, the same in all epochs: a copy has it too.
    store_id uuid NOT NULL,
    -- The system identifier and timeline of the cluster.
    cluster text NOT NULL,
    after_version bigint NOT NULL,
    began_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
ALTER TABLE script_tracking.log_epoch ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CALL script_tracking.allow_table('script_tracking.log_epoch', 'script_tracking_reader');
