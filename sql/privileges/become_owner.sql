-- What follows is made by the owner, and so is the owner's.
DO $$
BEGIN
    PERFORM set_config('role', current_setting('script_tracking.owner'), true);
END
$$;
