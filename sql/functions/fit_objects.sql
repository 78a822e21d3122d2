-- As many of these objects, from the first on, as one operation may hold: the limits of check_objects.
CREATE OR REPLACE FUNCTION script_tracking.fit_objects(p_objects text[]) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (SELECT array_agg(object ORDER BY place) FROM (
        SELECT object, place, sum(octet_length(object)) OVER (ORDER BY place) AS bytes
        FROM unnest(p_objects) WITH ORDINALITY AS o (object, place)) AS sized WHERE place <= 10000 AND bytes <= 1048576);
END
$$;

CALL script_tracking.allow('script_tracking.fit_objects(text[])');
