-- Temporary objects are left out unless asked for: script_tracking.set_capture('schema', 'pg_temp', true).
INSERT INTO script_tracking.capture_rule (kind, name, captured) VALUES ('schema', 'pg_temp', false)
ON CONFLICT (kind, name) DO NOTHING;
