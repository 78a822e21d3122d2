-- 990 thousand operations of one tenant, 40 thousand of them in the last day, as the API would have written them. The API writes
-- the last 10 thousand.
CREATE TEMP TABLE f AS
SELECT n, sha256(('op' || n)::bytea) AS hk, exp(random() * 9)::integer AS d,
    CASE WHEN n <= 40000 THEN now() - random() * interval '23.9 hours' ELSE now() - interval '1 day' - random() * interval '180 days' END AS t,
    CASE WHEN random() < 0.03 THEN 'FAILED' ELSE 'COMPLETED' END AS status,
    (ARRAY['MANUAL', 'BACKUP', 'MAINTENANCE', 'MIGRATION', 'REPORTING', 'DDL_AUTO'])[1 + floor(random() * 6)] AS type
FROM generate_series(1, 990000) AS n;
INSERT INTO script_tracking.script_execution_h (script_execution_hk, script_execution_bk, tenant_hk, load_date, record_source)
SELECT hk, 'Nightly backup ' || n % 500 || to_char(t, '_YYYY-MM-DD_HH24:MI:SS.US_') || left(md5(n::text), 6), sha256('acme'), t,
    'sql' FROM f ORDER BY t;
INSERT INTO script_tracking.script_execution_s (script_execution_hk, load_date, load_end_date, hash_diff, script_name, script_type,
    execution_status, execution_timestamp, execution_duration_ms, record_source, tenant_hk)
SELECT hk, CASE k WHEN 1 THEN t ELSE t + d * interval '1 ms' + interval '1 us' END,
    CASE k WHEN 1 THEN t + d * interval '1 ms' + interval '1 us' END, sha256(hk), 'Nightly backup ' || n % 500, type,
    CASE k WHEN 1 THEN 'RUNNING' ELSE status END, t, CASE k WHEN 2 THEN d END, 'sql', sha256('acme')
FROM f, generate_series(1, 2) AS k ORDER BY t, k;
DROP TABLE f;
