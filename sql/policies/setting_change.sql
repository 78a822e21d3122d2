-- Records come from a trigger, whoever made the change; only admins are granted SELECT.
CALL script_tracking.put_policy('script_tracking.setting_change', 'everyone', 'ALL', 'true');
