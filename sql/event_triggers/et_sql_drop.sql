CALL script_tracking.put_event_trigger('et_sql_drop', 'sql_drop', 'script_tracking.event_trigger_sql_drop');
