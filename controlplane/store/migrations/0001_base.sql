-- The base schema. Times are timestamptz; ids are UUIDv7 made by the processes, so that primary keys
-- grow at the end. Hot tables (execution, execution_result, log_line) are insert-only and
-- range-partitioned by time on their id.

DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'leat_api') THEN
        CREATE ROLE leat_api NOLOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL; -- another database of the same server made it at the same moment
END $$;
DO $$ BEGIN
    EXECUTE format('GRANT leat_api TO %I', current_user);
END $$;

CREATE FUNCTION leat_organization() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT nullif(current_setting('leat.organization', true), '')::uuid $$;
CREATE FUNCTION leat_customer() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT nullif(current_setting('leat.customer', true), '')::uuid $$;

-- "Type" and uuid -> the global id of the API.
CREATE FUNCTION leat_gid(type text, id uuid) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT replace(encode(convert_to(type || ':' || id::text, 'UTF8'), 'base64'), E'\n', '') $$;
-- The smallest UUIDv7 of an instant, and the instant of a UUIDv7.
CREATE FUNCTION leat_uuid_floor(at timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT (lpad(to_hex(floor(extract(epoch FROM at) * 1000)::bigint), 12, '0')
                  || '70008000000000000000')::uuid $$;
CREATE FUNCTION leat_uuid_time(id uuid) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT to_timestamp(('x' || lpad(left(replace(id::text, '-', ''), 12), 16, '0'))::bit(64)::bigint / 1000.0) $$;
-- An instant as the API writes it.
CREATE FUNCTION leat_iso(at timestamptz) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"') $$;

CREATE TABLE organization (
    id          uuid PRIMARY KEY,
    name        text NOT NULL,
    data_key    bytea NOT NULL, -- sealed by the master key
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE customer (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organization ON DELETE CASCADE,
    name            text NOT NULL,
    description     text NOT NULL DEFAULT '',
    external_id     text,
    labels          text[] NOT NULL DEFAULT '{}',
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (organization_id, external_id),
    UNIQUE (organization_id, name)
);

CREATE TABLE app_user (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organization ON DELETE CASCADE,
    customer_id     uuid REFERENCES customer ON DELETE CASCADE,
    email           text NOT NULL,
    name            text NOT NULL DEFAULT '',
    external_id     text,
    role            text NOT NULL CHECK (role IN ('owner', 'admin', 'integrator',
        'restricted_integrator', 'guest', 'customer_admin', 'customer_member')),
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (organization_id, email)
);

CREATE TABLE api_token (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organization ON DELETE CASCADE,
    user_id         uuid NOT NULL REFERENCES app_user ON DELETE CASCADE,
    name            text NOT NULL DEFAULT '',
    token_hash      bytea NOT NULL UNIQUE, -- SHA-256
    created_at      timestamptz NOT NULL DEFAULT now(),
    expires_at      timestamptz,
    revoked_at      timestamptz
);

CREATE TABLE component (
    id              uuid PRIMARY KEY,
    organization_id uuid REFERENCES organization ON DELETE CASCADE, -- NULL = built in, for everybody
    key             text NOT NULL,
    version         int NOT NULL,
    label           text NOT NULL,
    description     text NOT NULL DEFAULT '',
    category        text NOT NULL DEFAULT '',
    is_public       boolean NOT NULL DEFAULT true,
    metadata        jsonb NOT NULL, -- actions and triggers, as in the catalog
    created_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE NULLS NOT DISTINCT (organization_id, key, version)
);

-- One row a version; the draft is the head of its sequence (id = sequence_id, version_number = 0).
CREATE TABLE integration (
    id                   uuid PRIMARY KEY,
    organization_id      uuid NOT NULL REFERENCES organization ON DELETE CASCADE,
    customer_id          uuid REFERENCES customer ON DELETE CASCADE, -- NULL = the organization's own
    sequence_id          uuid NOT NULL REFERENCES integration ON DELETE CASCADE,
    version_number       int NOT NULL DEFAULT 0, -- 0 = draft
    version_comment      text NOT NULL DEFAULT '',
    version_attributes   text NOT NULL DEFAULT '', -- JSON text of the publisher's tools
    version_is_available boolean NOT NULL DEFAULT true,
    version_created_at   timestamptz,
    version_created_by   uuid REFERENCES app_user ON DELETE SET NULL,
    name                 text NOT NULL,
    description          text NOT NULL DEFAULT '',
    documentation        text NOT NULL DEFAULT '',
    category             text NOT NULL DEFAULT '',
    labels               text[] NOT NULL DEFAULT '{}',
    definition           text NOT NULL, -- canonical YAML, version 7
    definition_hash      bytea NOT NULL, -- SHA-256 of it
    created_at           timestamptz NOT NULL DEFAULT now(),
    updated_at           timestamptz NOT NULL DEFAULT now(),
    UNIQUE (sequence_id, version_number)
);
CREATE UNIQUE INDEX integration_draft_name ON integration (organization_id, name)
    WHERE version_number = 0;

-- What the definition of a version holds, in rows for the API. Written with the version.
CREATE TABLE integration_flow (
    id                uuid PRIMARY KEY,
    organization_id   uuid NOT NULL REFERENCES organization ON DELETE CASCADE,
    integration_id    uuid NOT NULL REFERENCES integration ON DELETE CASCADE,
    position          int NOT NULL,
    name              text NOT NULL,
    stable_key        text NOT NULL DEFAULT '', -- '' = the name is the identity
    description       text NOT NULL DEFAULT '',
    is_synchronous    boolean NOT NULL DEFAULT false,
    endpoint_security text NOT NULL DEFAULT 'customer_optional',
    organization_api_keys text[] NOT NULL DEFAULT '{}',
    trigger_component text NOT NULL,
    trigger_action    text NOT NULL,
    trigger_reply     jsonb, -- static reply of a webhook trigger: {statusCode, contentType, headers, body}
    schedule          jsonb, -- {type: value|configVar, value, timeZone}
    UNIQUE (integration_id, name),
    UNIQUE (integration_id, position)
);

CREATE TABLE required_config_variable (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organization ON DELETE CASCADE,
    integration_id  uuid NOT NULL REFERENCES integration ON DELETE CASCADE,
    position        int NOT NULL,
    key             text NOT NULL,
    stable_key      text NOT NULL DEFAULT '',
    data_type       text NOT NULL,
    description     text NOT NULL DEFAULT '',
    default_value   text NOT NULL DEFAULT '',
    collection_type text,
    org_only        boolean NOT NULL DEFAULT false,
    pick_list       text[],
    schedule_type   text,
    time_zone       text,
    UNIQUE (integration_id, key)
);

CREATE TABLE instance (
    id                      uuid PRIMARY KEY,
    organization_id         uuid NOT NULL REFERENCES organization ON DELETE CASCADE,
    customer_id             uuid REFERENCES customer ON DELETE CASCADE,
    integration_id          uuid NOT NULL REFERENCES integration, -- the chosen version
    deployed_integration_id uuid REFERENCES integration,          -- the running one
    name                    text NOT NULL,
    description             text NOT NULL DEFAULT '',
    labels                  text[] NOT NULL DEFAULT '{}',
    enabled                 boolean NOT NULL DEFAULT true,
    needs_deploy            boolean NOT NULL DEFAULT true,
    config_state            text NOT NULL DEFAULT 'NEEDS_INSTANCE_CONFIGURATION'
        CHECK (config_state IN ('NEEDS_INSTANCE_CONFIGURATION', 'NEEDS_USER_LEVEL_CONFIGURATION',
                                'FULLY_CONFIGURED')),
    is_system               boolean NOT NULL DEFAULT false, -- the hidden test instance
    step_results_disabled   boolean NOT NULL DEFAULT false,
    logs_disabled           boolean NOT NULL DEFAULT false,
    deployed_revision       bigint NOT NULL DEFAULT 0, -- 0 = never deployed
    last_deployed_at        timestamptz,
    created_at              timestamptz NOT NULL DEFAULT now(),
    updated_at              timestamptz NOT NULL DEFAULT now(),
    UNIQUE (customer_id, name)
);
CREATE INDEX instance_of_organization ON instance (organization_id);
CREATE INDEX instance_of_integration ON instance (integration_id);

CREATE TABLE instance_config_variable (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organization ON DELETE CASCADE,
    instance_id     uuid NOT NULL REFERENCES instance ON DELETE CASCADE,
    key             text NOT NULL,
    value           text,  -- NULL for connections and for what was never set
    schedule_type   text,
    time_zone       text,
    sealed_inputs   bytea, -- connections: JSON of the inputs, sealed by the data key
    updated_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (instance_id, key)
);

-- What a deploy froze: workers run this, not the live configuration.
CREATE TABLE instance_revision (
    instance_id     uuid NOT NULL REFERENCES instance ON DELETE CASCADE,
    revision        bigint NOT NULL,
    organization_id uuid NOT NULL REFERENCES organization ON DELETE CASCADE,
    integration_id  uuid NOT NULL REFERENCES integration ON DELETE CASCADE,
    sealed_config   bytea NOT NULL, -- JSON object: config variable key -> runtime value
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (instance_id, revision)
);

CREATE TABLE instance_flow_config (
    id              uuid PRIMARY KEY, -- the id in the webhook URL; stable over upgrades
    organization_id uuid NOT NULL REFERENCES organization ON DELETE CASCADE,
    instance_id     uuid NOT NULL REFERENCES instance ON DELETE CASCADE,
    flow_id         uuid REFERENCES integration_flow ON DELETE SET NULL, -- in the deployed version, else the chosen one
    identity        text NOT NULL, -- stable key or name of the flow
    sealed_api_keys bytea,         -- JSON array, sealed by the data key
    api_key_hashes  bytea[] NOT NULL DEFAULT '{}', -- SHA-256 of each
    active          boolean NOT NULL DEFAULT true, -- false: the version has no such flow any more
    UNIQUE (instance_id, identity)
);

CREATE TABLE schedule (
    flow_config_id  uuid PRIMARY KEY REFERENCES instance_flow_config ON DELETE CASCADE,
    organization_id uuid NOT NULL REFERENCES organization ON DELETE CASCADE,
    instance_id     uuid NOT NULL REFERENCES instance ON DELETE CASCADE,
    cron            text NOT NULL,
    time_zone       text NOT NULL DEFAULT '',
    next_at         timestamptz NOT NULL
);
CREATE INDEX schedule_due ON schedule (next_at);

CREATE TABLE persisted_state (
    owner_id        uuid NOT NULL, -- flow config, instance or integration sequence
    scope           smallint NOT NULL, -- 1 flow, 2 cross-flow, 3 integration
    organization_id uuid NOT NULL REFERENCES organization ON DELETE CASCADE,
    store           bytea NOT NULL, -- MessagePack map
    updated_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (owner_id, scope)
);

-- Hot: one row an accepted event. No foreign keys, no updates.
CREATE TABLE execution (
    id              uuid NOT NULL,
    organization_id uuid NOT NULL,
    instance_id     uuid NOT NULL,
    flow_config_id  uuid NOT NULL,
    revision        bigint NOT NULL,
    accepted_by     int NOT NULL, -- replica
    invoke_type     smallint NOT NULL,
    flags           smallint NOT NULL, -- 1 test, 2 debug, 4 synchronous
    request         bytea NOT NULL, -- hook_request message
    PRIMARY KEY (id)
) PARTITION BY RANGE (id);
CREATE INDEX execution_of_instance ON execution (instance_id, id);

-- Hot: one row a finished execution, at most one for each id.
CREATE TABLE execution_result (
    id              uuid NOT NULL,
    organization_id uuid NOT NULL,
    attempt         int NOT NULL,
    status          smallint NOT NULL, -- 1 succeeded, 2 failed
    n_steps         int NOT NULL,
    steps_size      int NOT NULL, -- bytes of steps before compression
    dispatched_at   timestamptz NOT NULL,
    started_at      timestamptz NOT NULL,
    ended_at        timestamptz NOT NULL,
    result_type     text NOT NULL,
    error           text,
    error_step      text,
    steps           bytea NOT NULL, -- LZ4 block of step_result messages
    PRIMARY KEY (id)
) PARTITION BY RANGE (id);

-- Compressed already; a second try at it only costs.
ALTER TABLE execution_result ALTER steps SET STORAGE EXTERNAL;

CREATE TABLE log_line (
    id              uuid NOT NULL, -- UUIDv7 of its time
    organization_id uuid NOT NULL,
    execution_id    uuid NOT NULL,
    instance_id     uuid NOT NULL,
    flow_config_id  uuid NOT NULL,
    severity        smallint NOT NULL, -- 0 trace ... 5 fatal, 6 metric
    at              timestamptz NOT NULL,
    step_name       text NOT NULL,
    message         text NOT NULL,
    PRIMARY KEY (id)
) PARTITION BY RANGE (id);
CREATE INDEX log_line_of_execution ON log_line (execution_id, id);

-- Runs that take long or were taken over; most executions never have a row here.
CREATE TABLE execution_lease (
    execution_id uuid PRIMARY KEY,
    attempt      int NOT NULL,
    lease_until  timestamptz NOT NULL,
    worker_id    uuid
);

CREATE TABLE webhook_idempotency (
    flow_config_id uuid NOT NULL,
    key_hash       bytea NOT NULL, -- SHA-256 of the Idempotency-Key
    execution_id   uuid NOT NULL,
    PRIMARY KEY (flow_config_id, key_hash)
);
CREATE INDEX webhook_idempotency_age ON webhook_idempotency (execution_id);

-- Control plane processes. oldest_waiting: events from it on are still held by that replica.
CREATE TABLE replica (
    id             int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    node           uuid NOT NULL,
    started_at     timestamptz NOT NULL DEFAULT now(),
    heartbeat_at   timestamptz NOT NULL DEFAULT now(),
    oldest_waiting uuid
);
-- One row: every execution below done_below has its result.
CREATE TABLE sweep (
    single     boolean PRIMARY KEY DEFAULT true CHECK (single),
    done_below uuid NOT NULL
);
INSERT INTO sweep (done_below) VALUES (leat_uuid_floor(now()));

-- Partitions, one a day (UTC): made ahead, dropped by retention.
CREATE FUNCTION leat_partitions_ensure(days_ahead int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    t text; d date; name text; made int := 0;
BEGIN
    FOREACH t IN ARRAY ARRAY['execution', 'execution_result', 'log_line'] LOOP
        FOR i IN -1 .. days_ahead LOOP
            d := (now() AT TIME ZONE 'UTC')::date + i;
            name := t || '_' || to_char(d, 'YYYYMMDD');
            IF to_regclass(name) IS NULL THEN
                EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                    name, t,
                    leat_uuid_floor(d::timestamp AT TIME ZONE 'UTC'),
                    leat_uuid_floor((d + 1)::timestamp AT TIME ZONE 'UTC'));
                made := made + 1;
            END IF;
        END LOOP;
    END LOOP;
    RETURN made;
END $$;
CREATE FUNCTION leat_partitions_drop(keep_days int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    part record; dropped int := 0;
BEGIN
    FOR part IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        JOIN pg_class p ON p.oid = i.inhparent
        WHERE p.relname IN ('execution', 'execution_result', 'log_line')
          AND c.relkind = 'r' AND c.relname ~ '_[0-9]{8}$'
          AND to_date(right(c.relname, 8), 'YYYYMMDD')
              < (now() AT TIME ZONE 'UTC')::date - keep_days
    LOOP
        EXECUTE format('DROP TABLE %I', part.relname);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END $$;
DO $$ BEGIN
    PERFORM leat_partitions_ensure(3);
END $$;

-- The API's role: every tenant table behind row-level security, keyed by leat.organization and, for
-- users of a customer, leat.customer.
DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['customer', 'app_user', 'api_token', 'integration', 'integration_flow',
        'required_config_variable', 'instance', 'instance_config_variable', 'instance_revision',
        'instance_flow_config', 'schedule', 'persisted_state', 'execution', 'execution_result',
        'log_line'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY tenant ON %I TO leat_api
            USING (organization_id = (SELECT leat_organization()))', t);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO leat_api', t);
    END LOOP;
    FOREACH t IN ARRAY ARRAY['app_user', 'instance'] LOOP
        EXECUTE format('CREATE POLICY customer_only ON %I AS RESTRICTIVE TO leat_api
            USING ((SELECT leat_customer()) IS NULL OR customer_id = (SELECT leat_customer()))', t);
    END LOOP;
    FOREACH t IN ARRAY ARRAY['instance_config_variable', 'instance_revision', 'instance_flow_config',
        'schedule', 'execution', 'log_line'] LOOP
        EXECUTE format('CREATE POLICY customer_only ON %I AS RESTRICTIVE TO leat_api
            USING ((SELECT leat_customer()) IS NULL
                   OR EXISTS (SELECT FROM instance i WHERE i.id = %I.instance_id))', t, t);
    END LOOP;
END $$;
CREATE POLICY customer_only ON customer AS RESTRICTIVE TO leat_api
    USING ((SELECT leat_customer()) IS NULL OR id = (SELECT leat_customer()));
CREATE POLICY customer_only ON execution_result AS RESTRICTIVE TO leat_api
    USING ((SELECT leat_customer()) IS NULL
           OR EXISTS (SELECT FROM execution e WHERE e.id = execution_result.id));
CREATE POLICY customer_only ON api_token AS RESTRICTIVE TO leat_api
    USING ((SELECT leat_customer()) IS NULL
           OR EXISTS (SELECT FROM app_user u WHERE u.id = api_token.user_id));
CREATE POLICY customer_only ON persisted_state AS RESTRICTIVE TO leat_api
    USING ((SELECT leat_customer()) IS NULL);
CREATE POLICY customer_only ON integration AS RESTRICTIVE TO leat_api
    USING ((SELECT leat_customer()) IS NULL OR customer_id = (SELECT leat_customer())
           OR EXISTS (SELECT FROM instance i WHERE i.integration_id = integration.id
                      OR i.deployed_integration_id = integration.id));
CREATE POLICY customer_only ON integration_flow AS RESTRICTIVE TO leat_api
    USING ((SELECT leat_customer()) IS NULL
           OR EXISTS (SELECT FROM integration v WHERE v.id = integration_flow.integration_id));
CREATE POLICY customer_only ON required_config_variable AS RESTRICTIVE TO leat_api
    USING ((SELECT leat_customer()) IS NULL
           OR EXISTS (SELECT FROM integration v WHERE v.id = required_config_variable.integration_id));

ALTER TABLE organization ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON organization TO leat_api USING (id = (SELECT leat_organization()));
GRANT SELECT ON organization TO leat_api;
GRANT UPDATE (name, updated_at) ON organization TO leat_api;

ALTER TABLE component ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON component TO leat_api
    USING (organization_id IS NULL OR organization_id = (SELECT leat_organization()))
    WITH CHECK (organization_id = (SELECT leat_organization()));
GRANT SELECT, INSERT, UPDATE, DELETE ON component TO leat_api;

-- Ingress keeps its index fresh: it listens and reloads the instance named.
CREATE FUNCTION leat_notify_instance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'instance' THEN
        PERFORM pg_notify('leat_instance', coalesce(NEW.id, OLD.id)::text);
    ELSE
        PERFORM pg_notify('leat_instance', coalesce(NEW.instance_id, OLD.instance_id)::text);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER notify AFTER INSERT OR UPDATE OR DELETE ON instance
    FOR EACH ROW EXECUTE FUNCTION leat_notify_instance();
CREATE TRIGGER notify AFTER INSERT OR UPDATE OR DELETE ON instance_flow_config
    FOR EACH ROW EXECUTE FUNCTION leat_notify_instance();

-- Who a token stands for: asked before the organization is known, so with the owner's rights, and
-- only by hash.
CREATE FUNCTION leat_token_lookup(hash bytea)
    RETURNS TABLE (organization_id uuid, customer_id uuid, user_id uuid, role text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
        SELECT t.organization_id, u.customer_id, u.id, u.role
        FROM api_token t JOIN app_user u ON u.id = t.user_id
        WHERE t.token_hash = hash AND t.revoked_at IS NULL
            AND (t.expires_at IS NULL OR t.expires_at > now())
    $$;
REVOKE ALL ON FUNCTION leat_token_lookup(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION leat_token_lookup(bytea) TO leat_api;
