-- A duration rounded down to 7 significant bits, as p95 is: a histogram then gives it exactly.
CREATE OR REPLACE FUNCTION script_tracking.seven_bits(p_duration_ms integer) RETURNS integer
LANGUAGE plpgsql IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_dropped integer := greatest(length(ltrim(p_duration_ms::bit(32)::text, '0')) - 7, 0);
BEGIN
    RETURN (p_duration_ms >> v_dropped) << v_dropped;
END
$$;

CALL script_tracking.allow('script_tracking.seven_bits(integer)');
