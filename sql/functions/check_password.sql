-- Whether the password is the one of the hash; NULL stands for an unknown user. It always takes the time of p_cost, which
-- no stored cost is above: what a lower stored cost leaves is spent, for 2^a + 2^a + 2^(a+1) + ... + 2^(b-1) = 2^b.
CREATE OR REPLACE FUNCTION script_tracking.check_password(p_password text, p_password_hash text, p_cost integer) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_hash text := coalesce(p_password_hash, script_tracking.bcrypt_dummy(p_cost));
    v_success boolean := script_tracking.bcrypt(p_password, v_hash) = v_hash;
BEGIN
    FOR v_cost IN substr(v_hash, 5, 2)::integer .. p_cost - 1 LOOP
        PERFORM script_tracking.bcrypt(p_password, script_tracking.bcrypt_dummy(v_cost));
    END LOOP;
    RETURN v_success;
END
$$;

CALL script_tracking.allow('script_tracking.check_password(text, text, integer)');
