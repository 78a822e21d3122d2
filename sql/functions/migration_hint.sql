-- What to do about a file that can't run inside of a function; NULL for other errors.
CREATE OR REPLACE FUNCTION script_tracking.migration_hint(p_error_code text, p_sql text) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- The lines of data after a COPY are no SQL.
    IF p_error_code IN ('0A000', '25001', '2D000') OR p_error_code = '42601'
       AND script_tracking.redact_sql(p_sql, 200000) ~* '[[:<:]]copy[[:>:]][^;]+[[:<:]]from[[:space:]]+stdin[[:>:]]' THEN
        RETURN 'Hint: opledger migrate runs files that need transactions of their own or data from a client.';
    END IF;
    RETURN NULL;
END
$$;

CALL script_tracking.allow('script_tracking.migration_hint(text, text)', 'script_tracking_admin');
