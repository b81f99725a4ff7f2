-- How people and programs sign in.

-- Public halves of the keys that an organization signs embedded tokens with. The private ones are
-- never here; of those made here the last characters are kept, to tell them by.
CREATE TABLE organization_signing_key (
    id                  uuid PRIMARY KEY,
    organization_id     uuid NOT NULL REFERENCES organization ON DELETE CASCADE,
    public_key          text NOT NULL, -- PEM
    private_key_preview text NOT NULL DEFAULT '',
    imported            boolean NOT NULL,
    issued_at           timestamptz NOT NULL DEFAULT now(),
    UNIQUE (organization_id, public_key)
);
ALTER TABLE organization_signing_key ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON organization_signing_key TO leat_api
    USING (organization_id = (SELECT leat_organization()));
CREATE POLICY customer_only ON organization_signing_key AS RESTRICTIVE TO leat_api
    USING ((SELECT leat_customer()) IS NULL);
GRANT SELECT, INSERT, DELETE ON organization_signing_key TO leat_api;

-- The "sub" of embedded tokens: who a user is in the organization's own system.
ALTER TABLE app_user ADD subject text;
CREATE UNIQUE INDEX app_user_subject ON app_user (customer_id, subject) WHERE subject IS NOT NULL;

-- Finds the customer and the user that a verified embedded token speaks of, and makes what is not
-- there: no row when the customer is not there and has no name to be made with. Runs with the
-- caller's rights, for one organization. Whoever makes something does so alone, and looks again first.
CREATE FUNCTION leat_embedded_user(customer_key text, customer_title text, customer_limit int,
    user_subject text, user_key text, user_title text, user_role text,
    new_customer uuid, new_user uuid)
    RETURNS TABLE (customer_id uuid, user_id uuid) LANGUAGE plpgsql
    SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    tenant uuid := leat_organization();
    owner uuid;
    person uuid;
    mail text;
BEGIN
    SELECT c.id INTO owner FROM customer c
    WHERE c.organization_id = tenant AND c.external_id = customer_key;
    IF owner IS NULL AND customer_title = '' THEN
        RETURN;
    END IF;
    SELECT u.id INTO person FROM app_user u
    WHERE u.customer_id = owner AND u.subject = user_subject;
    IF person IS NULL THEN
        PERFORM pg_advisory_xact_lock(hashtextextended(tenant::text || customer_key, 7233187));
        INSERT INTO customer (id, organization_id, name, external_id, concurrency_limit)
        SELECT new_customer, tenant, customer_title, customer_key, nullif(customer_limit, 0)
        WHERE NOT EXISTS (SELECT FROM customer c
            WHERE c.organization_id = tenant AND c.external_id = customer_key)
          AND customer_title <> '';
        SELECT c.id INTO owner FROM customer c
        WHERE c.organization_id = tenant AND c.external_id = customer_key;
        IF owner IS NULL THEN
            RETURN;
        END IF;
        -- One that was made by hand is taken over by its external id.
        UPDATE app_user u SET subject = user_subject, updated_at = now()
        WHERE u.customer_id = owner AND u.subject IS NULL
          AND u.external_id = coalesce(nullif(user_key, ''), user_subject)
          AND NOT EXISTS (SELECT FROM app_user o
              WHERE o.customer_id = owner AND o.subject = user_subject);
        SELECT u.id INTO person FROM app_user u
        WHERE u.customer_id = owner AND u.subject = user_subject;
    END IF;
    IF person IS NULL THEN
        -- An address, and then an external id, that another user has is not given twice.
        FOREACH mail IN ARRAY ARRAY[
            CASE WHEN user_subject ~ '^[^@[:space:]]+@[^@[:space:]]+$' THEN user_subject END,
            new_user || '@embedded.invalid'] LOOP
            IF mail IS NOT NULL AND person IS NULL THEN
                INSERT INTO app_user (id, organization_id, customer_id, email, name, external_id,
                    subject, role)
                VALUES (new_user, tenant, owner, mail, user_title,
                    coalesce(nullif(user_key, ''), user_subject), user_subject, user_role)
                ON CONFLICT DO NOTHING RETURNING id INTO person;
            END IF;
        END LOOP;
        IF person IS NULL THEN
            INSERT INTO app_user (id, organization_id, customer_id, email, name, subject, role)
            VALUES (new_user, tenant, owner, new_user || '@embedded.invalid', user_title,
                user_subject, user_role)
            RETURNING id INTO person;
        END IF;
    ELSE
        UPDATE app_user u
        SET role = CASE WHEN starts_with(u.role, 'marketplace_') THEN user_role ELSE u.role END,
            name = coalesce(nullif(user_title, ''), u.name), updated_at = now()
        WHERE u.id = person
          AND ((starts_with(u.role, 'marketplace_') AND u.role <> user_role) OR u.name <> coalesce(nullif(user_title, ''), u.name));
    END IF;
    RETURN QUERY SELECT owner, person;
END $$;

