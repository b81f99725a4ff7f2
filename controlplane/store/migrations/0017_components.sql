-- Components that organizations publish. A version is a row and never changes; the files of a version
-- are filled once after it was published, and kept once whatever versions have the same bytes.
ALTER TABLE component
    ADD customer_id       uuid REFERENCES customer ON DELETE CASCADE, -- NULL = the organization's own
    ADD documentation_url text NOT NULL DEFAULT '',
    ADD for_code_native   boolean NOT NULL DEFAULT false,
    ADD version_comment   text NOT NULL DEFAULT '',
    ADD version_attributes text NOT NULL DEFAULT '', -- JSON text of the publisher's tools
    ADD version_created_by uuid REFERENCES app_user ON DELETE SET NULL,
    ADD declarative       text, -- YAML of a component that is one file; NULL = its package has code
    ADD signature         text, -- SHA-1 of the package, in hex; NULL until it is uploaded
    ADD CHECK (organization_id IS NOT NULL OR customer_id IS NULL);
CREATE INDEX component_of_customer ON component (customer_id) WHERE customer_id IS NOT NULL;
CREATE POLICY customer_only ON component AS RESTRICTIVE TO leat_api
    USING ((SELECT leat_customer()) IS NULL OR customer_id IS NULL
           OR customer_id = (SELECT leat_customer()));

-- Keys of the organization's own components that the definition of a version refers to.
ALTER TABLE integration ADD private_components text[] NOT NULL DEFAULT '{}';

CREATE TABLE component_blob (
    organization_id uuid NOT NULL REFERENCES organization ON DELETE CASCADE,
    hash            bytea NOT NULL, -- SHA-256 of the bytes
    size            int NOT NULL,
    bytes           bytea NOT NULL,
    PRIMARY KEY (organization_id, hash)
);
ALTER TABLE component_blob ALTER bytes SET STORAGE EXTERNAL; -- images and archives: a second try only costs

CREATE TABLE component_file (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organization ON DELETE CASCADE,
    component_id    uuid NOT NULL REFERENCES component ON DELETE CASCADE,
    kind            text NOT NULL CHECK (kind IN ('PACKAGE', 'SOURCE', 'ICON', 'CONNECTION_ICON',
                        'CONNECTION_AVATAR')),
    connection_key  text NOT NULL DEFAULT '',
    hash            bytea, -- of component_blob; NULL until it is uploaded
    UNIQUE (component_id, kind, connection_key)
);
CREATE INDEX component_file_of_blob ON component_file (organization_id, hash);

ALTER TABLE component_blob ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON component_blob TO leat_api
    USING (organization_id = (SELECT leat_organization()));
CREATE POLICY customer_only ON component_blob AS RESTRICTIVE TO leat_api
    USING ((SELECT leat_customer()) IS NULL);
ALTER TABLE component_file ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON component_file TO leat_api
    USING (organization_id = (SELECT leat_organization()));
CREATE POLICY customer_only ON component_file AS RESTRICTIVE TO leat_api
    USING ((SELECT leat_customer()) IS NULL
           OR EXISTS (SELECT FROM component c WHERE c.id = component_file.component_id));
GRANT SELECT, INSERT, UPDATE, DELETE ON component_blob, component_file TO leat_api;

-- Bytes that no file names any more go. Uploads take the same lock, so that what they found to be
-- there is there when they commit.
CREATE FUNCTION leat_component_file_gone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('component_blob'), hashtext(OLD.organization_id::text));
    DELETE FROM component_blob b
    WHERE b.organization_id = OLD.organization_id AND b.hash = OLD.hash
      AND NOT EXISTS (SELECT FROM component_file f
                      WHERE f.organization_id = b.organization_id AND f.hash = b.hash);
    RETURN NULL;
END $$;
CREATE TRIGGER gone AFTER DELETE ON component_file
    FOR EACH ROW WHEN (OLD.hash IS NOT NULL) EXECUTE FUNCTION leat_component_file_gone();
