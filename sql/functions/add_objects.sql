-- Appends what is not there yet, once, in the order given. NULL and '{}' add nothing, and leave NULL as it is.
CREATE OR REPLACE FUNCTION script_tracking.add_objects(p_known text[], p_new text[]) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN nullif(p_known, '{}') || (
        SELECT array_agg(object ORDER BY place) FROM (
            SELECT object, min(place) AS place FROM unnest(p_new) WITH ORDINALITY AS given (object, place)
            WHERE object IS NOT NULL AND object <> ALL (coalesce(array_remove(p_known, NULL), '{}')) GROUP BY object) AS added);
END
$$;

CALL script_tracking.allow('script_tracking.add_objects(text[], text[])');
