-- No tenant's: everyone may know it. Nobody is granted more than SELECT; an install writes it.
CALL script_tracking.put_policy('script_tracking.expected_event_trigger', 'everyone', 'ALL', 'true');
