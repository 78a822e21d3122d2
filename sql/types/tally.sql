-- What is counted of some operations.
DO $$
BEGIN
    IF to_regtype('script_tracking.tally') IS NULL THEN
        CREATE TYPE script_tracking.tally AS (
            operations bigint,
            ddl bigint,            -- of type DDL_AUTO
            completed bigint,
            failed bigint,
            timed bigint,          -- finished ones with a known duration
            duration_sum numeric,
            duration_max integer,
            p95 integer,           -- by nearest rank, rounded down to 7 significant bits
            script_type text       -- NULL: all types
        );
    END IF;
END
$$;
