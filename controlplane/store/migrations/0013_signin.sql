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
        SET role = user_role, name = coalesce(nullif(user_title, ''), u.name), updated_at = now()
        WHERE u.id = person
          AND (u.role <> user_role OR u.name <> coalesce(nullif(user_title, ''), u.name));
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
