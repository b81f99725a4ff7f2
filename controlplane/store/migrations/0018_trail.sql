-- The audit log: who did what to which object, each entry holding the hash of the one before it.

-- The end of each organization's chain, and where it begins since what was older was dropped.
CREATE TABLE audit_head (
    organization_id  uuid PRIMARY KEY,
    position         bigint NOT NULL DEFAULT 0,
    hash             bytea NOT NULL DEFAULT '',
    dropped_position bigint NOT NULL DEFAULT 0, -- of the last entry that was dropped
    dropped_hash     bytea NOT NULL DEFAULT ''
);
-- Without keys to what it tells of: that may be gone, the entry stays.
CREATE TABLE audit_entry (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL,
    position        bigint NOT NULL, -- 1, 2, 3 ... in the organization
    at              timestamptz NOT NULL,
    actor_type      text NOT NULL CHECK (actor_type IN ('user', 'token', 'embedded', 'command', 'system')),
    actor_id        uuid,            -- user
    actor_name      text NOT NULL,
    token_id        uuid,            -- API token
    action          text NOT NULL,   -- object.done
    object_type     text NOT NULL,
    object_id       uuid,
    object_name     text NOT NULL,
    fields          text[] NOT NULL, -- what was given, by name
    address         text NOT NULL,
    previous        bytea NOT NULL,  -- hash of the entry before
    hash            bytea NOT NULL,
    UNIQUE (organization_id, position)
);
CREATE INDEX audit_entry_of_object ON audit_entry (object_id, position);
CREATE INDEX audit_entry_at ON audit_entry (at);

-- SHA-256 of the texts of an entry, each after its length in bytes and a colon; docs/decisions/0020.
CREATE FUNCTION leat_audit_hash(e audit_entry) RETURNS bytea LANGUAGE sql IMMUTABLE
    SET search_path = public, pg_temp AS $$
    SELECT sha256(convert_to(string_agg(octet_length(part) || ':' || part, '' ORDER BY n), 'UTF8'))
    FROM unnest(ARRAY[encode(e.previous, 'hex'), e.organization_id::text, e.position::text,
        e.id::text, leat_iso(e.at), e.actor_type, coalesce(e.actor_id::text, ''), e.actor_name,
        coalesce(e.token_id::text, ''), e.action, e.object_type, coalesce(e.object_id::text, ''),
        e.object_name, e.address] || e.fields) WITH ORDINALITY AS parts (part, n)
$$;

-- Entries come and stay. What is too old goes by leat_audit_drop only.
CREATE FUNCTION leat_audit_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('leat.audit_drop', true) = 'on' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'entries of the audit log are not changed or deleted';
END $$;
CREATE TRIGGER keep BEFORE UPDATE OR DELETE ON audit_entry
    FOR EACH ROW EXECUTE FUNCTION leat_audit_keep();
CREATE TRIGGER keep_all BEFORE TRUNCATE ON audit_entry
    FOR EACH STATEMENT EXECUTE FUNCTION leat_audit_keep();

