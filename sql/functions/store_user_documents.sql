-- store_documents for tenants, users and credentials, which have tables of their own.
CREATE OR REPLACE FUNCTION script_tracking.store_user_documents(
    p_all boolean, p_tenant_hk bytea, p_kind text, p_key bytea, p_after_hk bytea, p_after timestamptz, p_limit bigint)
RETURNS TABLE (document_hk bytea, tenant_hk bytea, load_date timestamptz, hash_diff bytea, body text, record_source text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_kind = 'credential' THEN
        PERFORM script_tracking.check_credential_rights();
    END IF;
    RETURN QUERY SELECT d.document_hk, d.tenant_hk, d.load_date, d.hash_diff, d.body::text, d.record_source::text
    FROM script_tracking.user_document d
    WHERE d.kind = p_kind AND (p_key IS NULL OR (d.document_hk = p_key AND d.load_end_date IS NULL))
        AND (p_all OR d.tenant_hk IS NOT DISTINCT FROM p_tenant_hk)
        AND (d.document_hk, d.load_date) > (coalesce(p_after_hk, ''), coalesce(p_after, '-infinity'))
    ORDER BY d.document_hk, d.load_date LIMIT p_limit;
END
$$;

CALL script_tracking.allow('script_tracking.store_user_documents(boolean, bytea, text, bytea, bytea, timestamptz, bigint)');
