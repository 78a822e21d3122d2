-- Judges a new version of a document against the open one, as opledger::store::judge does; 'done' means: carry it out. Until
-- the end of the transaction, the document is ours.
CREATE OR REPLACE FUNCTION script_tracking.store_judge_put(
    p_tenant_hk bytea, p_unit uuid, p_kind text, p_key bytea, p_load_date timestamptz, p_hash_diff bytea, p_expect_hash_diff bytea,
    OUT outcome text, OUT theirs bytea)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v script_tracking.document_s;
BEGIN
    PERFORM script_tracking.store_scope(false, p_tenant_hk);
    PERFORM pg_advisory_xact_lock(hashtextextended('opledger document ' || p_kind || encode(p_key, 'hex'), 0));
    SELECT * INTO v FROM script_tracking.document_s d
    WHERE d.kind = p_kind AND d.document_hk = p_key AND d.load_end_date IS NULL AND d.tenant_hk IS NOT DISTINCT FROM p_tenant_hk;
    IF NOT FOUND THEN
        outcome := CASE WHEN p_expect_hash_diff IS NULL THEN 'done' ELSE 'unknown' END;
    ELSIF v.unit_id = p_unit AND v.hash_diff = p_hash_diff THEN
        outcome := 'replayed';
    ELSIF p_expect_hash_diff IS NULL OR v.unit_id = p_unit THEN
        outcome := 'conflict';
        theirs := v.hash_diff;
    ELSIF v.hash_diff <> p_expect_hash_diff THEN
        outcome := 'moved';
    ELSIF p_load_date <= v.load_date THEN
        outcome := 'not later';
    ELSE
        outcome := 'done';
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.store_judge_put(bytea, uuid, text, bytea, timestamptz, bytea, bytea)');
