\set k random(1, 9000000000000000000)
BEGIN;
INSERT INTO script_tracking.script_execution_h (script_execution_hk, script_execution_bk, tenant_hk, load_date, record_source) VALUES (sha256(int8send(:k)), 'Nightly backup of things_2024-01-15_14:30:25.123456_abc123', sha256('acme'), clock_timestamp(), 'sql');
INSERT INTO script_tracking.script_execution_s (script_execution_hk, load_date, hash_diff, script_name, script_type, execution_status, execution_timestamp, record_source, tenant_hk) VALUES (sha256(int8send(:k)), clock_timestamp(), sha256(int8send(:k)), 'Nightly backup of things', 'BACKUP', 'RUNNING', clock_timestamp(), 'sql', sha256('acme'));
COMMIT;
BEGIN;
UPDATE script_tracking.script_execution_s SET load_end_date = clock_timestamp() WHERE script_execution_hk = sha256(int8send(:k)) AND load_end_date IS NULL;
INSERT INTO script_tracking.script_execution_s (script_execution_hk, load_date, hash_diff, script_name, script_type, execution_status, execution_timestamp, execution_duration_ms, record_source, tenant_hk) VALUES (sha256(int8send(:k)), clock_timestamp(), sha256(int8send(:k)), 'Nightly backup of things', 'BACKUP', 'COMPLETED', clock_timestamp(), 5, 'sql', sha256('acme'));
COMMIT;
