-- The tenant that the session's setting names; NULL for none. It counts for trusted logins only: ask session_tenant().
CREATE OR REPLACE FUNCTION script_tracking.chosen_tenant() RETURNS bytea
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_chosen text := current_setting('script_tracking.tenant_hk', true);
BEGIN
    -- No backslash in a literal: standard_conforming_strings is the session's.
    IF left(v_chosen, 2) = chr(92) || 'x' THEN
        v_chosen := substr(v_chosen, 3);
    END IF;
    IF v_chosen <> '' AND v_chosen !~ '^[0-9A-Fa-f]{64}$' THEN
        RAISE EXCEPTION 'script_tracking.tenant_hk must be 64 hexadecimal digits, or empty for the system'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN decode(nullif(v_chosen, ''), 'hex');
END
$$;

CALL script_tracking.allow('script_tracking.chosen_tenant()', 'script_tracking_reader');
