-- Queries of signing in.

-- name: signin_keys
SELECT key FROM leat_signing_keys($1::uuid) AS key;

-- name: signin_embedded_user
SELECT customer_id, user_id FROM leat_embedded_user($1, $2, $3::int, $4, $5, $6, $7, $8::uuid, $9::uuid);

-- name: signin_key_count
SELECT count(*) FROM organization_signing_key;

-- name: signin_key_lock
SELECT pg_advisory_xact_lock(hashtextextended($1, 7233188));

-- name: signin_key_insert
INSERT INTO organization_signing_key (id, organization_id, public_key, private_key_preview, imported)
VALUES ($1::uuid, $2::uuid, $3, $4, $5::bool);

-- name: signin_key_find
SELECT id FROM organization_signing_key WHERE id = $1::uuid;

-- name: signin_key_delete
DELETE FROM organization_signing_key WHERE id = $1::uuid;
