-- Records a change of a setting or binding, whoever makes it and however.
CREATE OR REPLACE FUNCTION script_tracking.record_setting_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO script_tracking.setting_change (table_name, old_row, new_row)
    VALUES (TG_TABLE_NAME, CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END, CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END);
    RETURN NULL;
END
$$;

CALL script_tracking.allow('script_tracking.record_setting_change()');
