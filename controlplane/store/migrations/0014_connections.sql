-- Connections: reusable ones, those of customers, and the tokens of OAuth 2.0.

CREATE TABLE scoped_config_variable (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organization ON DELETE CASCADE,
    customer_id     uuid REFERENCES customer ON DELETE CASCADE, -- of whom it is; NULL = of the organization
    key             text NOT NULL,
    stable_key      text NOT NULL,
    description     text NOT NULL DEFAULT '',
    variable_scope  text NOT NULL CHECK (variable_scope IN ('org', 'customer')),
    managed_by      text NOT NULL CHECK (managed_by IN ('org', 'customer', 'system')),
    component_key   text NOT NULL, -- and
    connection_key  text NOT NULL, -- of the connection that it is
    sealed_inputs   bytea,         -- JSON as of instance_config_variable, sealed by the data key
    build_only      boolean NOT NULL DEFAULT false,
    is_default      boolean NOT NULL DEFAULT false, -- for new connections of its component
    success_url     text,
    failure_url     text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (organization_id, key),
    UNIQUE (organization_id, stable_key)
);
CREATE INDEX scoped_config_variable_of_customer ON scoped_config_variable (customer_id);

CREATE TABLE customer_config_variable (
    id                        uuid PRIMARY KEY,
    organization_id           uuid NOT NULL REFERENCES organization ON DELETE CASCADE,
    scoped_config_variable_id uuid NOT NULL REFERENCES scoped_config_variable ON DELETE CASCADE,
    customer_id               uuid REFERENCES customer ON DELETE CASCADE, -- NULL: for tests
    is_test                   boolean NOT NULL DEFAULT false,
    key                       text NOT NULL,
    sealed_inputs             bytea, -- over those of the scoped one
    created_at                timestamptz NOT NULL DEFAULT now(),
    updated_at                timestamptz NOT NULL DEFAULT now(),
    CHECK ((customer_id IS NULL) = is_test),
    CONSTRAINT customer_config_variable_once
        UNIQUE NULLS NOT DISTINCT (scoped_config_variable_id, customer_id, key)
);
CREATE INDEX customer_config_variable_of_customer ON customer_config_variable (customer_id);
CREATE INDEX customer_config_variable_of_organization ON customer_config_variable (organization_id);

-- The reusable connection that a config variable stands for, as its definition says; and which of
-- the customer's.
ALTER TABLE instance_config_variable
    ADD scoped_config_variable_id   uuid REFERENCES scoped_config_variable ON DELETE SET NULL,
    ADD customer_config_variable_id uuid REFERENCES customer_config_variable ON DELETE SET NULL;
CREATE INDEX instance_config_variable_scoped ON instance_config_variable (scoped_config_variable_id)
    WHERE scoped_config_variable_id IS NOT NULL;
CREATE INDEX instance_config_variable_chosen ON instance_config_variable (customer_config_variable_id)
    WHERE customer_config_variable_id IS NOT NULL;

