-- What an install made outside of schema script_tracking and uninstall has to remove: schemas, and pgcrypto.
CREATE TABLE IF NOT EXISTS script_tracking.made_object (
    kind text NOT NULL,
    name name NOT NULL,
    PRIMARY KEY (kind, name),
    CONSTRAINT made_object_kind CHECK (kind IN ('schema', 'extension'))
);
ALTER TABLE script_tracking.made_object ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CALL script_tracking.put_policy('script_tracking.made_object', 'everyone', 'ALL', 'true');

INSERT INTO script_tracking.made_object (kind, name)
SELECT split_part(made, ' ', 1), split_part(made, ' ', 2)
FROM unnest(string_to_array(nullif(current_setting('script_tracking.made', true), ''), ',')) AS given (made)
ON CONFLICT DO NOTHING;
