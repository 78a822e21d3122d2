-- Writes a new version of a document, if it fits the open one: outcomes as of store_commit. Of a kind without history the
-- last version alone stays.
CREATE OR REPLACE FUNCTION script_tracking.store_put(
    p_tenant_hk bytea, p_unit uuid, p_kind text, p_keeps_versions boolean, p_key bytea, p_load_date timestamptz, p_hash_diff bytea,
    p_body text, p_source text, p_expect_hash_diff bytea, OUT outcome text, OUT theirs bytea)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_kind IN ('tenant', 'user', 'credential') THEN
        SELECT u.outcome, u.theirs INTO outcome, theirs FROM script_tracking.store_user_put(p_tenant_hk, p_kind, p_key, p_load_date,
            p_hash_diff, p_body::jsonb, p_source, p_expect_hash_diff) u;
        RETURN;
    END IF;
    IF p_hash_diff IS DISTINCT FROM sha256(convert_to(p_body::jsonb::text, 'UTF8')) THEN
        RAISE EXCEPTION 'document %: hash_diff is not the hash of its body', encode(p_key, 'hex')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF octet_length(p_body) > 32768 OR length(p_source) > 100 OR length(p_kind) > 50 THEN
        RAISE EXCEPTION 'a document is too long: the limits are 32768 bytes of body, 100 characters of record_source, 50 of kind'
            USING ERRCODE = 'string_data_right_truncation';
    END IF;
    SELECT j.outcome, j.theirs INTO outcome, theirs FROM script_tracking.store_judge_put(p_tenant_hk, p_unit, p_kind, p_key, p_load_date,
        p_hash_diff, p_expect_hash_diff) j;
    IF outcome <> 'done' THEN
        RETURN;
    END IF;
    IF p_keeps_versions THEN
        UPDATE script_tracking.document_s d SET load_end_date = p_load_date
        WHERE d.kind = p_kind AND d.document_hk = p_key AND d.load_end_date IS NULL AND d.tenant_hk IS NOT DISTINCT FROM p_tenant_hk;
    ELSE
        DELETE FROM script_tracking.document_s d WHERE d.kind = p_kind AND d.document_hk = p_key AND d.tenant_hk IS NOT DISTINCT FROM p_tenant_hk;
    END IF;
    INSERT INTO script_tracking.document_s (kind, document_hk, load_date, hash_diff, body, tenant_hk, unit_id, record_source)
    VALUES (p_kind, p_key, p_load_date, p_hash_diff, p_body::jsonb, p_tenant_hk, p_unit, p_source)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        -- The key is another tenant's, whose document may not be seen.
        outcome := 'conflict';
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.store_put(bytea, uuid, text, boolean, bytea, timestamptz, bytea, text, text, bytea)',
    'script_tracking_writer');
