-- Queries of the API: who asks, and what mutations need.

-- name: api_token_lookup
SELECT organization_id, customer_id, user_id, role, scope, token_id FROM leat_token_lookup($1::bytea);

-- name: api_time_limit
SELECT set_config('statement_timeout', $1::int8::text, true);

-- name: api_component_sync
INSERT INTO component (id, organization_id, key, version, label, description, category, is_public, metadata)
VALUES ($1::uuid, NULL, $2, $3::int, $4, $5, $6, $7::bool, $8::jsonb)
ON CONFLICT (organization_id, key, version) DO UPDATE
SET label = EXCLUDED.label, description = EXCLUDED.description, category = EXCLUDED.category,
    is_public = EXCLUDED.is_public, metadata = EXCLUDED.metadata
WHERE (component.label, component.description, component.category, component.is_public,
       component.metadata)
    IS DISTINCT FROM (EXCLUDED.label, EXCLUDED.description, EXCLUDED.category, EXCLUDED.is_public,
                      EXCLUDED.metadata);

-- name: api_customer_insert
INSERT INTO customer (id, organization_id, name, description, external_id, labels, concurrency_limit,
    allow_embedded_designer, allow_workflow_copilot)
VALUES ($1::uuid, $2::uuid, $3, $4, $5, coalesce($6::text[], '{}'), $7::int,
    coalesce($8::bool, false), coalesce($9::bool, false));

-- name: api_customer_update
UPDATE customer SET name = coalesce($2, name), description = coalesce($3, description),
    external_id = CASE WHEN $4 = '' THEN NULL ELSE coalesce($4, external_id) END,
    labels = coalesce($5::text[], labels),
    concurrency_limit = CASE WHEN $6::bool THEN $7::int ELSE concurrency_limit END,
    allow_embedded_designer = coalesce($8::bool, allow_embedded_designer),
    allow_workflow_copilot = coalesce($9::bool, allow_workflow_copilot),
    avatar_url = coalesce($10, avatar_url), attachments = coalesce($11::jsonb, attachments),
    updated_at = now()
WHERE id = $1::uuid;

-- name: api_customer_lock
SELECT id, attachments::text FROM customer WHERE id = $1::uuid FOR UPDATE;
