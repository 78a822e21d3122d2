-- A tenant's row of operation_count, made where there is none, and locked until the transaction ends: who folds operations into it
-- and who removes some take turns. Above READ COMMITTED a row that changed since the snapshot is 40001. Where p_wait is false: NULL
-- when another has the row, or is making one. No lock_timeout does that: a wait that ends in the moment its time is up is told
-- as 57014 at times, which the caller did not ask for.
CREATE OR REPLACE FUNCTION script_tracking.lock_operation_count(p_tenant_hk bytea, p_wait boolean)
RETURNS script_tracking.operation_count
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v script_tracking.operation_count;
BEGIN
    LOOP
        IF p_wait THEN
            SELECT * INTO v FROM script_tracking.operation_count c
            WHERE coalesce(c.tenant_hk, '') = coalesce(p_tenant_hk, '') FOR UPDATE;
        ELSE
            SELECT * INTO v FROM script_tracking.operation_count c
            WHERE coalesce(c.tenant_hk, '') = coalesce(p_tenant_hk, '') FOR UPDATE SKIP LOCKED;
        END IF;
        IF FOUND THEN
            RETURN v;
        END IF;
        IF NOT p_wait AND EXISTS (SELECT FROM script_tracking.operation_count c
                                  WHERE coalesce(c.tenant_hk, '') = coalesce(p_tenant_hk, '')) THEN
            RETURN NULL;
        END IF;
        -- Rows are made one at a time: an INSERT would wait for another of the same key. Who has a row is not in the way of this lock.
        IF p_wait THEN
            LOCK TABLE script_tracking.operation_count IN SHARE UPDATE EXCLUSIVE MODE;
        ELSE
            BEGIN
                LOCK TABLE script_tracking.operation_count IN SHARE UPDATE EXCLUSIVE MODE NOWAIT;
            EXCEPTION
                WHEN lock_not_available THEN
                    RETURN NULL;
            END;
        END IF;
        INSERT INTO script_tracking.operation_count (tenant_hk, system_identifier)
        SELECT p_tenant_hk, system_identifier FROM pg_control_system()
        ON CONFLICT (coalesce(tenant_hk, '')) DO NOTHING;
    END LOOP;
END
$$;

CALL script_tracking.allow('script_tracking.lock_operation_count(bytea, boolean)');
