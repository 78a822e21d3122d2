-- The versions of the documents of a kind in a scope, by key, then load date; after a place. With p_key: only the open
-- version of that one.
CREATE OR REPLACE FUNCTION script_tracking.store_documents(
    p_all boolean, p_tenant_hk bytea, p_kind text, p_key bytea, p_after_hk bytea, p_after timestamptz, p_limit bigint)
RETURNS TABLE (document_hk bytea, tenant_hk bytea, load_date timestamptz, hash_diff bytea, body text, record_source text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM script_tracking.store_scope(p_all, p_tenant_hk);
    IF p_kind IN ('tenant', 'user', 'credential') THEN
        RETURN QUERY SELECT * FROM script_tracking.store_user_documents(p_all, p_tenant_hk, p_kind, p_key, p_after_hk, p_after, p_limit);
        RETURN;
    END IF;
    RETURN QUERY SELECT d.document_hk, d.tenant_hk, d.load_date, d.hash_diff, d.body::text, d.record_source::text
    FROM script_tracking.document_s d
    WHERE d.kind = p_kind AND (p_key IS NULL OR (d.document_hk = p_key AND d.load_end_date IS NULL))
        AND (p_all OR d.tenant_hk IS NOT DISTINCT FROM p_tenant_hk)
        AND (d.document_hk, d.load_date) > (coalesce(p_after_hk, ''), coalesce(p_after, '-infinity'))
    ORDER BY d.document_hk, d.load_date LIMIT p_limit;
END
$$;

CALL script_tracking.allow('script_tracking.store_documents(boolean, bytea, text, bytea, bytea, timestamptz, bigint)',
    'script_tracking_reader');
