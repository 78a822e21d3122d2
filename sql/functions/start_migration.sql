-- Takes the migrations' turn, until the transaction ends, and tells whether this one is to be run: RUNNING (then it is
-- written), ALREADY_APPLIED, CHECKSUM_MISMATCH, or FAILED where a runner left it half done. What failed, was interrupted or was
-- taken back may run again, changed or not.
CREATE OR REPLACE FUNCTION script_tracking.start_migration(
    p_version text, p_file text, p_checksum bytea, p_kind text DEFAULT 'VERSIONED', OUT o_status text, OUT o_details text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_last script_tracking.migration;
BEGIN
    -- Before, so as not to wait for one; after, because one may have been killed meanwhile.
    PERFORM script_tracking.check_no_runner();
    PERFORM pg_advisory_xact_lock(hashtextextended('opledger migration', 0));
    PERFORM script_tracking.check_no_runner();
    v_last := script_tracking.last_migration(p_kind, p_version);
    IF v_last.migration_status = 'BASELINE' OR v_last.migration_status = 'APPLIED' AND v_last.checksum = p_checksum THEN
        o_status := 'ALREADY_APPLIED';
        RETURN;
    ELSIF v_last.migration_status = 'APPLIED' AND p_kind = 'VERSIONED' THEN
        o_status := 'CHECKSUM_MISMATCH';
        o_details := format('version %s was applied at %s from %s with checksum %s; this file has checksum %s', p_version,
            script_tracking.utc_text(v_last.load_date), v_last.migration_file, encode(v_last.checksum, 'hex'),
            encode(p_checksum, 'hex'));
        RETURN;
    ELSIF v_last.migration_status IN ('RUNNING', 'FAILED') AND v_last.statement_number IS NOT NULL THEN
        o_status := 'FAILED';
        o_details := format('55000: version %s was left half done at %s by a runner without a transaction, from %s: statement %s had '
            'begun, those before it are done. Undo them, or make the file safe to run again, then `opledger migrate repair`; or '
            'finish it by hand, then `opledger migrate repair --accept`', p_version, script_tracking.utc_text(v_last.load_date),
            coalesce(v_last.migration_file, 'a file'), v_last.statement_number);
        RETURN;
    END IF;
    INSERT INTO script_tracking.migration (migration_kind, migration_version, state_number, migration_status,
        migration_file, checksum, load_date)
    VALUES (p_kind, coalesce(v_last.migration_version, p_version), coalesce(v_last.state_number, 0) + 1, 'RUNNING', p_file, p_checksum,
        greatest(clock_timestamp(), v_last.load_date + interval '1 microsecond'));
    o_status := 'RUNNING';
EXCEPTION
    WHEN unique_violation THEN
        -- Under the lock only a state that this snapshot can't see has that number.
        RAISE EXCEPTION 'version % was run after this transaction took its snapshot', p_version
            USING ERRCODE = 'serialization_failure', HINT = 'Run it again in a new transaction.';
END
$$;

CALL script_tracking.allow('script_tracking.start_migration(text, text, bytea, text)', 'script_tracking_admin');
