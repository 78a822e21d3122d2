CALL script_tracking.put_event_trigger('et_ddl_command_end', 'ddl_command_end', 'script_tracking.event_trigger_ddl_end');
