-- What became of a unit that store_commit could not carry out; the same rules as opledger::store::judge.
CREATE OR REPLACE FUNCTION script_tracking.store_judge(
    p_tenant_hk bytea, p_unit uuid, p_key bytea, p_business_key text, p_hub_load_date timestamptz, p_hub_source text,
    p_expect_load_date timestamptz, p_expect_hash_diff bytea, p_load_date timestamptz, p_hash_diff bytea, p_name text, p_type text,
    p_started timestamptz,
    OUT outcome text, OUT epoch bigint, OUT log_xid xid8, OUT version_number bigint, OUT theirs bytea)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v script_tracking.store_row;
BEGIN
    IF p_business_key IS NOT NULL THEN
        SELECT * INTO v FROM script_tracking.store_version r
        WHERE r.script_execution_hk = p_key AND r.hub_tenant_hk IS NOT DISTINCT FROM p_tenant_hk ORDER BY r.load_date LIMIT 1;
        -- What the SQL API started has no unit, and is known by its content alone.
        IF coalesce(v.unit_id, p_unit) = p_unit AND v.script_execution_bk = p_business_key AND v.hub_load_date = p_hub_load_date
           AND v.hub_record_source = p_hub_source AND v.hash_diff = p_hash_diff AND v.load_date = p_load_date THEN
            outcome := 'replayed';
        ELSE
            -- Where the key is another tenant's, no row is found, and there is no hash to show.
            outcome := 'conflict';
            theirs := v.hash_diff;
        END IF;
    ELSE
        SELECT * INTO v FROM script_tracking.store_version r
        WHERE r.script_execution_hk = p_key AND r.load_end_date IS NULL AND r.tenant_hk IS NOT DISTINCT FROM p_tenant_hk;
        IF NOT FOUND THEN
            outcome := 'unknown';
        ELSIF (v.load_date, v.hash_diff) IS DISTINCT FROM (p_expect_load_date, p_expect_hash_diff) THEN
            outcome := CASE v.execution_status WHEN 'RUNNING' THEN 'moved' ELSE 'finished' END;
            SELECT * INTO v FROM script_tracking.store_version r WHERE r.script_execution_hk = p_key AND r.unit_id = p_unit;
            IF FOUND THEN
                outcome := CASE WHEN v.hash_diff = p_hash_diff THEN 'replayed' ELSE 'conflict' END;
                theirs := v.hash_diff;
            END IF;
        ELSIF v.execution_status <> 'RUNNING' THEN
            outcome := 'finished';
        ELSIF (v.script_name, v.script_type, v.execution_timestamp) IS DISTINCT FROM (p_name, p_type, p_started) THEN
            outcome := 'conflict';
            theirs := v.hash_diff;
        ELSIF p_load_date <= v.load_date THEN
            outcome := 'not later';
        ELSE
            RAISE EXCEPTION 'operation % changed while this was judged', encode(p_key, 'hex')
                USING ERRCODE = 'serialization_failure', HINT = 'Retry.';
        END IF;
    END IF;
    IF outcome = 'replayed' THEN
        epoch := v.epoch;
        log_xid := v.log_xid;
        version_number := v.version_number;
        theirs := NULL;
    END IF;
END
$$;

CALL script_tracking.allow('script_tracking.store_judge(bytea, uuid, bytea, text, timestamptz, text, timestamptz, bytea, timestamptz, '
    'bytea, text, text, timestamptz)');
