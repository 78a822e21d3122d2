CALL script_tracking.put_event_trigger('et_ddl_command_start', 'ddl_command_start', 'script_tracking.event_trigger_ddl_start');
