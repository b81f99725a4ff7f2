-- Flow retry, replay, lineage of calls, progress of test runs.

-- A retry names the first execution of its chain and its number; a replay what it repeats.
ALTER TABLE execution ADD retry_of uuid, ADD retry_count int, ADD replay_of uuid;
CREATE INDEX execution_retry_of ON execution (retry_of) WHERE retry_of IS NOT NULL;
CREATE INDEX execution_replay_of ON execution (replay_of) WHERE replay_of IS NOT NULL;

-- The global id of the execution that called this one, out of the frame that a cross-flow call
-- carries: the last field of the stored request. Never fails, whatever a sender wrote.
CREATE FUNCTION leat_invoked_by(request bytea) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT substring(encode(substring(request FROM greatest(1, octet_length(request) - 8191)),
                                  'escape') FROM '.*"executionId":"([A-Za-z0-9+/=]{1,100})"') $$;
-- The uuid of a global id of a type; NULL when it is none.
CREATE FUNCTION leat_gid_uuid(type text, gid text) RETURNS uuid LANGUAGE plpgsql IMMUTABLE
    AS $$
DECLARE plain text;
BEGIN
    plain := convert_from(decode(gid, 'base64'), 'UTF8');
    RETURN CASE WHEN starts_with(plain, type || ':') THEN substr(plain, length(type) + 2)::uuid END;
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END $$;
CREATE INDEX execution_invoked_by ON execution (leat_invoked_by(request)) WHERE invoke_type = 2;
-- The executions that one has called. With the owner's rights, since row-level security keeps an
-- index on an expression from being used; so it looks at the organization by itself.
CREATE FUNCTION leat_called_by(parent uuid) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
        SELECT e.id FROM execution e
        WHERE e.invoke_type = 2 AND e.id > parent
            AND leat_invoked_by(e.request) = leat_gid('InstanceExecutionResult', parent)
            AND e.organization_id = leat_organization()
    $$;
CREATE FUNCTION leat_has_called(parent uuid) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
        SELECT EXISTS (SELECT FROM execution e
            WHERE e.invoke_type = 2 AND e.id > parent
                AND leat_invoked_by(e.request) = leat_gid('InstanceExecutionResult', parent)
                AND e.organization_id = leat_organization())
    $$;
REVOKE ALL ON FUNCTION leat_called_by(uuid) FROM PUBLIC;
REVOKE ALL ON FUNCTION leat_has_called(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION leat_called_by(uuid) TO leat_api;
GRANT EXECUTE ON FUNCTION leat_has_called(uuid) TO leat_api;

-- One row a chain: a failed execution of a flow with a retryConfig and its retries.
CREATE TABLE execution_retry (
    first_id        uuid PRIMARY KEY, -- execution
    organization_id uuid NOT NULL,
    instance_id     uuid NOT NULL,
    flow_config_id  uuid NOT NULL,
    last_id         uuid NOT NULL, -- the newest execution of the chain
    retry_count     int NOT NULL,  -- retries made so far
    max_count       int NOT NULL,
    due_at          timestamptz,   -- of the next retry; NULL = none is pending
    claim_at        timestamptz,   -- when the scheduler looks at it (again); NULL with due_at
    unique_id       bytea,         -- SHA-256 of the unique request id
    canceled_by     uuid,          -- a newer request with the same id: no more retries
    CHECK ((due_at IS NULL) = (claim_at IS NULL) AND (due_at IS NULL OR canceled_by IS NULL))
);
CREATE INDEX execution_retry_due ON execution_retry (claim_at) WHERE claim_at IS NOT NULL;
CREATE INDEX execution_retry_last ON execution_retry (last_id);
CREATE INDEX execution_retry_unique ON execution_retry (flow_config_id, unique_id)
    WHERE unique_id IS NOT NULL AND canceled_by IS NULL;

-- The newest request of each unique request id, for a day.
CREATE TABLE unique_request (
    flow_config_id uuid NOT NULL,
    unique_id      bytea NOT NULL,
    newest         uuid NOT NULL, -- the first execution of its chain
    PRIMARY KEY (flow_config_id, unique_id)
);
CREATE INDEX unique_request_age ON unique_request (newest);

-- An integration has one hidden instance for tests.
CREATE UNIQUE INDEX instance_system ON instance (integration_id) WHERE is_system;

-- What test runs have done so far; gone with their result.
CREATE TABLE execution_progress (
    execution_id    uuid NOT NULL,
    attempt         int NOT NULL,
    first_step      int NOT NULL,
    organization_id uuid NOT NULL,
    instance_id     uuid NOT NULL,
    steps           bytea NOT NULL, -- step_result messages, as they came
    PRIMARY KEY (execution_id, attempt, first_step)
);

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['execution_retry', 'execution_progress'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY tenant ON %I TO leat_api
            USING (organization_id = (SELECT leat_organization()))', t);
        EXECUTE format('CREATE POLICY customer_only ON %I AS RESTRICTIVE TO leat_api
            USING ((SELECT leat_customer()) IS NULL
                   OR EXISTS (SELECT FROM instance i WHERE i.id = %I.instance_id))', t, t);
        EXECUTE format('GRANT SELECT ON %I TO leat_api', t);
    END LOOP;
END $$;
