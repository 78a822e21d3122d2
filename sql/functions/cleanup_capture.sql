-- Removes what is older than p_before of the records beside the ledger that tell how capture went.
CREATE OR REPLACE FUNCTION script_tracking.cleanup_capture(p_before timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM script_tracking.capture_failure WHERE failed_at < p_before;
    DELETE FROM script_tracking.capture_switch_off WHERE switched_off_at < p_before;
END
$$;

CALL script_tracking.allow('script_tracking.cleanup_capture(timestamptz)');
