-- The settings there are. A value that was changed stays.
INSERT INTO script_tracking.setting AS s (name, value, allowed, meaning) VALUES
    ('audit_log', 'off', '{on,off}', 'call util.log_audit_event after each completion')
ON CONFLICT (name) DO UPDATE SET allowed = excluded.allowed, meaning = excluded.meaning
    WHERE (s.allowed, s.meaning) IS DISTINCT FROM (excluded.allowed, excluded.meaning);
