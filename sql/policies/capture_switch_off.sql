-- Written for whoever switched it off; only admins are granted SELECT.
CALL script_tracking.put_policy('script_tracking.capture_switch_off', 'everyone', 'ALL', 'true');
