-- The database's, no tenant's. Only admins are granted SELECT, and the functions that write.
CALL script_tracking.put_policy('script_tracking.migration', 'everyone', 'ALL', 'true');
