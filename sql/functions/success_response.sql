-- A success as data: p_answer, and the same details that an error has.
CREATE OR REPLACE FUNCTION script_tracking.success_response(p_answer jsonb, p_operation_hk bytea DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN p_answer || jsonb_build_object('success', true, 'details', jsonb_build_object(
        'operation_id', encode(p_operation_hk, 'hex'), 'timestamp', script_tracking.utc_text(clock_timestamp())));
END
$$;

CALL script_tracking.allow('script_tracking.success_response(jsonb, bytea)', 'script_tracking_reader');
