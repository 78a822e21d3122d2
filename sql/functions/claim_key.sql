-- Gives a caller's key to the operation p_execution_hk and returns NULL, or returns the operation that has it already
-- with the same content. Another content is a conflict. A session that claims the same key now is waited for.
CREATE OR REPLACE FUNCTION script_tracking.claim_key(p_key text, p_content jsonb, p_execution_hk bytea) RETURNS bytea
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant_hk bytea := script_tracking.session_tenant();
    v_key_hash bytea;
    v_content_hash bytea := sha256(convert_to(p_content::text, 'UTF8'));
    v_earlier script_tracking.idempotency_key;
BEGIN
    IF length(p_key) NOT BETWEEN 1 AND 255 THEN
        RAISE EXCEPTION 'p_idempotency_key is % characters long; it must have 1 to 255', length(p_key)
            USING ERRCODE = CASE p_key WHEN '' THEN 'invalid_parameter_value' ELSE 'string_data_right_truncation' END;
    END IF;
    -- 32 bytes first, whatever the tenant: no other tenant's key can spell the same.
    v_key_hash := sha256(coalesce(v_tenant_hk, decode(repeat('00', 32), 'hex')) || convert_to(p_key, 'UTF8'));
    INSERT INTO script_tracking.idempotency_key (key_hash, content_hash, script_execution_hk, tenant_hk)
    VALUES (v_key_hash, v_content_hash, p_execution_hk, v_tenant_hk)
    ON CONFLICT (key_hash) DO NOTHING;
    IF FOUND THEN
        RETURN NULL;
    END IF;
    SELECT * INTO v_earlier FROM script_tracking.idempotency_key WHERE key_hash = v_key_hash;
    IF v_earlier.content_hash IS DISTINCT FROM v_content_hash THEN
        RAISE EXCEPTION 'p_idempotency_key % was used for another content', quote_literal(p_key)
            USING ERRCODE = 'unique_violation',
                  DETAIL = format('This content hashes to %s, that of operation %s to %s.', encode(v_content_hash, 'hex'),
                                  encode(v_earlier.script_execution_hk, 'hex'), encode(v_earlier.content_hash, 'hex')),
                  HINT = 'Retry with the same content, or take another key.';
    END IF;
    RETURN v_earlier.script_execution_hk;
END
$$;

CALL script_tracking.allow('script_tracking.claim_key(text, jsonb, bytea)');
