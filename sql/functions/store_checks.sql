-- What verify found in the store, newest first, before a moment. A tenant's own findings are not among them.
CREATE OR REPLACE FUNCTION script_tracking.store_checks(p_before timestamptz, p_limit bigint)
RETURNS TABLE (verified_at timestamptz, orphan_versions bigint, open_versions bigint, hash_mismatches bigint, other bigint)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY SELECT v.verified_at, v.orphan_versions, v.open_versions, v.hash_mismatches, v.other
    FROM script_tracking.verification v
    WHERE v.tenant_hk IS NULL AND v.verified_at < coalesce(p_before, 'infinity')
    ORDER BY v.verified_at DESC, v.verification_id DESC LIMIT p_limit;
END
$$;

CALL script_tracking.allow('script_tracking.store_checks(timestamptz, bigint)', 'script_tracking_reader');