-- Adds an entry, in the transaction of what it tells of: both are kept or neither. The row of
-- audit_head is locked until its end, so callers do this last. actor_title, when NULL, is the
-- user's address.
CREATE FUNCTION leat_audit_add(org uuid, kind text, actor uuid, actor_title text, token uuid,
    what text, type text, object uuid, title text, given text[], sender text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    e audit_entry;
BEGIN
    IF leat_organization() <> org THEN
        RAISE EXCEPTION 'an entry of another organization';
    END IF;
    INSERT INTO audit_head (organization_id) VALUES (org) ON CONFLICT DO NOTHING;
    SELECT h.position + 1, h.hash INTO e.position, e.previous
    FROM audit_head h WHERE h.organization_id = org FOR UPDATE;
    e.id := leat_uuid_v7();
    e.organization_id := org;
    e.at := clock_timestamp();
    e.actor_type := kind;
    e.actor_id := actor;
    e.actor_name := coalesce(actor_title, (SELECT u.email FROM app_user u WHERE u.id = actor), '');
    e.token_id := token;
    e.action := what;
    e.object_type := type;
    e.object_id := object;
    e.object_name := coalesce(title, '');
    e.fields := coalesce(given, '{}');
    e.address := coalesce(sender, '');
    e.hash := leat_audit_hash(e);
    INSERT INTO audit_entry SELECT e.*;
    UPDATE audit_head SET position = e.position, hash = e.hash WHERE organization_id = org;
    PERFORM leat_event_emit(org, NULL, what, actor, type, object, e.object_name);
END $$;
REVOKE ALL ON FUNCTION leat_audit_add(uuid, text, uuid, text, uuid, text, text, uuid, text, text[],
    text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION leat_audit_add(uuid, text, uuid, text, uuid, text, text, uuid, text,
    text[], text) TO leat_api;

-- Drops the oldest entries of each organization, some at a time, and says so in an entry. The chain
-- goes on from the last one dropped.
CREATE FUNCTION leat_audit_drop(keep_days int, most int) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    head audit_head;
    last audit_entry;
    dropped bigint := 0;
BEGIN
    FOR head IN SELECT h.* FROM audit_head h
        WHERE EXISTS (SELECT FROM audit_entry e WHERE e.organization_id = h.organization_id
            AND e.position = h.dropped_position + 1
            AND e.at < now() - (keep_days + 1) * interval '1 day') -- so once a day at most
        ORDER BY h.organization_id FOR UPDATE
    LOOP
        SELECT e.* INTO last FROM audit_entry e
        WHERE e.organization_id = head.organization_id
          AND e.position <= head.dropped_position + most
          AND e.at < now() - keep_days * interval '1 day'
        ORDER BY e.position DESC LIMIT 1;
        PERFORM set_config('leat.audit_drop', 'on', true);
        DELETE FROM audit_entry e
        WHERE e.organization_id = head.organization_id AND e.position <= last.position;
        PERFORM set_config('leat.audit_drop', '', true);
        UPDATE audit_head SET dropped_position = last.position, dropped_hash = last.hash
        WHERE organization_id = head.organization_id;
        PERFORM leat_audit_add(head.organization_id, 'system', NULL, 'retention', NULL,
            'audit_log.dropped', 'AuditEntry', last.id, 'up to ' || last.position, NULL, NULL);
        dropped := dropped + last.position - head.dropped_position;
    END LOOP;
    RETURN dropped;
END $$;
REVOKE ALL ON FUNCTION leat_audit_drop(int, int) FROM PUBLIC;

ALTER TABLE audit_entry ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON audit_entry TO leat_api
    USING (organization_id = (SELECT leat_organization()));
CREATE POLICY customer_only ON audit_entry AS RESTRICTIVE TO leat_api
    USING ((SELECT leat_customer()) IS NULL);
GRANT SELECT ON audit_entry TO leat_api;

-- The uuid of a global id; NULL when it is none.
CREATE FUNCTION leat_gid_uuid(gid text) RETURNS uuid LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN split_part(convert_from(decode(gid, 'base64'), 'UTF8'), ':', 2)::uuid;
EXCEPTION WHEN OTHERS THEN
    RETURN NULL;
END $$;

-- Which token it was, too.
DROP FUNCTION leat_token_lookup(bytea);
CREATE FUNCTION leat_token_lookup(hash bytea)
    RETURNS TABLE (organization_id uuid, customer_id uuid, user_id uuid, role text, scope text,
        token_id uuid)
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
        UPDATE api_token t SET last_used_at = now()
        WHERE t.id = (SELECT due.id FROM api_token due
            WHERE due.token_hash = hash
              AND (due.last_used_at IS NULL OR due.last_used_at < now() - interval '1 minute')
            FOR UPDATE SKIP LOCKED);
        SELECT t.organization_id, u.customer_id, u.id, u.role, t.scope, t.id
        FROM api_token t JOIN app_user u ON u.id = t.user_id
        WHERE t.token_hash = hash AND t.revoked_at IS NULL
            AND (t.expires_at IS NULL OR t.expires_at > now())
    $$;
REVOKE ALL ON FUNCTION leat_token_lookup(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION leat_token_lookup(bytea) TO leat_api;

-- A token that holds no more was used: told once an hour for each.
ALTER TABLE api_token ADD refused_at timestamptz;
CREATE FUNCTION leat_token_refused(hash bytea, sender text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    t api_token;
BEGIN
    UPDATE api_token k SET refused_at = now()
    WHERE k.token_hash = hash AND (k.refused_at IS NULL OR k.refused_at < now() - interval '1 hour')
    RETURNING * INTO t;
    IF FOUND THEN
        PERFORM leat_audit_add(t.organization_id, 'token', t.user_id, NULL, t.id,
            'api_token.refused', 'ApiToken', t.id, t.name, NULL, sender);
    END IF;
END $$;
REVOKE ALL ON FUNCTION leat_token_refused(bytea, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION leat_token_refused(bytea, text) TO leat_api;

-- What a user did about the own sign-in.
CREATE FUNCTION leat_audit_signin(person uuid, what text, sender text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM leat_audit_add(u.organization_id, 'user', u.id, u.email, NULL, what, 'User', u.id,
        u.email, NULL, sender)
    FROM app_user u WHERE u.id = person;
    RETURN FOUND;
END $$;
REVOKE ALL ON FUNCTION leat_audit_signin(uuid, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION leat_audit_signin(uuid, text, text) TO leat_api;
-- Without waiting for the disk: how long an answer takes must not tell whether somebody is known.
CREATE FUNCTION leat_signin_refused(person uuid, sender text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    RETURN leat_audit_signin(person, 'user.sign_in_refused', sender);
END $$;
REVOKE ALL ON FUNCTION leat_signin_refused(uuid, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION leat_signin_refused(uuid, text) TO leat_api;

-- Whose sessions end: the row that leat_session_end gave was a number only.
DROP FUNCTION leat_session_end(bytea, boolean);
CREATE FUNCTION leat_session_end(hash bytea, everywhere boolean)
    RETURNS TABLE (user_id uuid, sessions bigint)
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
        WITH known AS (
            SELECT s.id, s.user_id FROM refresh_token t JOIN user_session s ON s.id = t.session_id
            WHERE t.token_hash = hash AND leat_session_holds(s)
        ), ended AS (
            UPDATE user_session s SET revoked_at = now() FROM known
            WHERE s.revoked_at IS NULL AND (s.id = known.id OR (everywhere AND s.user_id = known.user_id))
            RETURNING s.id
        )
        SELECT k.user_id, (SELECT count(*) FROM ended) FROM known k
    $$;
REVOKE ALL ON FUNCTION leat_session_end(bytea, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION leat_session_end(bytea, boolean) TO leat_api;

-- Event webhooks: what is told, to whom, and what is to be sent. Where the audit log gets an entry,
-- and where a monitor trips, the message is written in the same transaction.
CREATE TABLE event_type (
    id          uuid PRIMARY KEY,
    name        text NOT NULL UNIQUE, -- an action of the audit log, but for alert_monitor.triggered
    description text NOT NULL
);
INSERT INTO event_type (id, name, description)
SELECT md5(name)::uuid, name, description
FROM (VALUES
    ('instance.created', 'An instance was made'),
    ('instance.updated', 'An instance was changed'),
    ('instance.deployed', 'An instance was deployed'),
    ('instance.enabled', 'An instance was enabled'),
    ('instance.disabled', 'An instance was disabled'),
    ('instance.deleted', 'An instance was deleted'),
    ('integration.created', 'An integration was made'),
    ('integration.imported', 'A definition was imported'),
    ('integration.updated', 'An integration was changed'),
    ('integration.published', 'A version was published'),
    ('integration.forked', 'An integration was forked'),
    ('integration.availability_updated', 'A version became available or ceased to be'),
    ('integration.marketplace_updated', 'What the marketplace shows of an integration was changed'),
    ('integration.deleted', 'An integration was deleted'),
    ('customer.created', 'A customer was made'),
    ('customer.updated', 'A customer was changed'),
    ('customer.deleted', 'A customer was deleted'),
    ('user.created', 'A user was made'),
    ('user.updated', 'A user was changed'),
    ('user.deleted', 'A user was deleted'),
    ('user.signed_in', 'A user signed in'),
    ('user.sign_in_refused', 'Somebody tried to sign in as a user'),
    ('user.password_set', 'A user chose a password'),
    ('organization.updated', 'The organization was changed'),
    ('api_token.created', 'An API token was made'),
    ('api_token.revoked', 'An API token was revoked'),
    ('api_token.refused', 'An API token was used that holds no more'),
    ('organization_signing_key.created', 'A signing key was made'),
    ('organization_signing_key.imported', 'A signing key was imported'),
    ('organization_signing_key.deleted', 'A signing key was deleted'),
    ('execution.replayed', 'An execution was replayed'),
    ('alert_monitor.created', 'An alert monitor was made'),
    ('alert_monitor.updated', 'An alert monitor was changed'),
    ('alert_monitor.deleted', 'An alert monitor was deleted'),
    ('alert_monitor.triggered', 'An alert monitor tripped'),
    ('alert_monitor.cleared', 'An alert monitor was cleared'),
    ('alert_group.created', 'An alert group was made'),
    ('alert_group.updated', 'An alert group was changed'),
    ('alert_group.deleted', 'An alert group was deleted'),
    ('alert_webhook.created', 'An alert webhook was made'),
    ('alert_webhook.updated', 'An alert webhook was changed'),
    ('alert_webhook.deleted', 'An alert webhook was deleted'),
    ('webhook_endpoint.created', 'An event webhook was made'),
    ('webhook_endpoint.updated', 'An event webhook was changed'),
    ('webhook_endpoint.deleted', 'An event webhook was deleted')
) AS t (name, description);
GRANT SELECT ON event_type TO leat_api;

CREATE TABLE webhook_endpoint (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organization ON DELETE CASCADE,
    name            text NOT NULL,
    description     text NOT NULL DEFAULT '',
    url             text NOT NULL,
    sealed_secret   bytea, -- JSON text, sealed by the data key
    sealed_headers  bytea, -- JSON object of names and values, likewise
    enabled         boolean NOT NULL DEFAULT true,
    event_types     text[] NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX webhook_endpoint_of_organization ON webhook_endpoint (organization_id);

CREATE TABLE webhook_delivery (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL,
    endpoint_id     uuid NOT NULL REFERENCES webhook_endpoint ON DELETE CASCADE,
    event_type      text NOT NULL,
    body            text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    attempts        int NOT NULL DEFAULT 0,
    next_at         timestamptz DEFAULT now(), -- NULL = delivered or given up
    delivered_at    timestamptz,
    error           text -- of the last attempt
);
CREATE INDEX webhook_delivery_due ON webhook_delivery (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX webhook_delivery_of_endpoint ON webhook_delivery (endpoint_id, id);

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['webhook_endpoint', 'webhook_delivery'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY tenant ON %I TO leat_api
            USING (organization_id = (SELECT leat_organization()))', t);
        EXECUTE format('CREATE POLICY customer_only ON %I AS RESTRICTIVE TO leat_api
            USING ((SELECT leat_customer()) IS NULL)', t);
    END LOOP;
END $$;
GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_endpoint TO leat_api;
GRANT SELECT ON webhook_delivery TO leat_api;

-- Writes a message for one endpoint (also one that is not enabled), or for all that want the event.
CREATE FUNCTION leat_event_emit(org uuid, only_endpoint uuid, what text, actor uuid, type text,
    object uuid, title text) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    INSERT INTO webhook_delivery (id, organization_id, endpoint_id, event_type, body)
    SELECT leat_uuid_v7(), org, w.id, what, jsonb_build_object(
        'event_type', what,
        'user', (SELECT jsonb_build_object('id', leat_gid('User', u.id), 'email', u.email,
                     'name', u.name) FROM app_user u WHERE u.id = actor),
        'timestamp', leat_iso(clock_timestamp()),
        'organization_id', leat_gid('Organization', org),
        'webhook_id', leat_gid('WebhookEndpoint', w.id),
        lower(regexp_replace(type, '([a-z0-9])([A-Z])', '\1_\2', 'g')),
            jsonb_build_object('id', leat_gid(type, object), 'name', title))::text
    FROM webhook_endpoint w
    WHERE w.organization_id = org
      AND CASE WHEN only_endpoint IS NULL THEN w.enabled AND what = ANY (w.event_types)
               ELSE w.id = only_endpoint END
$$;
REVOKE ALL ON FUNCTION leat_event_emit(uuid, uuid, text, uuid, text, uuid, text) FROM PUBLIC;

-- The button of an endpoint.
CREATE FUNCTION leat_webhook_test(endpoint uuid, actor uuid) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT leat_event_emit(w.organization_id, w.id, 'webhook_endpoint.test', actor,
        'WebhookEndpoint', w.id, w.name)
    FROM webhook_endpoint w
    WHERE w.id = endpoint AND w.organization_id = leat_organization()
$$;
REVOKE ALL ON FUNCTION leat_webhook_test(uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION leat_webhook_test(uuid, uuid) TO leat_api;
-- One that is disabled gets nothing any more.
CREATE FUNCTION leat_webhook_cancel() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE webhook_delivery SET next_at = NULL, error = 'The webhook was disabled.'
    WHERE endpoint_id = NEW.id AND next_at IS NOT NULL;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION leat_webhook_cancel() FROM PUBLIC;
CREATE TRIGGER cancel AFTER UPDATE OF enabled ON webhook_endpoint
    FOR EACH ROW WHEN (OLD.enabled AND NOT NEW.enabled) EXECUTE FUNCTION leat_webhook_cancel();

CREATE FUNCTION leat_alert_emit() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM leat_event_emit(NEW.organization_id, NULL, 'alert_monitor.triggered', NULL,
        'AlertMonitor', NEW.monitor_id, NEW.facts->>'NAME');
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION leat_alert_emit() FROM PUBLIC;
CREATE TRIGGER emit AFTER INSERT ON alert_event FOR EACH ROW EXECUTE FUNCTION leat_alert_emit();
