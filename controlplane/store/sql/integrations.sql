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

-- name: integration_pair
SELECT v.definition, v.sequence_id, old.definition
FROM integration v, integration old WHERE v.id = $1::uuid AND old.id = $2::uuid;

-- Instances of a sequence ($2) that are not on a version ($1) yet, with the keys that they lack of
-- those without a default ($3), or have set of those that changed their type ($4).
-- name: integration_lacking
SELECT leat_gid('Instance', i.id), i.name, coalesce(c.name, ''), wanted.keys
FROM instance i
JOIN integration v ON v.id = i.integration_id
LEFT JOIN customer c ON c.id = i.customer_id
CROSS JOIN LATERAL (
    SELECT array_agg(k.key ORDER BY k.key) AS keys
    FROM (SELECT key, false AS changed FROM unnest($3::text[]) key
          UNION ALL SELECT key, true FROM unnest($4::text[]) key) k
    WHERE k.changed = EXISTS (
        SELECT FROM instance_config_variable s
        WHERE s.instance_id = i.id AND s.key = k.key
            AND (s.value IS NOT NULL OR s.sealed_inputs IS NOT NULL))) wanted
WHERE v.sequence_id = $2::uuid AND NOT i.is_system AND i.removing_at IS NULL AND i.integration_id <> $1::uuid
    AND wanted.keys IS NOT NULL
ORDER BY i.name, i.id LIMIT 1000;
