-- store_put for tenants, users and credentials: judged in the same way, but for the unit, which these tables do not
-- have. The same content at the same load date is the same version.
CREATE OR REPLACE FUNCTION script_tracking.store_user_put(
    p_tenant_hk bytea, p_kind text, p_key bytea, p_load_date timestamptz, p_hash_diff bytea, p_body jsonb, p_source text,
    p_expect_hash_diff bytea, OUT outcome text, OUT theirs bytea)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v script_tracking.user_document;
BEGIN
    PERFORM script_tracking.store_scope(false, p_tenant_hk),
            script_tracking.check_user_document(p_tenant_hk, p_kind, p_key, p_hash_diff, p_body, p_source);
    -- Until the end of the transaction, the document is ours.
    PERFORM pg_advisory_xact_lock(hashtextextended('opledger document ' || p_kind || encode(p_key, 'hex'), 0));
    SELECT * INTO v FROM script_tracking.user_document d
    WHERE d.kind = p_kind AND d.document_hk = p_key AND d.load_end_date IS NULL AND d.tenant_hk = p_tenant_hk;
    outcome := CASE
        WHEN v.document_hk IS NULL AND p_expect_hash_diff IS NULL THEN 'done'
        WHEN v.document_hk IS NULL THEN 'unknown'
        WHEN v.load_date = p_load_date AND v.hash_diff = p_hash_diff THEN 'replayed'
        WHEN p_expect_hash_diff IS NULL THEN 'conflict'
        WHEN v.hash_diff <> p_expect_hash_diff THEN 'moved'
        WHEN p_load_date <= v.load_date THEN 'not later'
        ELSE 'done' END;
    IF outcome = 'conflict' THEN
        theirs := v.hash_diff;
    ELSIF outcome = 'done' THEN
        IF p_kind = 'credential' AND v.document_hk IS NOT NULL THEN
            PERFORM script_tracking.check_credential_rights();
        END IF;
        PERFORM script_tracking.write_user_document(p_tenant_hk, p_kind, p_key, p_load_date, p_body, p_source);
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.store_user_put(bytea, text, bytea, timestamptz, bytea, jsonb, text, bytea)');
