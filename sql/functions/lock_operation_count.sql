-- A tenant's row of operation_count, made where there is none, and locked until the transaction ends: who folds operations into it
-- and who removes some take turns. Above READ COMMITTED a row that changed since the snapshot is 40001.
CREATE OR REPLACE FUNCTION script_tracking.lock_operation_count(p_tenant_hk bytea) RETURNS script_tracking.operation_count
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v script_tracking.operation_count;
BEGIN
    LOOP
        SELECT * INTO v FROM script_tracking.operation_count c
        WHERE coalesce(c.tenant_hk, '') = coalesce(p_tenant_hk, '') FOR UPDATE;
        IF FOUND THEN
            RETURN v;
        END IF;
        INSERT INTO script_tracking.operation_count (tenant_hk, system_identifier)
        SELECT p_tenant_hk, system_identifier FROM pg_control_system()
        ON CONFLICT (coalesce(tenant_hk, '')) DO NOTHING;
    END LOOP;
END
$$;

CALL script_tracking.allow('script_tracking.lock_operation_count(bytea)');
