-- Queries of creating and changing integrations.

-- name: integration_lock
SELECT v.id, v.sequence_id, v.version_number, v.version_is_available, v.definition, v.customer_id,
       v.labels
FROM integration v WHERE v.id = $1::uuid FOR UPDATE;

-- name: integration_labels
UPDATE integration SET labels = $2::text[], updated_at = now() WHERE id = $1::uuid;

-- name: integration_available
UPDATE integration SET version_is_available = $2::bool, updated_at = now() WHERE id = $1::uuid;

-- name: integration_has_version
SELECT EXISTS (SELECT FROM integration WHERE sequence_id = $1::uuid AND version_number > 0),
       EXISTS (SELECT FROM integration WHERE sequence_id = $1::uuid AND version_number > 0
               AND version_is_available);

-- name: integration_code_native
UPDATE integration SET is_code_native = $2::bool WHERE id = $1::uuid AND is_code_native <> $2::bool;

-- An integration of a customer has instances of this customer only.
-- name: integration_owner
UPDATE integration SET customer_id = $2::uuid, updated_at = now()
WHERE sequence_id = $1::uuid AND ($2::uuid IS NULL OR NOT EXISTS (
    SELECT FROM instance i JOIN integration v ON v.id = i.integration_id
    WHERE v.sequence_id = $1::uuid AND i.customer_id <> $2::uuid));

-- name: integration_shown
UPDATE integration SET template_configuration = coalesce($2, template_configuration),
    marketplace_configuration = coalesce($3, marketplace_configuration),
    marketplace_tab_configuration = coalesce($4, marketplace_tab_configuration),
    overview = coalesce($5, overview),
    allow_multiple_marketplace_instances = coalesce($6::bool, allow_multiple_marketplace_instances),
    updated_at = now()
WHERE sequence_id = $1::uuid;
