-- <first 200 characters of the name>_<UTC time to the microsecond>_<6 random hex digits>
CREATE OR REPLACE FUNCTION script_tracking.business_key(p_name text, p_at timestamptz) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN left(p_name, 200) || to_char(p_at AT TIME ZONE 'UTC', '_YYYY-MM-DD_HH24:MI:SS.US_')
        || left(gen_random_uuid()::text, 6);
END
$$;

CALL script_tracking.allow('script_tracking.business_key(text, timestamptz)');
