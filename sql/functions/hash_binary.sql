-- For users; our functions hash by sha256(), whatever this does. A site that has this function keeps its own.
DO $do$
BEGIN
    IF to_regprocedure('util.hash_binary(text)') IS NULL
       OR obj_description(to_regprocedure('util.hash_binary(text)'), 'pg_proc') = 'Part of Opledger.'
    THEN
        CREATE OR REPLACE FUNCTION util.hash_binary(text) RETURNS bytea
        LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
        SET search_path = pg_catalog, pg_temp
        AS $$SELECT sha256(convert_to($1, 'UTF8'))$$;

        CALL script_tracking.allow('util.hash_binary(text)', 'script_tracking_reader');
    END IF;
END
$do$;
