-- Written whoever's DDL it was; only admins are granted SELECT.
CALL script_tracking.put_policy('script_tracking.capture_failure', 'everyone', 'ALL', 'true');
