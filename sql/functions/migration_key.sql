-- What a version is compared by: digits with dots or underscores between are numbers, part by part (001 is 1 and 1.0), as for
-- `opledger migrate`; anything else, and what a repeatable one is called, is text.
CREATE OR REPLACE FUNCTION script_tracking.migration_key(p_kind text, p_version text) RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_kind <> 'VERSIONED' OR p_version !~ '^[0-9]+([._][0-9]+)*$' THEN
        RETURN p_version;
    END IF;
    RETURN regexp_replace(
        regexp_replace('.' || translate(p_version, '_', '.'), '[.]0+(?=[0-9])', '.', 'g'), '([.]0)+$', '');
END
$$;

CALL script_tracking.allow('script_tracking.migration_key(text, text)');
