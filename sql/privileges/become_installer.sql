-- What follows may need more rights than the owner has.
DO $$
BEGIN
    PERFORM set_config('role', current_setting('script_tracking.installer'), true);
END
$$;
