-- Takes the migrations' turn, until the transaction ends, and tells whether this one is to be run: RUNNING (then it is
-- written), ALREADY_APPLIED or CHECKSUM_MISMATCH. What failed or was interrupted may run again, changed or not.
CREATE OR REPLACE FUNCTION script_tracking.start_migration(
    p_version text, p_file text, p_checksum bytea, p_kind text DEFAULT 'VERSIONED', OUT o_status text, OUT o_details text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_last script_tracking.migration;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('opledger migration', 0));
    SELECT * INTO v_last FROM script_tracking.migration
    WHERE migration_kind = p_kind AND migration_version = p_version
    ORDER BY state_number DESC LIMIT 1;
    IF v_last.migration_status = 'BASELINE' OR v_last.migration_status = 'APPLIED' AND v_last.checksum = p_checksum THEN
        o_status := 'ALREADY_APPLIED';
        RETURN;
    ELSIF v_last.migration_status = 'APPLIED' AND p_kind = 'VERSIONED' THEN
        o_status := 'CHECKSUM_MISMATCH';
        o_details := format('version %s was applied at %s from %s with checksum %s; this file has checksum %s', p_version,
            script_tracking.utc_text(v_last.load_date), v_last.migration_file, encode(v_last.checksum, 'hex'),
            encode(p_checksum, 'hex'));
        RETURN;
    END IF;
    INSERT INTO script_tracking.migration (migration_kind, migration_version, state_number, migration_status,
        migration_file, checksum, load_date)
    VALUES (p_kind, p_version, coalesce(v_last.state_number, 0) + 1, 'RUNNING', p_file, p_checksum, clock_timestamp());
    o_status := 'RUNNING';
EXCEPTION
    WHEN unique_violation THEN
        -- Under the lock only a state that this snapshot can't see has that number.
        RAISE EXCEPTION 'version % was run after this transaction took its snapshot', p_version
            USING ERRCODE = 'serialization_failure', HINT = 'Run it again in a new transaction.';
END
$$;

CALL script_tracking.allow('script_tracking.start_migration(text, text, bytea, text)', 'script_tracking_admin');
