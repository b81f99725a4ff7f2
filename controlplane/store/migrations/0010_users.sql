-- Users with profiles, roles of the marketplace, what an organization and a customer show of
-- themselves, and what each user has starred.

ALTER TABLE app_user DROP CONSTRAINT IF EXISTS app_user_role_check;
ALTER TABLE app_user
    ADD phone                  text NOT NULL DEFAULT '',
    ADD avatar_url             text NOT NULL DEFAULT '',
    ADD dark_mode              boolean NOT NULL DEFAULT false,
    ADD dark_mode_sync_with_os boolean NOT NULL DEFAULT false,
    ADD feature_flags          text NOT NULL DEFAULT '', -- JSON object
    ADD CONSTRAINT app_user_role_check CHECK (
        CASE WHEN customer_id IS NULL
        THEN role IN ('owner', 'admin', 'integrator', 'restricted_integrator', 'guest')
        ELSE role IN ('customer_admin', 'customer_member', 'marketplace_admin', 'marketplace_user')
        END);

-- E-mail addresses are one whatever their case: of users that differ in it the oldest stays, with the
-- tokens of the others.
UPDATE api_token t SET user_id = kept.id
FROM app_user u, LATERAL (SELECT o.id FROM app_user o
    WHERE o.organization_id = u.organization_id AND lower(o.email) = lower(u.email)
      AND o.customer_id IS NOT DISTINCT FROM u.customer_id AND o.role = u.role
    ORDER BY o.id LIMIT 1) kept
WHERE t.user_id = u.id AND kept.id <> u.id;
DELETE FROM app_user u USING app_user o
WHERE o.organization_id = u.organization_id AND lower(o.email) = lower(u.email) AND o.id < u.id;
ALTER TABLE app_user DROP CONSTRAINT app_user_organization_id_email_key;
CREATE UNIQUE INDEX app_user_email ON app_user (organization_id, lower(email));
CREATE UNIQUE INDEX app_user_external_id ON app_user (customer_id, external_id)
    WHERE customer_id IS NOT NULL AND external_id IS NOT NULL;
CREATE INDEX app_user_of_customer ON app_user (customer_id) WHERE customer_id IS NOT NULL;
CREATE INDEX api_token_of_user ON api_token (user_id);

ALTER TABLE organization
    ADD labels           text[] NOT NULL DEFAULT '{}',
    ADD avatar_url       text NOT NULL DEFAULT '',
    ADD marketplace_name text NOT NULL DEFAULT '',
    ADD branded_elements text NOT NULL DEFAULT '', -- JSON object
    ADD feature_flags    text NOT NULL DEFAULT ''; -- JSON object
GRANT UPDATE (labels, avatar_url, marketplace_name, branded_elements, feature_flags)
    ON organization TO leat_api;
ALTER TABLE customer
    ADD avatar_url              text NOT NULL DEFAULT '',
    ADD allow_embedded_designer boolean NOT NULL DEFAULT false,
    ADD allow_workflow_copilot  boolean NOT NULL DEFAULT false,
    ADD attachments             jsonb NOT NULL DEFAULT '[]'; -- [{name, url}]

CREATE INDEX integration_of_customer ON integration (customer_id) WHERE customer_id IS NOT NULL;

-- What a user has marked, of any type.
CREATE TABLE starred_record (
    user_id         uuid NOT NULL REFERENCES app_user ON DELETE CASCADE,
    object_id       uuid NOT NULL,
    organization_id uuid NOT NULL REFERENCES organization ON DELETE CASCADE,
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, object_id)
);
ALTER TABLE starred_record ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON starred_record TO leat_api
    USING (organization_id = (SELECT leat_organization()));
CREATE POLICY customer_only ON starred_record AS RESTRICTIVE TO leat_api
    USING ((SELECT leat_customer()) IS NULL
           OR EXISTS (SELECT FROM app_user u WHERE u.id = starred_record.user_id));
GRANT SELECT, INSERT, UPDATE, DELETE ON starred_record TO leat_api;
