-- tables/ is what version 1 was; each change to a released table is a file here, run once, in order.
DO $$
BEGIN
    IF EXISTS (SELECT FROM script_tracking.schema_version WHERE version >= 1) THEN
        RETURN;
    END IF;
    INSERT INTO script_tracking.schema_version (version) VALUES (1);
END
$$;
