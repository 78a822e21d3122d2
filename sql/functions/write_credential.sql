-- Writes a user's next credential, at today's cost, and closes the one before it.
CREATE OR REPLACE FUNCTION script_tracking.write_credential(
    p_user_hk bytea, p_tenant_hk bytea, p_password text, p_record_source text)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_cost integer := script_tracking.get_setting('bcrypt_cost')::integer;
    v_salt text;
    v_hash text;
    v_now timestamptz;
    v_load_date timestamptz;
BEGIN
    EXECUTE format('SELECT %s.gen_salt($1, $2)', script_tracking.pgcrypto_schema()) INTO v_salt USING 'bf'::text, v_cost;
    v_hash := script_tracking.bcrypt(p_password, v_salt);
    -- One that came from another store at the same time is closed, not met.
    PERFORM pg_advisory_xact_lock(hashtextextended('opledger document credential' || encode(p_user_hk, 'hex'), 0));
    v_now := clock_timestamp();
    UPDATE script_tracking.credential_s SET load_end_date = greatest(v_now, load_date + interval '1 microsecond')
    WHERE user_hk = p_user_hk AND load_end_date IS NULL
    RETURNING load_end_date INTO v_load_date;
    INSERT INTO script_tracking.credential_s
        (user_hk, load_date, hash_diff, password_hash, bcrypt_cost, tenant_hk, record_source)
    VALUES (p_user_hk, coalesce(v_load_date, v_now), script_tracking.hash_texts(v_hash), v_hash, v_cost,
        p_tenant_hk, p_record_source);
END
$$;

CALL script_tracking.allow('script_tracking.write_credential(bytea, bytea, text, text)');