-- The token of a connection by OAuth 2.0. Its id is that of the one row below that it hangs on.
CREATE TABLE connection_token (
    id                 uuid PRIMARY KEY,
    organization_id    uuid NOT NULL REFERENCES organization ON DELETE CASCADE,
    config_variable_id uuid REFERENCES instance_config_variable ON DELETE CASCADE,
    scoped_id          uuid REFERENCES scoped_config_variable ON DELETE CASCADE,
    customer_id        uuid REFERENCES customer_config_variable ON DELETE CASCADE,
    grant_type         text NOT NULL CHECK (grant_type IN ('authorization_code', 'client_credentials')),
    status             text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'active', 'error', 'failed')),
    client_digest      bytea NOT NULL, -- HMAC of what is sealed next, to see that it is another
    sealed_client      bytea NOT NULL, -- what its server is asked with
    sealed_token       bytea,          -- what the server answered
    sealed_context     bytea,
    error              text,           -- why it is not active
    expires_at         timestamptz,
    refresh_at         timestamptz,
    next_at            timestamptz,    -- when a request is due; NULL = none
    attempts           int NOT NULL DEFAULT 0,
    lease              uuid,           -- of the request under way: who has another one came too late
    updated_at         timestamptz NOT NULL DEFAULT now(),
    CHECK (id = coalesce(config_variable_id, scoped_id, customer_id)
           AND num_nonnulls(config_variable_id, scoped_id, customer_id) = 1)
);
CREATE INDEX connection_token_due ON connection_token (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX connection_token_of_organization ON connection_token (organization_id);
CREATE INDEX connection_token_config_variable ON connection_token (config_variable_id);
CREATE INDEX connection_token_scoped ON connection_token (scoped_id);
CREATE INDEX connection_token_customer ON connection_token (customer_id);

-- A consent under way: whoever comes back with the state, once.
CREATE TABLE connection_consent (
    state_hash      bytea PRIMARY KEY, -- SHA-256
    organization_id uuid NOT NULL REFERENCES organization ON DELETE CASCADE,
    token_id        uuid NOT NULL REFERENCES connection_token ON DELETE CASCADE,
    client_digest   bytea NOT NULL, -- of the token's client when it began
    sealed_verifier bytea NOT NULL, -- of PKCE
    expires_at      timestamptz NOT NULL DEFAULT now() + interval '10 minutes'
);
CREATE INDEX connection_consent_token ON connection_consent (token_id);
CREATE INDEX connection_consent_of_organization ON connection_consent (organization_id);
CREATE INDEX connection_consent_expires ON connection_consent (expires_at);

-- Preset inputs of a connection, by name.
CREATE TABLE connection_template (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organization ON DELETE CASCADE,
    name            text NOT NULL,
    component_key   text NOT NULL,
    connection_key  text NOT NULL,
    sealed_presets  bytea, -- JSON [{key, value}]
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (organization_id, name)
);

-- Of a connection: the name of the template whose presets it has.
ALTER TABLE required_config_variable ADD connection_template text;

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['scoped_config_variable', 'customer_config_variable', 'connection_token',
        'connection_consent', 'connection_template'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY tenant ON %I TO leat_api
            USING (organization_id = (SELECT leat_organization()))', t);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO leat_api', t);
    END LOOP;
END $$;
-- Users of a customer see which reusable connections there are for them; those of the organization
-- alone are not for their eyes, though what stands for one in their instances tells its status.
CREATE POLICY customer_only ON scoped_config_variable AS RESTRICTIVE TO leat_api
    USING ((SELECT leat_customer()) IS NULL OR customer_id = (SELECT leat_customer())
           OR (customer_id IS NULL AND variable_scope = 'customer' AND managed_by = 'customer'));
CREATE POLICY customer_only ON customer_config_variable AS RESTRICTIVE TO leat_api
    USING ((SELECT leat_customer()) IS NULL
           OR (customer_id = (SELECT leat_customer())
               AND EXISTS (SELECT FROM scoped_config_variable s
                           WHERE s.id = customer_config_variable.scoped_config_variable_id)));
CREATE POLICY customer_only ON connection_token AS RESTRICTIVE TO leat_api
    USING ((SELECT leat_customer()) IS NULL
           OR EXISTS (SELECT FROM instance_config_variable v WHERE v.id = connection_token.config_variable_id)
           OR EXISTS (SELECT FROM customer_config_variable v WHERE v.id = connection_token.customer_id));
CREATE POLICY customer_only ON connection_consent AS RESTRICTIVE TO leat_api
    USING ((SELECT leat_customer()) IS NULL);
CREATE POLICY customer_only ON connection_template AS RESTRICTIVE TO leat_api
    USING ((SELECT leat_customer()) IS NULL);

-- Uses a state up, whoever's it is.
CREATE FUNCTION leat_consent_use(hash bytea)
    RETURNS TABLE (organization_id uuid, token_id uuid, client_digest bytea, sealed_verifier bytea)
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
        WITH used AS (DELETE FROM connection_consent c WHERE c.state_hash = hash RETURNING c.*)
        SELECT used.organization_id, used.token_id, used.client_digest, used.sealed_verifier
        FROM used WHERE used.expires_at > now()
    $$;
REVOKE ALL ON FUNCTION leat_consent_use(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION leat_consent_use(bytea) TO leat_api;

-- The status of what a config variable stands for; NULL when that is none of its own.
CREATE FUNCTION leat_connection_status(scoped uuid, chosen uuid) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
        SELECT coalesce((SELECT t.status FROM connection_token t WHERE t.id = coalesce(chosen, s.id)),
            CASE WHEN chosen IS NOT NULL
                      OR (s.variable_scope = 'org' AND s.sealed_inputs IS NOT NULL) THEN 'active'
                 ELSE 'pending' END)
        FROM scoped_config_variable s
        WHERE s.id = scoped AND s.organization_id = (SELECT leat_organization())
    $$;
REVOKE ALL ON FUNCTION leat_connection_status(uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION leat_connection_status(uuid, uuid) TO leat_api;

-- What a config variable of an instance stands for: the reusable connection of this stable key, and
-- of a customer's the chosen one, or the only one where the organization manages it. Definitions
-- name what their customers need not see.
CREATE FUNCTION leat_scoped_bind(stable text, instance uuid, chosen uuid)
    RETURNS TABLE (scoped_id uuid, variable_scope text, component_key text, connection_key text,
                   scoped_inputs bytea, own_id uuid, own_inputs bytea)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
        SELECT s.id, s.variable_scope, s.component_key, s.connection_key, s.sealed_inputs, own.id,
               own.sealed_inputs
        FROM scoped_config_variable s
        JOIN instance i ON i.id = instance AND i.organization_id = s.organization_id
        LEFT JOIN LATERAL (
            SELECT v.id, v.sealed_inputs FROM customer_config_variable v
            WHERE v.scoped_config_variable_id = s.id AND s.variable_scope = 'customer'
              AND CASE WHEN i.is_system THEN v.is_test ELSE v.customer_id = i.customer_id END
              AND (v.id = chosen OR (chosen IS NULL AND (i.is_system OR s.managed_by <> 'customer')))
            ORDER BY v.created_at, v.id LIMIT 1) own ON true
        WHERE s.stable_key = stable AND s.organization_id = (SELECT leat_organization())
          AND (s.customer_id IS NULL OR s.customer_id = i.customer_id)
    $$;
REVOKE ALL ON FUNCTION leat_scoped_bind(text, uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION leat_scoped_bind(text, uuid, uuid) TO leat_api;

CREATE FUNCTION leat_template_presets(template text) RETURNS TABLE (id uuid, sealed_presets bytea)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
        SELECT t.id, t.sealed_presets FROM connection_template t
        WHERE t.name = template AND t.organization_id = (SELECT leat_organization())
    $$;
REVOKE ALL ON FUNCTION leat_template_presets(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION leat_template_presets(text) TO leat_api;
