-- What the session's last verify found. Nothing found is no proof: it says of when that is.
CREATE OR REPLACE FUNCTION script_tracking.integrity_health(p_at timestamptz)
RETURNS TABLE (health_category varchar(50), health_metric varchar(100), current_status varchar(20), details text,
    last_checked timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v script_tracking.verification;
BEGIN
    SELECT * INTO v FROM script_tracking.verification
    WHERE sees_all = script_tracking.session_is_admin() ORDER BY verified_at DESC LIMIT 1;
    RETURN QUERY SELECT 'INTEGRITY'::varchar, f.metric::varchar,
        CASE WHEN v.verified_at IS NULL THEN 'GOOD' WHEN f.found = 0 THEN 'EXCELLENT' ELSE 'POOR' END::varchar,
        CASE WHEN v.verified_at IS NULL THEN 'Never verified: run verify.'
            ELSE format('The verify of %s found %s %s.',
                to_char(v.verified_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), f.found, f.words) END,
        coalesce(v.verified_at, p_at)
    FROM (VALUES
        ('orphan_versions', v.orphan_versions, 'versions without a hub'),
        ('open_versions', v.open_versions, 'hubs without exactly one open version'),
        ('hash_mismatches', v.hash_mismatches, 'hashes that differ from their content')
    ) AS f (metric, found, words);
END
$$;

CALL script_tracking.allow('script_tracking.integrity_health(timestamptz)');
