-- Queries of components that organizations publish.

-- One publication of a key at a time, so that versions are numbered without gaps.
-- name: component_lock
SELECT pg_advisory_xact_lock(hashtext('component'), hashtext($1 || ' ' || $2));

-- name: component_newest
SELECT version, customer_id, declarative IS NOT NULL FROM component
WHERE organization_id = $1::uuid AND key = $2 ORDER BY version DESC LIMIT 1;

-- name: component_insert
INSERT INTO component (id, organization_id, customer_id, key, version, label, description, category,
    is_public, metadata, documentation_url, for_code_native, version_comment, version_attributes,
    version_created_by, declarative)
VALUES ($1::uuid, $2::uuid, $3::uuid, $4, $5::int, $6, $7, $8, false, $9::jsonb, coalesce($10, ''),
    coalesce($11::bool, false), coalesce($12, ''), coalesce($13, ''), $14::uuid, $15);

-- The files that may follow: those of the component, and of connections that have an icon.
-- name: component_files_insert
INSERT INTO component_file (id, organization_id, component_id, kind, connection_key)
SELECT leat_uuid_v7(), c.organization_id, c.id, kind, '' FROM component c,
    unnest(ARRAY['PACKAGE', 'SOURCE', 'ICON']) kind
WHERE c.id = $1::uuid AND (kind = 'ICON' OR c.declarative IS NULL)
UNION ALL
SELECT leat_uuid_v7(), c.organization_id, c.id, 'CONNECTION_ICON', of_key
FROM component c, unnest($2::text[]) of_key WHERE c.id = $1::uuid
UNION ALL
SELECT leat_uuid_v7(), c.organization_id, c.id, 'CONNECTION_AVATAR', of_key
FROM component c, unnest($3::text[]) of_key WHERE c.id = $1::uuid;

-- name: component_find
SELECT key, is_public FROM component WHERE id = $1::uuid FOR UPDATE;

-- Names of integrations that use a component.
-- name: component_users
SELECT DISTINCT name FROM integration
WHERE organization_id = $1::uuid AND private_components @> ARRAY[$2] ORDER BY name LIMIT 4;

-- name: component_delete
DELETE FROM component WHERE organization_id = $1::uuid AND key = $2;

-- name: integration_components
UPDATE integration SET private_components = $2::text[] WHERE id = $1::uuid;

-- What a definition may refer to, in the form of the catalog: of each component that is named in the
-- text its newest version, and those whose number is. The integration may be there already.
-- name: component_catalog
WITH named AS (
    SELECT c.*, row_number() OVER (PARTITION BY c.key ORDER BY c.version DESC) AS age
    FROM component c
    WHERE c.organization_id = $1::uuid AND strpos($2, c.key) > 0
      AND (c.customer_id IS NULL OR c.customer_id = coalesce($3::uuid,
           (SELECT i.customer_id FROM integration i WHERE i.id = $4::uuid)))
)
SELECT json_build_object('components', coalesce(json_agg(json_build_object(
    'key', n.key, 'version', n.version, 'public', false, 'label', n.label,
    'actions', (SELECT coalesce(json_agg(json_build_object(
        'key', a->'key', 'label', a->'label', 'trigger', a->'isTrigger', 'branches', a->'branches',
        'breaks', a->'breaksLoop', 'stops', a->'stopsExecution',
        'scheduleAllowed', a->'scheduleAllowed', 'scheduleRequired', a->'scheduleRequired',
        'replies', a->'replies', 'staticBranches', a->'staticBranches',
        'inputs', (SELECT coalesce(json_agg(json_build_object(
            'key', i->'key', 'label', i->'label', 'required', i->'required',
            'default', CASE WHEN jsonb_typeof(i->'default') = 'string' THEN i->'default'
                            ELSE to_jsonb(i->>'default') END,
            'type', CASE WHEN i->>'type' IN ('string', 'text', 'number', 'boolean', 'code',
                              'connection', 'conditions', 'password') THEN i->>'type' ELSE 'json' END,
            'collection', CASE lower(i->>'collection') WHEN 'valuelist' THEN 'valuelist'
                WHEN 'keyvaluelist' THEN 'keyvaluelist' ELSE 'single' END)), '[]')
            FROM jsonb_array_elements(a->'inputs') i))), '[]')
        FROM jsonb_array_elements(n.metadata->'actions') a
        WHERE NOT coalesce((a->>'isDataSource')::boolean, false)))), '[]'))
FROM (SELECT * FROM named WHERE age = 1 OR strpos($2, version::text) > 0
      ORDER BY key, version DESC LIMIT 200) n;

-- An upload: whether the file may come, and what it is. $2 is the component.
-- name: component_file_room
SELECT kind, hash IS NOT NULL FROM component_file WHERE id = $1::uuid AND component_id = $2::uuid
FOR UPDATE;

-- name: component_blob_lock
SELECT pg_advisory_xact_lock(hashtext('component_blob'), hashtext($1::uuid::text));

-- name: component_blob_put
INSERT INTO component_blob (organization_id, hash, size, bytes)
VALUES ($1::uuid, $2::bytea, $3::int, $4::bytea) ON CONFLICT DO NOTHING;

-- name: component_file_put
UPDATE component_file SET hash = $2::bytea WHERE id = $1::uuid;

-- name: component_sign
UPDATE component SET signature = $2 WHERE id = $1::uuid;

-- The columns of media_get.
-- name: component_file_get
SELECT 'AVATAR', '', 'image/png', b.bytes FROM component_file f
JOIN component_blob b ON b.organization_id = f.organization_id AND b.hash = f.hash
WHERE f.id = $1::uuid AND f.component_id = $2::uuid
  AND f.kind IN ('ICON', 'CONNECTION_ICON', 'CONNECTION_AVATAR');

-- Whether a trigger answers who called; version 0 = the newest.
-- name: component_trigger_replies
SELECT coalesce((a->>'replies')::boolean, false)
FROM component c, jsonb_array_elements(c.metadata->'actions') a
WHERE c.organization_id = $1::uuid AND c.key = $2 AND c.version = coalesce(nullif($3::int, 0), c.version)
  AND a->>'key' = $4 AND (a->>'isTrigger')::boolean
ORDER BY c.version DESC LIMIT 1;
