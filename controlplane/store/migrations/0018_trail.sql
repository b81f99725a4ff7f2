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
