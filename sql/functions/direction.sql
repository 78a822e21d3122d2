-- Where p_now_part / p_now_whole is going: STABLE within 5 % of the earlier value. Cross-multiplied, so exact.
CREATE OR REPLACE FUNCTION script_tracking.direction(p_now_part numeric, p_now_whole numeric, p_earlier_part numeric, p_earlier_whole numeric) RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE
        WHEN p_now_part IS NULL OR p_now_whole = 0 THEN 'NO_DATA'
        WHEN p_earlier_part IS NULL OR p_earlier_whole = 0 THEN 'NEW'
        WHEN p_now_part * p_earlier_whole * 100 > p_earlier_part * p_now_whole * 105 THEN 'UP'
        WHEN p_now_part * p_earlier_whole * 100 < p_earlier_part * p_now_whole * 95 THEN 'DOWN'
        ELSE 'STABLE'
    END;
END
$$;

CALL script_tracking.allow('script_tracking.direction(numeric, numeric, numeric, numeric)');
