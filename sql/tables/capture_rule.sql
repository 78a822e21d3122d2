-- Whose DDL, and DDL in which schemas, is recorded: by default all is. Changes are recorded, and made by set_capture.
CREATE TABLE IF NOT EXISTS script_tracking.capture_rule (
    kind text NOT NULL,
    name name NOT NULL,
    captured boolean NOT NULL,
    PRIMARY KEY (kind, name),
    CONSTRAINT capture_rule_kind CHECK (kind IN ('role', 'schema'))
);
ALTER TABLE script_tracking.capture_rule ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CALL script_tracking.allow_table('script_tracking.capture_rule', 'script_tracking_reader');
