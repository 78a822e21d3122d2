-- The settings there are. A value that was changed stays.
INSERT INTO script_tracking.setting AS s (name, value, allowed, meaning) VALUES
    ('audit_log', 'off', '{on,off}', 'call util.log_audit_event after each completion'),
    ('bcrypt_cost', '10', '{10,11,12,13,14,15}', 'bcrypt''s work factor; a user''s next login moves the user to it'),
    ('carry_credentials', 'off', '{on,off}', 'let writers read and replace their tenant''s password hashes, as agents do that carry users over'),
    ('lockout_failures', '5', '{3,4,5,6,8,10,15,20,50,100}', 'failed logins in a row that lock a user out'),
    ('lockout_minutes', '15', '{1,2,5,10,15,20,30,60,120,240,480,1440}', 'the time these must fall in, and how long the oldest of them locks'),
    ('password_min_length', '8', '{8,9,10,11,12,13,14,15,16,20,24}', 'characters that a new password must have'),
    ('session_minutes', '480', '{5,10,15,30,60,120,240,480,720,1440,10080,43200}', 'how long a session lasts')
ON CONFLICT (name) DO UPDATE SET allowed = excluded.allowed, meaning = excluded.meaning
    WHERE (s.allowed, s.meaning) IS DISTINCT FROM (excluded.allowed, excluded.meaning);
