-- What an integration is beside its definition: these are the same in all rows of a sequence, but
-- is_code_native, which is the version's.
ALTER TABLE integration
    ADD is_code_native boolean NOT NULL DEFAULT false,
    ADD template_configuration text NOT NULL DEFAULT 'NOT_AVAILABLE' CHECK (template_configuration
        IN ('NOT_AVAILABLE', 'ORG_AVAILABLE', 'CUSTOMER_AVAILABLE', 'AVAILABLE')),
    ADD marketplace_configuration text NOT NULL DEFAULT 'NOT_AVAILABLE_IN_MARKETPLACE'
        CHECK (marketplace_configuration IN ('NOT_AVAILABLE_IN_MARKETPLACE',
            'AVAILABLE_NOT_DEPLOYABLE', 'AVAILABLE_AND_DEPLOYABLE')),
    ADD marketplace_tab_configuration text NOT NULL DEFAULT '',
    ADD overview text NOT NULL DEFAULT '',
    ADD allow_multiple_marketplace_instances boolean NOT NULL DEFAULT false;

-- Uploaded files of integrations: icons and attachments. integration_id is the draft's; what was
-- uploaded and never put to use goes after a day.
CREATE TABLE media (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organization ON DELETE CASCADE,
    integration_id  uuid NOT NULL REFERENCES integration ON DELETE CASCADE,
    kind            text NOT NULL CHECK (kind IN ('AVATAR', 'ATTACHMENT')),
    name            text NOT NULL DEFAULT '', -- of an attachment in use
    in_use          boolean NOT NULL DEFAULT false,
    content_type    text NOT NULL,
    size            int NOT NULL,
    bytes           bytea NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE media ALTER bytes SET STORAGE EXTERNAL; -- images and archives: a second try only costs
CREATE INDEX media_of_integration ON media (integration_id);
CREATE INDEX media_unused ON media (organization_id, created_at) WHERE NOT in_use;
CREATE UNIQUE INDEX media_avatar ON media (integration_id) WHERE in_use AND kind = 'AVATAR';
CREATE UNIQUE INDEX media_attachment ON media (integration_id, name)
    WHERE in_use AND kind = 'ATTACHMENT';
ALTER TABLE media ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON media TO leat_api
    USING (organization_id = (SELECT leat_organization()));
CREATE POLICY customer_only ON media AS RESTRICTIVE TO leat_api
    USING ((SELECT leat_customer()) IS NULL
           OR (kind = 'AVATAR' AND in_use AND EXISTS (
               SELECT FROM integration v WHERE v.sequence_id = media.integration_id)));
GRANT SELECT, INSERT, UPDATE, DELETE ON media TO leat_api;