-- Asked before an organization is believed, so with the owner's rights.
CREATE FUNCTION leat_signing_keys(organization uuid) RETURNS SETOF text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
        SELECT k.public_key FROM organization_signing_key k
        WHERE k.organization_id = organization ORDER BY k.id DESC
    $$;
REVOKE ALL ON FUNCTION leat_signing_keys(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION leat_signing_keys(uuid) TO leat_api;

-- Passwords and sessions: no role but the owner sees these tables, whatever the API asks.
CREATE TABLE user_password (
    user_id     uuid PRIMARY KEY REFERENCES app_user ON DELETE CASCADE,
    hash        text NOT NULL, -- Argon2id, with its parameters and salt
    changed_at  timestamptz NOT NULL DEFAULT now()
);
-- Lets its holder choose the user's password, once.
CREATE TABLE user_invitation (
    user_id     uuid PRIMARY KEY REFERENCES app_user ON DELETE CASCADE,
    token_hash  bytea NOT NULL UNIQUE, -- SHA-256
    expires_at  timestamptz NOT NULL
);
CREATE TABLE user_session (
    id              uuid PRIMARY KEY,
    user_id         uuid NOT NULL REFERENCES app_user ON DELETE CASCADE,
    rotates         boolean NOT NULL, -- false: of a client that keeps its first refresh token
    created_at      timestamptz NOT NULL DEFAULT now(),
    last_used_at    timestamptz NOT NULL DEFAULT now(),
    revoked_at      timestamptz
);
CREATE INDEX user_session_user ON user_session (user_id);
-- All that a session had: one of them is unused, and using another again ends the session.
CREATE TABLE refresh_token (
    token_hash  bytea PRIMARY KEY, -- SHA-256
    session_id  uuid NOT NULL REFERENCES user_session ON DELETE CASCADE,
    used_at     timestamptz
);
CREATE INDEX refresh_token_session ON refresh_token (session_id);

-- A session ends two weeks after it was used last, and three months after it began.
CREATE FUNCTION leat_session_holds(s user_session) RETURNS boolean LANGUAGE sql STABLE
    AS $$ SELECT s.revoked_at IS NULL AND s.last_used_at > now() - interval '14 days'
                 AND s.created_at > now() - interval '90 days' $$;

-- The oldest user of an address who has a password, in an organization or anywhere.
CREATE FUNCTION leat_password_of(mail text, organization uuid)
    RETURNS TABLE (user_id uuid, organization_id uuid, hash text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
        SELECT u.id, u.organization_id, p.hash FROM app_user u JOIN user_password p ON p.user_id = u.id
        WHERE lower(u.email) = lower(mail) AND (organization IS NULL OR u.organization_id = organization)
        ORDER BY u.id LIMIT 1
    $$;
CREATE INDEX app_user_mail ON app_user (lower(email));

CREATE FUNCTION leat_session_begin(session uuid, person uuid, hash bytea, rotating boolean) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
        DELETE FROM user_session s WHERE s.user_id = person AND NOT leat_session_holds(s);
        INSERT INTO user_session (id, user_id, rotates) VALUES (session, person, rotating);
        INSERT INTO refresh_token (token_hash, session_id) VALUES (hash, session);
    $$;

-- The old token for a new one. No row: it is unknown or its session is over. reused: it was used
-- before, so somebody has a copy, and its session is over now.
CREATE FUNCTION leat_session_refresh(old_hash bytea, new_hash bytea)
    RETURNS TABLE (session_id uuid, user_id uuid, organization_id uuid, reused boolean,
        rotated boolean)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    found_session user_session;
    was_used timestamptz;
BEGIN
    SELECT s.* INTO found_session FROM user_session s
    WHERE s.id = (SELECT t.session_id FROM refresh_token t WHERE t.token_hash = old_hash)
    FOR UPDATE;
    IF NOT FOUND OR NOT leat_session_holds(found_session) THEN
        RETURN;
    END IF;
    SELECT t.used_at INTO was_used FROM refresh_token t WHERE t.token_hash = old_hash;
    IF NOT found_session.rotates THEN
        UPDATE user_session s SET last_used_at = now() WHERE s.id = found_session.id;
    ELSIF was_used IS NULL THEN
        UPDATE refresh_token SET used_at = now() WHERE token_hash = old_hash;
        INSERT INTO refresh_token (token_hash, session_id) VALUES (new_hash, found_session.id);
        DELETE FROM refresh_token t
        WHERE t.session_id = found_session.id AND t.used_at < now() - interval '14 days';
        UPDATE user_session s SET last_used_at = now() WHERE s.id = found_session.id;
    ELSE
        UPDATE user_session s SET revoked_at = now() WHERE s.id = found_session.id;
    END IF;
    RETURN QUERY SELECT found_session.id, u.id, u.organization_id, was_used IS NOT NULL,
            found_session.rotates
        FROM app_user u WHERE u.id = found_session.user_id;
END $$;

-- Ends the session of a refresh token, or all of its user; how many.
CREATE FUNCTION leat_session_end(hash bytea, everywhere boolean) RETURNS bigint
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
        SELECT count(*) FROM ended
    $$;

-- Who a session stands for, now.
CREATE FUNCTION leat_session_lookup(session uuid)
    RETURNS TABLE (organization_id uuid, customer_id uuid, user_id uuid, role text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
        SELECT u.organization_id, u.customer_id, u.id, u.role
        FROM user_session s JOIN app_user u ON u.id = s.user_id
        WHERE s.id = session AND leat_session_holds(s)
    $$;

CREATE FUNCTION leat_invitation_mail(hash bytea) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
        SELECT u.email FROM user_invitation i JOIN app_user u ON u.id = i.user_id
        WHERE i.token_hash = hash AND i.expires_at > now()
    $$;
-- Uses an invitation up: the user has this password, and no session. Null when there is none.
CREATE FUNCTION leat_password_set(invitation bytea, new_hash text) RETURNS uuid
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
        WITH used AS (
            DELETE FROM user_invitation i
            WHERE i.token_hash = invitation AND i.expires_at > now() RETURNING i.user_id
        ), ended AS (
            UPDATE user_session s SET revoked_at = now() FROM used
            WHERE s.user_id = used.user_id AND s.revoked_at IS NULL
        )
        INSERT INTO user_password (user_id, hash) SELECT used.user_id, new_hash FROM used
        ON CONFLICT (user_id) DO UPDATE SET hash = EXCLUDED.hash, changed_at = now()
        RETURNING user_id
    $$;

DO $$
DECLARE f text;
BEGIN
    FOREACH f IN ARRAY ARRAY['leat_password_of(text, uuid)', 'leat_session_begin(uuid, uuid, bytea, boolean)',
        'leat_session_refresh(bytea, bytea)', 'leat_session_end(bytea, boolean)',
        'leat_session_lookup(uuid)', 'leat_invitation_mail(bytea)',
        'leat_password_set(bytea, text)'] LOOP
        EXECUTE 'REVOKE ALL ON FUNCTION ' || f || ' FROM PUBLIC';
        EXECUTE 'GRANT EXECUTE ON FUNCTION ' || f || ' TO leat_api';
    END LOOP;
END $$;

-- API tokens may less than their user, and tell when they were used.
ALTER TABLE api_token
    ADD scope        text NOT NULL DEFAULT 'admin' CHECK (scope IN ('read', 'write', 'admin')),
    ADD last_used_at timestamptz; -- to the minute
DROP FUNCTION leat_token_lookup(bytea);
CREATE FUNCTION leat_token_lookup(hash bytea)
    RETURNS TABLE (organization_id uuid, customer_id uuid, user_id uuid, role text, scope text)
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
        UPDATE api_token t SET last_used_at = now()
        WHERE t.id = (SELECT due.id FROM api_token due
            WHERE due.token_hash = hash
              AND (due.last_used_at IS NULL OR due.last_used_at < now() - interval '1 minute')
            FOR UPDATE SKIP LOCKED);
        SELECT t.organization_id, u.customer_id, u.id, u.role, t.scope
        FROM api_token t JOIN app_user u ON u.id = t.user_id
        WHERE t.token_hash = hash AND t.revoked_at IS NULL
            AND (t.expires_at IS NULL OR t.expires_at > now())
    $$;
REVOKE ALL ON FUNCTION leat_token_lookup(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION leat_token_lookup(bytea) TO leat_api;

-- What the page at /authorize gives the command line client, for a session: once, within a minute.
CREATE TABLE signin_code (
    code_hash       bytea PRIMARY KEY, -- SHA-256
    user_id         uuid NOT NULL REFERENCES app_user ON DELETE CASCADE,
    code_challenge  text NOT NULL, -- of RFC 7636, S256
    redirect_uri    text NOT NULL,
    expires_at      timestamptz NOT NULL DEFAULT now() + interval '1 minute'
);
CREATE INDEX signin_code_user ON signin_code (user_id);
CREATE FUNCTION leat_code_make(hash bytea, person uuid, challenge text, redirect text) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
        DELETE FROM signin_code c WHERE c.user_id = person AND c.expires_at < now();
        INSERT INTO signin_code (code_hash, user_id, code_challenge, redirect_uri)
        VALUES (hash, person, challenge, redirect);
    $$;
CREATE FUNCTION leat_code_use(hash bytea)
    RETURNS TABLE (user_id uuid, organization_id uuid, code_challenge text, redirect_uri text)
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
        WITH used AS (DELETE FROM signin_code c WHERE c.code_hash = hash RETURNING c.*)
        SELECT u.id, u.organization_id, used.code_challenge, used.redirect_uri
        FROM used JOIN app_user u ON u.id = used.user_id WHERE used.expires_at > now()
    $$;
REVOKE ALL ON FUNCTION leat_code_make(bytea, uuid, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION leat_code_make(bytea, uuid, text, text) TO leat_api;
REVOKE ALL ON FUNCTION leat_code_use(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION leat_code_use(bytea) TO leat_api;
