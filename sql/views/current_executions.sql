-- The open version of each operation that the session may see: a view reads as its owner, whose row security is forced.
-- A finished version is never closed, so only RUNNING ones need load_end_date: this way every report has an index.
CREATE OR REPLACE VIEW script_tracking.current_executions AS
SELECT * FROM script_tracking.script_execution_s WHERE execution_status <> 'RUNNING'
UNION ALL
SELECT * FROM script_tracking.script_execution_s WHERE execution_status = 'RUNNING' AND load_end_date IS NULL;

CALL script_tracking.allow_table('script_tracking.current_executions', 'script_tracking_reader');
