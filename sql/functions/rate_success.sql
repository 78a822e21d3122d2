-- The word for a share of p_whole: above 95 %, above 90, above 80, or less. Compared exactly.
CREATE OR REPLACE FUNCTION script_tracking.rate_success(p_part numeric, p_whole numeric) RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE
        WHEN p_part * 100 > p_whole * 95 THEN 'EXCELLENT'
        WHEN p_part * 100 > p_whole * 90 THEN 'GOOD'
        WHEN p_part * 100 > p_whole * 80 THEN 'WARNING'
        ELSE 'POOR'
    END;
END
$$;

CALL script_tracking.allow('script_tracking.rate_success(numeric, numeric)');
