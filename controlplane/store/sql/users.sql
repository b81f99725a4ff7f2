-- Queries of users, of the organization itself, and of what users have starred.

-- name: api_user_insert
INSERT INTO app_user (id, organization_id, customer_id, email, name, external_id, phone, role)
VALUES ($1::uuid, $2::uuid, $3::uuid, $4, coalesce($5, ''), nullif($6, ''), coalesce($7, ''), $8);

-- name: api_user_lock
SELECT role FROM app_user WHERE id = $1::uuid FOR UPDATE;

-- name: api_owners_lock
SELECT id FROM app_user WHERE role = 'owner' ORDER BY id FOR UPDATE;

-- name: api_user_update
UPDATE app_user SET name = coalesce($2, name), phone = coalesce($3, phone),
    external_id = CASE WHEN $4 = '' THEN NULL ELSE coalesce($4, external_id) END,
    avatar_url = coalesce($5, avatar_url), dark_mode = coalesce($6::bool, dark_mode),
    dark_mode_sync_with_os = coalesce($7::bool, dark_mode_sync_with_os),
    feature_flags = coalesce($8, feature_flags), role = coalesce($9, role), updated_at = now()
WHERE id = $1::uuid;

-- name: api_user_tokens_revoke
UPDATE api_token SET revoked_at = now() WHERE user_id = $1::uuid AND revoked_at IS NULL;

-- name: api_user_delete
DELETE FROM app_user WHERE id = $1::uuid;

-- name: api_organization_update
UPDATE organization SET name = coalesce($2, name), labels = coalesce($3::text[], labels),
    avatar_url = coalesce($4, avatar_url), marketplace_name = coalesce($5, marketplace_name),
    branded_elements = coalesce($6, branded_elements), feature_flags = coalesce($7, feature_flags),
    updated_at = now()
WHERE id = $1::uuid;

-- name: api_star_put
INSERT INTO starred_record (user_id, object_id, organization_id) VALUES ($1::uuid, $2::uuid, $3::uuid)
ON CONFLICT DO NOTHING;

-- name: api_star_delete
DELETE FROM starred_record WHERE user_id = $1::uuid AND object_id = $2::uuid;
