-- Queries of accounts made from the command line.

-- name: account_organization_find
SELECT id FROM organization WHERE $1::text IS NULL OR name = $1 ORDER BY id LIMIT 2;

-- name: account_organization_make
INSERT INTO organization (id, name, data_key) VALUES ($1::uuid, $2, $3);

-- name: account_user
INSERT INTO app_user (id, organization_id, email, name, role)
VALUES ($1::uuid, $2::uuid, $3, split_part($3, '@', 1), 'owner')
ON CONFLICT (organization_id, lower(email)) DO UPDATE SET updated_at = app_user.updated_at
RETURNING id, role;

-- name: account_token
INSERT INTO api_token (id, organization_id, user_id, name, token_hash, scope, expires_at)
VALUES ($1::uuid, $2::uuid, $3::uuid, $4, $5, $7,
        CASE WHEN $6::int > 0 THEN now() + $6::int * interval '1 day' END);

-- name: database_exists
SELECT 1 FROM pg_database WHERE datname = $1;
