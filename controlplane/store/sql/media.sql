-- Queries of uploaded files.

-- name: media_integration
SELECT sequence_id FROM integration WHERE id = $1::uuid;

-- name: media_expire
DELETE FROM media WHERE NOT in_use AND created_at < now() - interval '1 day';

-- name: media_room
SELECT EXISTS (SELECT FROM integration WHERE id = $1::uuid),
       (SELECT count(*) FROM media WHERE NOT in_use AND id <> $2::uuid),
       EXISTS (SELECT FROM media WHERE id = $2::uuid AND in_use);

-- name: media_put
INSERT INTO media (id, organization_id, integration_id, kind, content_type, size, bytes)
VALUES ($1::uuid, $2::uuid, $3::uuid, $4, $5, $6::int, $7::bytea)
ON CONFLICT (id) DO UPDATE SET content_type = EXCLUDED.content_type, size = EXCLUDED.size,
    bytes = EXCLUDED.bytes
WHERE NOT media.in_use;

-- name: media_get
SELECT kind, name, content_type, bytes FROM media
WHERE id = $1::uuid AND integration_id = $2::uuid;

-- name: media_avatar_clear
DELETE FROM media WHERE integration_id = $1::uuid AND kind = 'AVATAR' AND in_use
    AND id IS DISTINCT FROM $2::uuid;

-- name: media_avatar_use
UPDATE media SET in_use = true
WHERE id = $2::uuid AND integration_id = $1::uuid AND kind = 'AVATAR';

-- name: media_avatar_fork
INSERT INTO media (id, organization_id, integration_id, kind, in_use, content_type, size, bytes)
SELECT $3::uuid, m.organization_id, $2::uuid, m.kind, true, m.content_type, m.size, m.bytes
FROM media m WHERE m.integration_id = $1::uuid AND m.kind = 'AVATAR' AND m.in_use;

-- name: media_attachments
SELECT count(*) FROM media WHERE integration_id = $1::uuid AND kind = 'ATTACHMENT' AND in_use;

-- name: media_attach
UPDATE media SET in_use = true, name = $3
WHERE id = $2::uuid AND integration_id = $1::uuid AND kind = 'ATTACHMENT' AND NOT in_use;

-- name: media_rename
UPDATE media SET name = $3
WHERE integration_id = $1::uuid AND kind = 'ATTACHMENT' AND in_use AND name = $2;

-- name: media_remove
DELETE FROM media WHERE integration_id = $1::uuid AND kind = 'ATTACHMENT' AND in_use AND name = $2;
