-- A hash that no password has, to spend the time of a check on: its last 31 characters are no bcrypt output.
CREATE OR REPLACE FUNCTION script_tracking.bcrypt_dummy(p_cost integer) RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN format('$2a$%s$%s%s', lpad(p_cost::text, 2, '0'), repeat('.', 22), repeat('*', 31));
END
$$;

CALL script_tracking.allow('script_tracking.bcrypt_dummy(integer)');
